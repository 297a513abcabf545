//! What the world does to a platform: a locked database, a full disk, a clock that moves. The answer
//! is a clear error of ours, nothing is lost and nothing is half there.

use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis::api::{Problem, ReleaseRequest};
use portcullis::model::SubmissionState;
use portcullis::queue::Rules;
use portcullis::store::Quota;
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;

use crate::server::{Platform, miner, name, problem, result};

/// It is our fault, it says so, and it is worth trying again.
#[track_caller]
fn is_ours(problem: &Problem) {
    assert_eq!((problem.status, name(problem)), (503, "unavailable"), "{problem:?}");
    assert!(problem.detail.contains("try again"), "{problem:?}");
    assert!(!problem.detail.contains('/'), "it names no file of ours: {problem:?}");
}

#[tokio::test]
async fn a_locked_database_is_an_error_of_ours_and_nothing_is_half_there() {
    let platform = Platform::start().await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let url = format!("sqlite://{}", platform.folder.path().join("platform.sqlite").display());
    sqlx::any::install_default_drivers();
    let mut other = AnyConnection::connect(&url).await.expect("the database");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("locked");

    // Both wait for the lock as long as the store does, at the same time.
    let whole = result("v1", 0);
    let (upload, report) = tokio::join!(
        platform.upload("bob", "print(2)\n"),
        platform.inside.submit_result(work.assignment_id, &whole)
    );
    is_ours(&problem(upload));
    is_ours(&problem(report));
    let detail = platform.client.submission(work.submission_id).await.expect("reading goes on");
    assert_eq!(detail.status, SubmissionState::Running);

    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("unlocked");
    assert_eq!(platform.client.agents().await.expect("agents").len(), 1, "bob was not taken");
    platform.upload("bob", "print(2)\n").await.expect("taken");
    let taken = platform.inside.submit_result(work.assignment_id, &whole).await.expect("taken");
    assert_eq!(taken.status, SubmissionState::Completed);
}

/// A disk of a few megabytes, or why there is none.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if mounted.status.success() {
            Ok(Self(folder))
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
        }
    }

    #[expect(clippy::print_stderr, reason = "whoever reads a test that did not run wants to know why")]
    fn or_skip() -> Option<Self> {
        Self::mount().inspect_err(|why| eprintln!("skipped: a small disk cannot be mounted here: {why}")).ok()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }

    /// Not one byte is left.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = fs::File::options().create(true).append(true).open(self.filler()).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the platform may still hold files.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

