//! Who may do what: validators with a token each, a trusted upstream, bans, quotas.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::api::{BanRequest, LiftRequest, ReleaseRequest, Uploaded};
use portcullis::client::{Client, ClientError};
use portcullis::config::{MinerKey, Secret, Tokens};
use portcullis::model::{Scheme, SubmissionState, ss58_encode};
use portcullis::queue::SystemClock;
use portcullis::server::{self, Identity};
use portcullis::store::Quota;
use tempfile::TempDir;

use super::hostile::{BOUNDARY, form};
use super::{Platform, assignments, miner, name, problem, settings};

/// A file of tokens for `names`, and their clients' tokens.
fn tokens<const N: usize>(names: [&str; N]) -> (TempDir, PathBuf, [Secret; N]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tokens");
    let secrets = names.map(|_| Secret::generate());
    let lines: Vec<String> =
        names.iter().zip(&secrets).map(|(name, secret)| Tokens::line(&miner(name), secret)).collect();
    std::fs::write(&path, lines.join("\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    (folder, path, secrets)
}

#[tokio::test]
async fn a_validator_acts_in_its_own_name_only() {
    let (_folder, path, [first, second]) = tokens(["v1", "v2"]);
    let platform = Platform::with(|settings| settings.validators = Some(path)).await;
    let (first, second) =
        (platform.client.clone().with_token(&first), platform.client.clone().with_token(&second));
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let refused = problem(first.claim(&miner("v2")).await);
    assert_eq!((refused.status, name(&refused)), (403, "forbidden"));
    let work = first.claim(&miner("v1")).await.expect("asked").expect("work");

    let id = work.assignment_id;
    let release = |who: &str| ReleaseRequest { validator: miner(who), reason: "no".to_owned(), fault: true };
    // In the other's name it is not allowed, in the own name the assignment is not there.
    for (who, status) in [("v1", 403), ("v2", 404)] {
        assert_eq!(problem(second.heartbeat(id, &miner(who)).await).status, status);
        assert_eq!(problem(second.release(id, &release(who)).await).status, status);
        assert_eq!(problem(second.submit_result(id, &assignments::result(who, 0)).await).status, status);
    }
    first.heartbeat(id, &miner("v1")).await.expect("its own");
    let done = first.submit_result(id, &assignments::result("v1", 0)).await.expect("its own");
    assert_eq!(done.status, SubmissionState::Completed);
    let events = platform.client.submission(work.submission_id).await.expect("known").events;
    assert_eq!(events.last().expect("an event").actor, "v1");
}

#[tokio::test]
async fn the_operators_token_does_not_score_where_validators_have_their_own() {
    let (_folder, path, [validator]) = tokens(["v1"]);
    let platform = Platform::with(|settings| settings.validators = Some(path)).await;
    assert_eq!(problem(platform.inside.claim(&miner("v1")).await).status, 401);
    assert_eq!(problem(platform.client.claim(&miner("v1")).await).status, 401);
    let validator = platform.client.clone().with_token(&validator);
    assert_eq!(validator.claim(&miner("v1")).await.expect("asked"), None);
    // Nor does a validator decide what an operator decides.
    assert_eq!(problem(validator.holds().await).status, 401);
    assert_eq!(problem(validator.bans(true).await).status, 401);
    platform.inside.holds().await.expect("the operator's");
}

async fn forward(
    platform: &Platform,
    token: Option<&Secret>,
    headers: &[(&str, &str)],
    agent: &[u8],
) -> reqwest::Response {
    let url = format!("{}/internal/v1/bridge/submissions", platform.url);
    let mut request = reqwest::Client::new()
        .post(url)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(&[("agent", agent)]));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.reveal()));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn an_upstream_forwards_in_the_name_of_the_hotkey_that_it_verified() {
    let (_folder, path, [gateway]) = tokens(["gateway"]);
    let platform = Platform::with(|settings| {
        settings.identity = Identity::Bridge;
        settings.upstreams = Some(path);
    })
    .await;
    let hotkey = MinerKey::generate(Scheme::Sr25519).hotkey();
    let polkadot = ss58_encode(0, &hotkey.key);
    let taken = forward(&platform, Some(&gateway), &[("x-verified-hotkey", &polkadot)], b"print(1)\n").await;
    assert_eq!(taken.status(), 201);
    let taken: Uploaded = serde_json::from_slice(&taken.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(taken.miner_id.to_string(), hotkey.to_string(), "under the one name of the key");
    let events = platform.client.submission(taken.submission_id).await.expect("known").events;
    assert!(events[0].reason.contains("upstream `gateway`"), "{}", events[0].reason);

    // The gate stands before the store as it does for everybody.
    let refused =
        forward(&platform, Some(&gateway), &[("x-verified-hotkey", &polkadot)], b"eval('1')\n").await;
    assert_eq!(refused.status(), 422);
    for (token, headers, status) in [
        (None, &[("x-verified-hotkey", polkadot.as_str())][..], 401),
        (Some(&Secret::generate()), &[("x-verified-hotkey", &polkadot)], 401),
        (Some(&gateway), &[], 400),
        (Some(&gateway), &[("x-verified-hotkey", "alice")], 400),
        (Some(&gateway), &[("x-verified-hotkey", &polkadot), ("x-verified-hotkey", &polkadot)], 400),
        (Some(&gateway), &[("x-verified-hotkey", &polkadot), ("x-scheme", "rsa")], 400),
    ] {
        let answer = forward(&platform, token, headers, b"print(2)\n").await;
        assert_eq!(answer.status(), status, "{headers:?}");
    }
    // Nobody else may upload here, and the operator's token is not the upstream's.
    assert_eq!(problem(platform.upload("alice", "print(2)\n").await).status, 401);
    let operator = Secret::read(&platform.folder.path().join("validator.token")).expect("a token");
    let answer =
        forward(&platform, Some(&operator), &[("x-verified-hotkey", &polkadot)], b"print(2)\n").await;
    assert_eq!(answer.status(), 401);
    assert_eq!(platform.client.agents().await.expect("agents").len(), 1);
}

#[tokio::test]
async fn without_upstreams_there_is_no_bridge() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bridge = settings(folder.path());
    bridge.identity = Identity::Bridge;
    assert!(server::bind(bridge).await.expect_err("refused").to_string().contains("upstreams"));
    let platform = Platform::start().await;
    let token = Secret::generate();
    let answer = forward(&platform, Some(&token), &[("x-verified-hotkey", "alice")], b"print(1)\n").await;
    assert_eq!(answer.status(), 401);
}

