//! Hidden cases: their digest is published, the bytes that have it are shown later, and until then
//! nothing of them leaves the validator.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use portcullis::api::{RejudgeRequest, ResultRequest};
use portcullis::client::Client;
use portcullis::config::Secret;
use portcullis::judge::{Checker, Scheme};
use portcullis::lint::Policy;
use portcullis::model::{
    CaseResult, CaseVerdict, Digest, IsolationLevel, MinerId, Score, Slug, SubmissionState, TaskResult, Usage,
};
use portcullis::report::{self, Terms};
use portcullis::sandbox::RunId;
use portcullis::server;
use portcullis::task::{self, Case, Task};
use portcullis::validator::{self, Agent, Event, Events, Plan};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::platform_cli::Served;
use crate::support::scripted::{Act, Scripted};
use crate::support::{project, run};

const INPUT: &str = "hidden-input-7f3a";
const ANSWER: &str = "hidden-answer-91c2";

fn slug(name: &str) -> Slug {
    Slug::parse(name).expect("a name")
}

fn secretive() -> Task {
    let hidden = Case { hidden: true, ..Case::new(slug("secret"), INPUT.as_bytes(), ANSWER) };
    let argued =
        Case { hidden: true, arguments: vec![INPUT.to_owned()], ..Case::new(slug("argued"), b"", ANSWER) };
    Task::new(
        slug("one"),
        "print it",
        Checker::Lines,
        vec![Case::new(slug("open"), b"", "ok"), hidden, argued],
    )
}

#[track_caller]
fn tells_nothing(what: &str, text: &str) {
    for secret in [INPUT, ANSWER] {
        assert!(!text.contains(secret), "{what} tells `{secret}`:\n{text}");
    }
}

#[test]
fn neither_events_nor_reports_tell_what_a_hidden_case_asks_or_expects() {
    // The agent repeats its input wherever it can, and nearly has the answer.
    let acts: [fn() -> Act; 5] = [
        || Act::Print("hidden-input-7f3a hidden-answer-91c\n"),
        || Act::Say { stdout: "", stderr: "ValueError: hidden-input-7f3a\n", code: 1 },
        || Act::Say { stdout: "hidden-input-7f3a", stderr: "hidden-input-7f3a", code: 3 },
        || Act::Print(""),
        || Act::Fail,
    ];
    let logged = Buffer::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone());
    let _logging = tracing::subscriber::set_default(log.finish());
    for act in acts {
        let backend = Scripted::new(
            move |_, case, _| {
                if case.name.as_str() == "open" { Act::Print("ok\n") } else { act() }
            },
        );
        let id = MinerId::parse("a").expect("a miner id");
        let agent = Agent::admit(id, b"print(1)\n", &Policy::standard()).expect("an honest agent");
        let plan = Plan {
            run: RunId::generate(),
            agents: vec![Arc::new(agent)],
            tasks: vec![Arc::new(secretive())],
            backend: Arc::new(backend),
            jobs: 1,
            repeat: 2,
            seed: 1,
            at_least: None,
            cancel: CancellationToken::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (events, mut stream) = Events::channel();
        let outcome = runtime.block_on(validator::run(plan, events));
        let mut seen: Vec<Event> = Vec::new();
        while let Ok(event) = stream.try_recv() {
            seen.push(event);
        }
        tells_nothing("an event", &serde_json::to_string(&seen).expect("JSON"));
        tells_nothing("the outcome", &format!("{outcome:?}").replace("print it", ""));
        let terms = Terms {
            pool: portcullis::model::RawAmount::from_millionths(1),
            unit: "TAO".to_owned(),
            scheme: Scheme::Proportional,
            repeat: 2,
            sandbox: None,
            allow_weak: false,
        };
        let summary = report::summarise(outcome, Vec::new(), terms);
        tells_nothing("the table", &report::table(&summary));
        tells_nothing("the report", &report::json(&summary));
        tells_nothing("the last line", &report::json_line(&summary));
    }
    let logged = logged.text();
    assert!(logged.contains("sandbox failed"), "it is really the log: {logged}");
    tells_nothing("the validator's log", &logged);
}

/// What is logged, in memory.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("whole").clone()).expect("UTF-8")
    }
}

impl std::io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Buffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_page_and_no_answer_of_the_platform_tells_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let task = secretive();
    let published = task.hidden_digest.expect("hidden cases").to_string();
    let settings = server::Settings::new(listen, folder.path().to_owned(), vec![task]);
    let running = server::bind(settings).await.expect("a platform");
    let url = running.url();
    // It also sees to it that the other client below can be made.
    let client = Client::new(&url).expect("a client");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(running.serve_until(async move { drop(stopped.await) }));
    for path in ["/", "/tasks", "/tasks/one", "/agents", "/leaderboard", "/openapi.json", "/metrics"] {
        for accept in ["application/json", "text/html"] {
            let answer =
                reqwest::Client::new().get(format!("{url}{path}")).header("accept", accept).send().await;
            let text = answer.expect("an answer").text().await.expect("a text");
            tells_nothing(path, &text);
            if path.starts_with("/tasks") && accept == "application/json" {
                assert!(text.contains(&published), "{path} publishes the digest: {text}");
            }
        }
    }
    let shown = client.task(&slug("one")).await.expect("the task");
    assert_eq!(shown.hidden_digest.map(|digest| digest.to_string()), Some(published));
    drop(stop);
    serving.await.expect("it ends").expect("well");
}

