//! `/validate`: a bundle comes in, a job comes of it.

use portcullis::api::{JobStatus, Passed, Validation};
use portcullis::bundle::pack;
use portcullis::client::Client;
use portcullis::queue::Clock as _;
use portcullis::store::{NewValidation, Store};
use portcullis::task::{self, Fate};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Platform, name, problem};
use crate::support::StillClock;

fn state(names: &[&str]) -> Vec<u8> {
    let resources: Vec<Value> = names
        .iter()
        .map(|name| json!({"mode": "managed", "type": "vm", "instances": [{"attributes": {"name": name}}]}))
        .collect();
    let state = json!({"version": 4, "resources": resources}).to_string();
    pack([("terraform.tfstate", state.as_bytes())]).expect("packed")
}

fn invariants(names: &[&str]) -> String {
    let invariants: Vec<Value> =
        names.iter().map(|name| json!({"resource_type": "vm", "match": {"values.name": name}})).collect();
    json!({"version": "v0", "task_id": "t-7", "invariants": invariants}).to_string()
}

/// The job at its end.
async fn ended(client: &Client, task: &str, bundle: Vec<u8>) -> Validation {
    let mut job = client.validate(task, bundle).await.expect("it is taken");
    while matches!(job.status, JobStatus::Queued | JobStatus::Running) {
        job = client.validation(job.job_id, 30).await.expect("it is known");
    }
    job
}

#[tokio::test]
async fn a_bundle_is_checked_and_its_score_is_the_share_that_holds() {
    let platform = Platform::start().await;
    let job = ended(&platform.client, &invariants(&["a", "b", "c"]), state(&["b", "a"])).await;
    assert_eq!((job.status, job.task_id.as_deref()), (JobStatus::Done, Some("t-7")));
    let result = job.result.expect("a result");
    assert_eq!((result.status, result.passed_invariants, result.total_invariants), (Passed::Fail, 2, 3));
    assert!((result.score - 2.0 / 3.0).abs() < 1e-12, "{}", result.score);
    assert_eq!(result.message, "invariant-3: does not hold: `vm.`: `values.name` is \"a\", expected \"c\"");
    let log = platform.client.validation_log(job.job_id).await.expect("a log");
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(log.contains("invariant-1: holds\n"), "{log}");
    let tail = reqwest::get(format!("{}{}?tail=1", platform.url, job.log_url)).await.expect("an answer");
    let tail = tail.text().await.expect("text");
    assert_eq!((tail.lines().count(), tail.starts_with("invariant-3")), (1, true), "{tail}");

    let all = ended(&platform.client, &invariants(&["a"]), state(&["a"])).await.result.expect("a result");
    assert_eq!((all.status, all.score), (Passed::Pass, 1.0));
    let none = ended(&platform.client, &invariants(&[]), state(&["a"])).await.result.expect("a result");
    assert_eq!(
        (none.status, none.score, none.message.as_str()),
        (Passed::Fail, 0.0, "there are no invariants")
    );
}

#[tokio::test]
async fn a_task_of_the_platform_is_named_and_its_hidden_invariants_stay_hidden() {
    let tasks = task::builtin_bundles().expect("tasks");
    let platform = Platform::with(|settings| settings.tasks.extend(tasks.iter().cloned())).await;
    let task = tasks.iter().find(|task| task.id.as_str() == "two_tier_network").expect("it is there");
    for solution in &task.solutions {
        let job = ended(&platform.client, "two_tier_network", solution.source.to_vec()).await;
        let result = job.result.expect("a result");
        let is_right = solution.fate == Fate::Accepted;
        assert_eq!(result.status == Passed::Pass, is_right, "{}: {}", solution.path, result.message);
        let log = platform.client.validation_log(job.job_id).await.expect("a log");
        assert!(!log.contains("sensitive"), "{log}");
        if solution.fate == Fate::Rejected {
            assert!(result.message.starts_with("the bundle is refused: "), "{}", result.message);
        }
    }
}

#[tokio::test]
async fn a_bundle_that_cannot_be_read_is_a_job_with_the_score_zero() {
    let platform = Platform::start().await;
    for bundle in [b"PK\x03\x04 and no more".to_vec(), b"no archive".to_vec()] {
        let job = ended(&platform.client, &invariants(&["a"]), bundle).await;
        let result = job.result.expect("a result");
        assert_eq!((job.status, result.score, result.total_invariants), (JobStatus::Done, 0.0, 1));
        assert!(result.message.contains("PC009"), "{}", result.message);
    }
}

#[tokio::test]
async fn what_is_no_order_is_refused_before_it_waits() {
    let platform = Platform::start().await;
    let client = &platform.client;
    let refused = async |task: &str| problem(client.validate(task, state(&["a"])).await);
    let expression = json!({"invariants": [{"expression": "size(files) == 1"}]}).to_string();
    for task in ["{", "{\"invariants\": [{}]}", "Not A Name", expression.as_str()] {
        assert_eq!(name(&refused(task).await), "malformed", "{task}");
    }
    assert_eq!(name(&refused("reverse_string").await), "not-found");
    let unknown = Uuid::nil();
    assert_eq!(name(&problem(client.validation(unknown, 0).await)), "not-found");
    let http = reqwest::Client::new();
    let form = Form::new().text("task", "two_tier_network");
    let answer =
        http.post(format!("{}/validate", platform.url)).multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    let large = Part::bytes(vec![0; (8 << 20) + 1]);
    let form = Form::new().text("task", "two_tier_network").part("bundle", large);
    let answer =
        http.post(format!("{}/validate", platform.url)).multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let platform = Platform::with(|settings| settings.validation_queue = 0).await;
    let form = Form::new().text("task", invariants(&["a"])).part("bundle", Part::bytes(state(&["a"])));
    let request = reqwest::Client::new().post(format!("{}/validate", platform.url)).multipart(form);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "2");
}