fn ban(who: &str) -> BanRequest {
    let reason = "sells answers".to_owned();
    BanRequest { miner_id: miner(who), scheme: None, reason, operator: miner("carol") }
}

fn lift() -> LiftRequest {
    let reason = "it was somebody else".to_owned();
    LiftRequest { scheme: None, reason, operator: miner("carol") }
}

#[tokio::test]
async fn a_banned_miner_uploads_nothing_is_not_scored_and_is_not_ranked_until_the_ban_is_lifted() {
    let platform = Platform::start().await;
    platform.upload("mallory", "print(1)\n").await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.inside.submit_result(work.assignment_id, &assignments::result("v1", 0)).await.expect("taken");
    platform.upload("mallory", "print(2)\n").await.expect("taken");
    assert_eq!(platform.client.leaderboard().await.expect("a ranking").rankings.len(), 1);

    let made = platform.inside.ban(&ban("Mallory")).await.expect("banned, in whatever case");
    assert_eq!((made.operator.as_str(), made.lifted), ("operator carol", None));
    let again = problem(platform.inside.ban(&ban("mallory")).await);
    assert_eq!((again.status, name(&again)), (409, "already-banned"));
    let refused = problem(platform.upload("mallory", "print(3)\n").await);
    assert_eq!((refused.status, name(&refused)), (403, "banned"));
    assert!(refused.detail.contains("sells answers"), "{}", refused.detail);
    assert!(platform.client.leaderboard().await.expect("a ranking").rankings.is_empty());
    assert_eq!(platform.inside.claim(&miner("v1")).await.expect("asked"), None, "its work is not lent");
    platform.upload("alice", "print(4)\n").await.expect("others go on");

    platform.inside.lift_ban(&miner("mallory"), &lift()).await.expect("lifted");
    assert_eq!(problem(platform.inside.lift_ban(&miner("mallory"), &lift()).await).status, 404);
    assert_eq!(platform.client.leaderboard().await.expect("a ranking").rankings.len(), 1);
    platform.upload("mallory", "print(3)\n").await.expect("taken again");
    assert!(platform.inside.bans(false).await.expect("a list").is_empty());
    let history = platform.inside.bans(true).await.expect("a list");
    assert_eq!(history.len(), 1, "who decided what stays");
    assert_eq!(history[0].lifted.as_ref().expect("lifted").reason, "it was somebody else");
    assert_eq!(problem(platform.client.ban(&ban("alice")).await).status, 401);
}

#[tokio::test]
async fn a_ban_of_an_address_is_a_ban_of_its_key() {
    let platform = Platform::with(|settings| settings.identity = Identity::Signed).await;
    let key = MinerKey::generate(Scheme::Sr25519);
    platform.inside.ban(&ban(&ss58_encode(2, &key.hotkey().key))).await.expect("banned");
    let bans = platform.inside.bans(false).await.expect("a list");
    assert_eq!(bans[0].miner_id.to_string(), key.hotkey().to_string());
    let shown = bans[0].key.as_ref().expect("a key");
    assert_eq!((shown.scheme, shown.address.as_str()), (Scheme::Sr25519, bans[0].miner_id.as_str()));
    assert_eq!(shown.hex, hex::encode(key.hotkey().key));
}