/// The task of a platform that is started as a program.
fn write_task(folder: &Path) {
    let one = folder.join("tasks/one");
    fs::create_dir_all(one.join("hidden")).expect("made");
    let toml = "title = \"One\"\ndifficulty = \"easy\"\nprompt = \"Print it.\"\nchecker = \"lines\"\n\n\
                [[case]]\nname = \"open\"\nstdin = \"\"\nexpected = \"ok\\n\"\n";
    for (file, text) in [
        ("task.toml", toml),
        ("statement.md", "# One\n\nPrint it.\n"),
        ("solution.py", "print(input())\n"),
        ("hidden/secret.in", INPUT),
        ("hidden/secret.out", ANSWER),
        ("hidden.salt", "00112233445566778899aabbccddeeff\n"),
    ] {
        fs::write(one.join(file), text).expect("written");
    }
}

/// What a validator reports that does not hold its tongue.
fn careless(task: &Task, verdict: CaseVerdict) -> ResultRequest {
    let case = |case: &Case| CaseResult {
        name: case.name.clone(),
        verdict: if case.hidden { verdict } else { CaseVerdict::Accepted },
        usage: Usage { wall_ms: 3, cpu_ms: 2, memory_kib: 9_000 },
        message: case.hidden.then(|| format!("of {INPUT} it made no {ANSWER}")),
        diff: case.hidden.then(|| format!("-{ANSWER}\n+{INPUT}\n")),
        repeats: Vec::new(),
    };
    let cases: Vec<CaseResult> = task.cases.iter().map(case).collect();
    let (score, split) = (task.score(&cases), task.split(&cases));
    ResultRequest {
        validator: MinerId::parse("v1").expect("a name"),
        backend: "fake".to_owned(),
        isolation: IsolationLevel::Full,
        tasks: vec![TaskResult { task: task.id.clone(), score, split, cases }],
    }
}

/// Everything that a platform says over HTTP, to everybody and to its operator.
async fn answers(url: &str, token: &str, paths: &[String]) -> Vec<(String, String)> {
    let http = reqwest::Client::new();
    let mut all = Vec::new();
    for path in paths {
        for accept in ["application/json", "text/html"] {
            for operator in [false, true] {
                let mut request = http.get(format!("{url}{path}")).header("accept", accept);
                if operator {
                    request = request.bearer_auth(token);
                }
                let answer = request.send().await.expect("an answer");
                let head = format!("{:?}", answer.headers());
                let what = format!("{path} as {accept}, operator: {operator}, {}", answer.status());
                all.push((what, format!("{head}\n{}", answer.text().await.expect("a text"))));
            }
        }
    }
    all
}

