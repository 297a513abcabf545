//! Hidden cases: their digest is published, the bytes that have it are shown later, and until then
//! nothing of them leaves the validator.

use std::fs;
use std::sync::Arc;

use portcullis::judge::{Checker, Scheme};
use portcullis::lint::Policy;
use portcullis::model::{Digest, MinerId, Slug};
use portcullis::report::{self, Terms};
use portcullis::sandbox::RunId;
use portcullis::server;
use portcullis::task::{self, Case, Task};
use portcullis::validator::{self, Agent, Event, Events, Plan};
use tokio_util::sync::CancellationToken;

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
    let acts: [fn() -> Act; 4] = [
        || Act::Print("hidden-input-7f3a hidden-answer-91c\n"),
        || Act::Say { stdout: "", stderr: "ValueError: hidden-input-7f3a\n", code: 1 },
        || Act::Say { stdout: "hidden-input-7f3a", stderr: "hidden-input-7f3a", code: 3 },
        || Act::Print(""),
    ];
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
    let client = portcullis::client::Client::new(&url).expect("a client");
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