#[tokio::test]
async fn an_ed25519_key_is_banned_by_its_digits_and_by_any_of_its_addresses() {
    let platform = Platform::with(|settings| {
        settings.identity = Identity::Signed;
        // The client signs by the real one.
        settings.clock = Arc::new(SystemClock);
    })
    .await;
    let (known, other) = (MinerKey::generate(Scheme::Ed25519), MinerKey::generate(Scheme::Ed25519));
    let digits = |key: &MinerKey| hex::encode(key.hotkey().key);
    platform.client.upload_signed(&known, b"print(1)\n").await.expect("taken");

    let address = ss58_encode(2, &known.hotkey().key);
    let ban_of_known = platform.inside.ban(&ban(&address)).await.expect("the platform knows which it is");
    assert_eq!(ban_of_known.miner_id.as_str(), digits(&known));
    let shown = ban_of_known.key.expect("a key");
    assert_eq!((shown.scheme, shown.hex.as_str()), (Scheme::Ed25519, digits(&known).as_str()));
    assert_eq!(shown.address, ss58_encode(42, &known.hotkey().key));
    let refused = problem(platform.client.upload_signed(&known, b"print(2)\n").await);
    assert_eq!((refused.status, name(&refused)), (403, "banned"));
    let again = problem(platform.inside.ban(&ban(&digits(&known))).await);
    assert_eq!((again.status, name(&again)), (409, "already-banned"), "the digits are the same miner");
    platform.inside.lift_ban(&miner(&address), &lift()).await.expect("lifted by its address");
    platform.client.upload_signed(&known, b"print(2)\n").await.expect("taken again");

    // A key that the platform does not know yet: what a signed request means by default, unless said.
    let address = ss58_encode(42, &other.hotkey().key);
    let said = BanRequest { scheme: Some(Scheme::Ed25519), ..ban(&address) };
    assert_eq!(platform.inside.ban(&said).await.expect("banned").miner_id.as_str(), digits(&other));
    let refused = problem(platform.client.upload_signed(&other, b"print(3)\n").await);
    assert_eq!((refused.status, name(&refused)), (403, "banned"));
    assert_eq!(platform.inside.ban(&ban(&address)).await.expect("banned").miner_id.as_str(), address);
    let two = problem(platform.inside.lift_ban(&miner(&address), &lift()).await);
    assert!(two.status == 400 && two.detail.contains("scheme"), "{two:?}");
    let wrong = BanRequest { scheme: Some(Scheme::Sr25519), ..ban(&digits(&other)) };
    assert_eq!(problem(platform.inside.ban(&wrong).await).status, 400);

    let open = Platform::start().await;
    assert_eq!(problem(open.inside.ban(&said).await).status, 400, "it knows no keys");
    assert_eq!(open.inside.ban(&ban(&address)).await.expect("a name like any other").key, None);
}

/// Seconds to wait, when it is a 429.
fn wait(answer: Result<Uploaded, ClientError>) -> String {
    let problem = problem(answer);
    assert_eq!((problem.status, name(&problem)), (429, "too-many"), "{}", problem.detail);
    problem.detail
}

#[tokio::test]
async fn a_miner_submits_so_often_in_a_day_and_no_more() {
    let quota = Quota { per_day: Some(2), bytes: None };
    let platform = Platform::with(|settings| settings.quota = quota).await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    platform.clock.advance(3600);
    platform.upload("alice", "print(2)\n").await.expect("taken");
    let why = wait(platform.upload("alice", "print(3)\n").await);
    assert!(why.contains("try again in 82800 s"), "{why}");
    platform.upload("bob", "print(4)\n").await.expect("others go on");
    assert!(platform.upload("alice", "import os\n").await.is_err(), "refused before the gate");
    platform.clock.advance(82_800);
    platform.upload("alice", "print(3)\n").await.expect("the first one is a day old");
    wait(platform.upload("alice", "print(5)\n").await);
}

#[tokio::test]
async fn many_uploads_at_once_do_not_slip_past_a_quota() {
    let quota = Quota { per_day: Some(3), bytes: None };
    let platform = Platform::with(|settings| settings.quota = quota).await;
    let mut uploads = tokio::task::JoinSet::new();
    for number in 0..12 {
        let client: Client = platform.client.clone();
        uploads.spawn(async move {
            client.upload("alice", format!("print({number})\n").into_bytes()).await.is_ok()
        });
    }
    assert_eq!(uploads.join_all().await.into_iter().filter(|&taken| taken).count(), 3);
}

#[tokio::test]
async fn the_sources_of_a_miner_are_bounded_together() {
    let quota = Quota { per_day: None, bytes: Some(25) };
    let platform = Platform::with(|settings| settings.quota = quota).await;
    for number in 0..2 {
        platform.upload("alice", &format!("print({number})\n")).await.expect("taken");
    }
    let refused = problem(platform.upload("alice", "print(3)\n").await);
    assert_eq!((refused.status, name(&refused)), (403, "over-quota"));
    platform.upload("bob", "print(3)\n").await.expect("others go on");
}