#[test]
fn neither_logs_nor_metrics_nor_live_updates_nor_problems_nor_backups_tell_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_task(folder.path());
    let task = task::load_dir(&folder.path().join("tasks")).expect("a task").remove(0);
    assert!(
        task.cases.iter().any(|case| case.hidden && case.accepted.iter().any(|text| text.contains(ANSWER)))
    );
    let served = Served::logging(folder.path(), &["--tasks", "tasks"], Some("trace"));
    let token = Secret::read(&folder.path().join("data/validator.token")).expect("the token");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = Client::new(&served.url).expect("a client");
        let inside = client.clone().with_token(&token);
        let mut live = reqwest::get(format!("{}/ui/events", served.url)).await.expect("a stream");
        let uploaded = client.upload("alice", b"print(1)\n".to_vec()).await.expect("taken");
        let me = MinerId::parse("v1").expect("a name");
        let claim = async || inside.claim(&me).await.expect("asked").expect("work");

        let work = claim().await;
        tells_nothing("an assignment", &serde_json::to_string(&work).expect("JSON"));
        let mut wrong = careless(&task, CaseVerdict::WrongAnswer);
        wrong.tasks[0].score = Some(Score::FULL);
        let problem = inside.submit_result(work.assignment_id, &wrong).await.expect_err("refused");
        tells_nothing("a problem", &format!("{problem:?}"));
        // Our fault, then theirs.
        let broken = careless(&task, CaseVerdict::InternalError);
        let taken = inside.submit_result(work.assignment_id, &broken).await.expect("taken");
        tells_nothing("an answer", &serde_json::to_string(&taken).expect("JSON"));
        let judged = careless(&task, CaseVerdict::WrongAnswer);
        let taken = inside.submit_result(claim().await.assignment_id, &judged).await.expect("taken");
        assert_eq!(taken.status, SubmissionState::Completed);
        let reason = "a case was wrong".to_owned();
        let again = RejudgeRequest {
            task: None,
            policy: None,
            since: None,
            until: None,
            reason,
            operator: me.clone(),
        };
        let set = inside.create_rejudge(&again).await.expect("made").rejudge_id;
        let better = careless(&task, CaseVerdict::TimeLimit);
        inside.submit_result(claim().await.assignment_id, &better).await.expect("taken");

        let id = uploaded.submission_id;
        let mut paths: Vec<String> = [
            "/",
            "/agents",
            "/agents/alice",
            "/submissions",
            "/leaderboard",
            "/tasks",
            "/tasks/one",
            "/health",
            "/version",
            "/metrics",
            "/openapi.json",
            "/tasks/none",
            "/nothing",
            "/validate/none",
            "/ui/tasks",
            "/ui/tasks/one",
            "/ui/validators",
            "/ui/api",
            "/ui/holds",
            "/ui/rejudges",
            "/ui/miners/alice",
            "/internal/v1/holds",
            "/internal/v1/bans",
            "/internal/v1/rejudges",
            "/internal/v1/audit",
            "/internal/v1/agents/alice/source",
        ]
        .map(str::to_owned)
        .to_vec();
        paths.extend([
            format!("/submissions/{id}"),
            format!("/submissions/{id}/runs"),
            format!("/ui/submissions/{id}"),
            format!("/ui/rejudges/{set}"),
            format!("/internal/v1/rejudges/{set}"),
        ]);
        let all = answers(&served.url, token.reveal(), &paths).await;
        for (what, answer) in &all {
            tells_nothing(what, answer);
        }
        let shown = |part: &str| all.iter().any(|(_, answer)| answer.contains(part));
        assert!(
            shown("wrong_answer") && shown("time_limit") && shown("was not judged"),
            "it is really there"
        );
        let changes = live.chunk().await.expect("a stream").expect("a change");
        tells_nothing("the stream of changes", &String::from_utf8_lossy(&changes));
    });
    let made = run(folder.path(), &["backup", "backup.zip", "--data", "data"], b"");
    assert_eq!(made.code, Some(0), "{made}");
    let file = fs::File::open(folder.path().join("backup.zip")).expect("the file");
    let mut archive = zip::ZipArchive::new(file).expect("a ZIP");
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).expect("an entry");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("UTF-8");
        tells_nothing("a backup", &text);
    }
    for name in ["platform.sqlite", "platform.sqlite-wal"] {
        let bytes = fs::read(folder.path().join("data").join(name)).unwrap_or_default();
        tells_nothing(name, &String::from_utf8_lossy(&bytes));
    }
    let (code, said) = served.stop();
    assert_eq!(code, Some(0));
    assert!(said.contains("TRACE") && said.contains("submission stored"), "it is really the log: {said}");
    tells_nothing("the log", &said);
    assert!(!said.contains(token.reveal()), "nor the token");
}

#[test]
fn what_is_revealed_has_the_digest_that_was_published() {
    let revealed = run(&project("."), &["task", "reveal", "reverse_string"], b"");
    assert_eq!(revealed.code, Some(0), "{revealed}");
    let builtin = task::builtin().expect("they are right");
    let task = builtin.iter().find(|task| task.id.as_str() == "reverse_string").expect("it is there");
    let published = task.hidden_digest.expect("hidden cases");
    assert_eq!(Digest::of(revealed.stdout.as_bytes()), published, "{revealed}");
    for case in task.cases.iter().filter(|case| case.hidden) {
        assert!(revealed.stdout.contains(case.name.as_str()), "{revealed}");
    }

    let temporary = tempfile::tempdir().expect("a temporary folder");
    fs::write(temporary.path().join("shown.json"), &revealed.stdout).expect("written");
    let verify = |digest: &str| {
        run(temporary.path(), &["task", "reveal", "--verify", "shown.json", "--digest", digest], b"").code
    };
    assert_eq!(verify(&published.to_string()), Some(0));
    assert_eq!(verify(&task.digest.to_string()), Some(1));
    assert_eq!(verify("abc"), Some(2));
}

#[test]
fn the_salt_and_every_hidden_byte_change_the_digest_and_public_cases_do_not() {
    let digest = |change: fn(&mut Task)| {
        let mut task = secretive();
        change(&mut task);
        task.reveal().map(|text| Digest::of(text.as_bytes()))
    };
    let original = digest(|_| ());
    assert_eq!(digest(|task| task.cases[0].accepted = vec!["other".into()]), original);
    assert_ne!(digest(|task| task.salt = "00".repeat(16)), original);
    assert_ne!(digest(|task| task.cases[1].accepted = vec!["other".into()]), original);
    assert_ne!(digest(|task| task.cases[1].stdin = Arc::from(&b"\xff"[..])), original);
    assert_ne!(digest(|task| task.cases[2].arguments = Vec::new()), original);
    assert_eq!(digest(|task| task.cases.truncate(1)), None);
}