#[tokio::test]
async fn jobs_are_forgotten_an_hour_after_their_end() {
    let platform = Platform::start().await;
    let job = ended(&platform.client, &invariants(&["a"]), state(&["a"])).await;
    platform.clock.advance(3599);
    assert!(platform.client.validation(job.job_id, 0).await.is_ok());
    platform.clock.advance(1);
    assert_eq!(name(&problem(platform.client.validation(job.job_id, 0).await)), "not-found");
}

/// What a platform had taken that has its id in `folder`, as its database says.
async fn taken(folder: &tempfile::TempDir, task: &str, bundle: Vec<u8>) -> (Store, Uuid, Uuid) {
    let id = std::fs::read_to_string(folder.path().join("platform.id")).expect("its id");
    let platform = Uuid::try_parse(id.trim()).expect("an id");
    let store = Store::open_file(&folder.path().join("platform.sqlite")).await.expect("a store");
    let job = Uuid::now_v7();
    let at = StillClock::new().now();
    let new = NewValidation { id: job, platform, task_id: None, task: task.to_owned(), bundle, at };
    store.add_validation(new).await.expect("stored");
    (store, platform, job)
}

#[tokio::test]
async fn a_restart_loses_no_job_and_checks_again_what_it_cut_off() {
    let platform = Platform::start().await;
    let done = ended(&platform.client, &invariants(&["a"]), state(&["a"])).await;
    let folder = platform.stop().await;
    let (store, _, waits) = taken(&folder, &invariants(&["a"]), state(&["a"])).await;
    let (_, _, ran) = taken(&folder, &invariants(&["a", "b"]), state(&["a"])).await;
    let (_, _, gone) = taken(&folder, "a_task_that_is_gone", state(&["a"])).await;
    store.start_validation(ran).await.expect("it works").expect("it waits");
    store.close().await;

    let platform = Platform::in_folder(folder, |_| {}).await;
    assert_eq!(platform.client.validation(done.job_id, 0).await.expect("known"), done);
    let at_end = async |id| {
        let mut job = platform.client.validation(id, 30).await.expect("known");
        while matches!(job.status, JobStatus::Queued | JobStatus::Running) {
            job = platform.client.validation(id, 30).await.expect("known");
        }
        job
    };
    let job = at_end(waits).await;
    assert_eq!((job.status, job.interrupted), (JobStatus::Done, 0));
    assert_eq!(job.result.expect("a result").score, 1.0);
    let job = at_end(ran).await;
    assert_eq!((job.status, job.interrupted), (JobStatus::Done, 1));
    assert_eq!(job.result.expect("a result").passed_invariants, 1);
    let job = at_end(gone).await;
    assert_eq!((job.status, job.result), (JobStatus::Failed, None));
    let log = platform.client.validation_log(gone).await.expect("a log");
    assert!(log.contains("there is no task `a_task_that_is_gone`"), "{log}");
}

#[tokio::test]
async fn what_was_cut_off_three_times_is_our_fault_and_not_checked_again() {
    let folder = Platform::start().await.stop().await;
    let (store, platform, job) = taken(&folder, &invariants(&["a"]), state(&["a"])).await;
    for _ in 0..2 {
        store.start_validation(job).await.expect("it works").expect("it waits");
        let now = StillClock::new().now();
        assert_eq!(store.resume_validations(platform, 3, "", now).await.expect("it works"), [job]);
    }
    store.start_validation(job).await.expect("it works").expect("it waits");
    store.close().await;
    let platform = Platform::in_folder(folder, |_| {}).await;
    let shown = platform.client.validation(job, 0).await.expect("known");
    assert_eq!((shown.status, shown.interrupted, shown.result), (JobStatus::Failed, 3, None));
    let log = platform.client.validation_log(job).await.expect("a log");
    assert!(log.starts_with("the platform ended while this was checked"), "{log}");
}

#[tokio::test]
async fn a_platform_leaves_the_jobs_of_another_alone_until_that_one_is_surely_gone() {
    let folder = Platform::start().await.stop().await;
    let (store, _, job) = taken(&folder, &invariants(&["a"]), state(&["a"])).await;
    std::fs::remove_file(folder.path().join("platform.id")).expect("another platform");
    let platform = Platform::in_folder(folder, |_| {}).await;
    assert_eq!(platform.client.validation(job, 0).await.expect("known").status, JobStatus::Queued);
    // The clock of the other one may be some hours behind.
    platform.clock.advance(24 * 3600);
    ended(&platform.client, &invariants(&["a"]), state(&["a"])).await;
    assert_eq!(platform.client.validation(job, 0).await.expect("known").status, JobStatus::Queued);
    platform.clock.advance(3600);
    ended(&platform.client, &invariants(&["b"]), state(&["a"])).await;
    let shown = platform.client.validation(job, 0).await.expect("known");
    assert_eq!(shown.status, JobStatus::Failed);
    assert!(store.start_validation(job).await.expect("it works").is_none(), "nobody begins it any more");
    assert!(platform.client.validation_log(job).await.expect("a log").contains("did not come back"));
}