async fn a_full_disk(change: impl FnOnce(&Path, &mut portcullis::server::Settings)) {
    let Some(disk) = SmallDisk::or_skip() else { return };
    let platform = Platform::with(|settings| change(disk.path(), settings)).await;
    let before = platform.upload("alice", "print(1)\n").await.expect("taken");
    disk.fill();
    // What was kept for what is in use already may take one or two more.
    let mut taken = vec![before];
    let refused = loop {
        let number = taken.len();
        let padding = "# padding\n".repeat(2_000);
        match platform.upload(&format!("m{number}"), &format!("{padding}print({number})\n")).await {
            Ok(uploaded) => taken.push(uploaded),
            Err(error) => break problem::<()>(Err(error)),
        }
        assert!(number < 2_000, "the disk is full");
    };
    is_ours(&refused);
    let agents = platform.client.agents().await.expect("reading goes on");
    assert_eq!(agents.len(), taken.len(), "what was refused is not there");

    fs::remove_file(disk.filler()).expect("there is space again");
    taken.push(platform.upload("zoe", "print('zoe')\n").await.expect("taken"));
    for uploaded in &taken {
        let source = platform.inside.agent_source(&uploaded.miner_id).await.expect("whole");
        assert_eq!(source.agent.submission_id, uploaded.submission_id);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_full_of_sources_leaves_them_in_the_database_until_there_is_space() {
    let Some(disk) = SmallDisk::or_skip() else { return };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let database = elsewhere.path().join("db");
    let platform = Platform::with(|settings| {
        settings.data = disk.path().join("data");
        settings.token_file = Some(elsewhere.path().join("token"));
        settings.database = Some(format!("sqlite://{}", database.display()));
    })
    .await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    disk.fill();
    // Much more than what was kept for what is in use already.
    let source = format!("{}print(2)\n", "# padding padding padding padding\n".repeat(5_000));
    let bob = platform.upload("bob", &source).await.expect("taken");
    let kept = platform.inside.agent_source(&miner("bob")).await.expect("whole");
    assert_eq!(kept.source, source);

    fs::remove_file(disk.filler()).expect("there is space again");
    platform.stop().await;
    let name = portcullis::model::Digest::of(source.as_bytes()).to_string();
    assert_eq!(name, bob.sha256.to_string());
    let file = disk.path().join("data/sources").join(&name[..2]).join(&name[2..]);
    assert_eq!(fs::read_to_string(file).expect("it is in its place"), source);
    let mut db = AnyConnection::connect(&format!("sqlite://{}", database.display())).await.expect("it opens");
    let left = sqlx::query("SELECT sha256 FROM shelf").fetch_all(&mut db).await.expect("rows");
    assert!(left.is_empty(), "nothing waits any more");
}

#[tokio::test]
async fn when_too_many_sources_wait_for_a_full_disk_no_more_are_taken_until_there_is_space() {
    let Some(disk) = SmallDisk::or_skip() else { return };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let platform = Platform::with(|settings| {
        settings.data = disk.path().join("data");
        settings.token_file = Some(elsewhere.path().join("token"));
        settings.database = Some(format!("sqlite://{}", elsewhere.path().join("db").display()));
        settings.shelf = 3;
    })
    .await;
    disk.fill();
    let large = format!("{}print(0)\n", "# padding padding padding padding\n".repeat(5_000));
    let mut taken = vec![platform.upload("m0", &large).await.expect("taken")];
    // It is looked at when sources are moved, which is tried every few seconds.
    let refused = loop {
        let number = taken.len();
        match platform.upload(&format!("m{number}"), &format!("print({number})\n")).await {
            Ok(uploaded) => taken.push(uploaded),
            Err(error) => break problem::<()>(Err(error)),
        }
        assert!(number < 20_000, "it is bounded");
    };
    is_ours(&refused);
    assert!(taken.len() > 3, "so many may wait");
    for uploaded in &taken {
        assert!(platform.inside.agent_source(&uploaded.miner_id).await.is_ok(), "what was taken is there");
    }

    fs::remove_file(disk.filler()).expect("there is space again");
    let mut tries = 0;
    while platform.upload("zoe", "print('zoe')\n").await.is_err() {
        tries += 1;
        assert!(tries < 100_000, "it is taken again");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_full_of_database_refuses_uploads_whole_until_there_is_space() {
    a_full_disk(|disk, settings| {
        settings.database = Some(format!("sqlite://{}", disk.join("db").display()));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_moves_loses_nothing_and_changes_no_ranking() {
    const YEAR: i64 = 365 * 86_400;
    let platform = Platform::start().await;
    platform.upload("early", "print(1)\n").await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.clock.advance(-YEAR);
    platform.upload("late", "print(2)\n").await.expect("taken");
    let kept = platform.inside.heartbeat(work.assignment_id, &miner("v1")).await.expect("it is still lent");
    assert!(kept.expires_at < work.expires_at, "nor lasts for a year");
    platform.inside.submit_result(work.assignment_id, &result("v1", 0)).await.expect("taken");
    let second = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.clock.advance(2 * YEAR);
    // Its time is up now, whatever the validator thinks; the work is there for the next one.
    let late = problem(platform.inside.submit_result(second.assignment_id, &result("v1", 0)).await);
    assert_eq!(name(&late), "lease-ended");
    let third = platform.inside.claim(&miner("v2")).await.expect("asked").expect("work");
    assert_eq!(third.submission_id, second.submission_id);
    let back = ReleaseRequest { validator: miner("v2"), reason: "stopping".to_owned(), fault: false };
    platform.clock.advance(-YEAR);
    platform.inside.release(third.assignment_id, &back).await.expect("given back");
    let fourth = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.inside.submit_result(fourth.assignment_id, &result("v1", 0)).await.expect("taken");
    let board = platform.client.leaderboard().await.expect("a ranking");
    let order: Vec<&str> = board.rankings.iter().map(|entry| entry.miner_id.as_str()).collect();
    assert_eq!(order, ["early", "late"], "who came first is not what a clock says");
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_work_from_the_living() {
    const DAY: i64 = 86_400;
    let platform = Platform::start().await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let work = platform.inside.claim(&miner("dead")).await.expect("asked").expect("work");
    platform.clock.advance(-30 * DAY);
    // Looks for what is overdue.
    assert!(platform.inside.claim(&miner("v1")).await.expect("asked").is_none(), "it may be at it");
    let lease = Rules::default().lease.as_secs().cast_signed();
    platform.clock.advance(2 * lease + 1);
    let again = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    assert_eq!(again.submission_id, work.submission_id);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_keeps_no_miner_out_and_lets_no_request_in_twice() {
    const YEAR: i64 = 365 * 86_400;
    let quota = Quota { per_day: Some(1), bytes: None };
    let platform = Platform::with(|settings| settings.quota = quota).await;
    platform.clock.advance(YEAR);
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let today = problem(platform.upload("alice", "print(2)\n").await);
    assert_eq!(name(&today), "too-many");
    platform.clock.advance(-YEAR);
    platform.upload("alice", "print(2)\n").await.expect("taken, not in a year");
    let again = problem(platform.upload("alice", "print(3)\n").await);
    assert!(again.detail.contains("try again in 86400 s"), "{}", again.detail);
    // Nonces of a year ahead were forgotten on the way: what is sent again is the same source, though.
    let twice = problem(platform.upload("bob", "print(1)\n").await);
    assert_eq!((twice.status, name(&twice)), (409, "duplicate"));
}
