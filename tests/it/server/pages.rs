//! The pages: they show what they must, and nothing that an agent or a miner wrote becomes markup.

use portcullis::model::{CaseVerdict, SubmissionState};

use super::{Platform, assignments, miner};

const ATTACK: &str =
    "</pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

async fn page(platform: &Platform, path: &str) -> (u16, String) {
    let client = reqwest::Client::new();
    let request = client.get(format!("{}{path}", platform.url)).header("accept", "text/html,*/*");
    let answer = request.send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("ASCII").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let status = answer.status().as_u16();
    (status, String::from_utf8(answer.bytes().await.expect("a body").to_vec()).expect("UTF-8"))
}

/// What would be a hole: a tag of the attack, or an attribute that runs a script.
#[track_caller]
fn is_inert(html: &str) {
    assert!(!html.contains("<script>") && !html.contains("<img"), "{html}");
    assert_eq!(html.matches("<script").count(), 1, "only our own script");
}

async fn attacked(platform: &Platform) -> portcullis::model::SubmissionId {
    platform.upload("mallory", &format!("# {ATTACK}\nprint(1)\n")).await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let mut result = assignments::result("v1", 99);
    for case in result.tasks.iter_mut().flat_map(|task| &mut task.cases) {
        case.message = Some(format!("{ATTACK} \u{202e}gnorw"));
        case.diff = Some(format!("@@ -1 +1 @@\n-{ATTACK}\n+\u{202e}{ATTACK}\n"));
    }
    platform.inside.submit_result(work.assignment_id, &result).await.expect("taken");
    work.submission_id
}

#[tokio::test]
async fn a_page_marks_itself_in_the_navigation() {
    let platform = Platform::start().await;
    for (path, link, mark) in [
        ("/", "/", "page"),
        ("/ui/tasks", "/ui/tasks", "page"),
        ("/ui/tasks/arithmetic", "/ui/tasks", "true"),
        ("/ui/validators", "/ui/validators", "page"),
        ("/ui/api", "/ui/api", "page"),
    ] {
        let (status, html) = page(&platform, path).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(html.matches("aria-current").count(), 1, "{path}");
        assert!(html.contains(&format!("<a href=\"{link}\" aria-current=\"{mark}\">")), "{html}");
    }
    let (_, html) = page(&platform, "/nothing").await;
    assert!(!html.contains("aria-current"), "{html}");
}

#[tokio::test]
async fn what_an_agent_wrote_is_text_on_every_page() {
    let platform = Platform::start().await;
    let id = attacked(&platform).await;
    for path in [
        "/",
        "/ui/tasks",
        "/ui/validators",
        "/ui/miners/mallory",
        "/ui/api",
        &format!("/ui/submissions/{id}"),
    ] {
        let (status, html) = page(&platform, path).await;
        assert_eq!(status, 200, "{path}");
        is_inert(&html);
    }
    let (_, html) = page(&platform, &format!("/ui/submissions/{id}")).await;
    assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "it is shown, as text");
    assert!(html.contains("&#60;U+202E&#62;") || html.contains("&lt;U+202E&gt;"), "what hides is shown");
}

#[tokio::test]
async fn pages_change_nothing() {
    let platform = Platform::start().await;
    let id = attacked(&platform).await;
    let (client, submission) = (reqwest::Client::new(), format!("/ui/submissions/{id}"));
    for path in ["/", "/ui/tasks", "/ui/validators", "/ui/miners/mallory", "/ui/api", &submission] {
        let (_, html) = page(&platform, path).await;
        assert!(!html.contains("<form") && !html.contains("<button"), "{path}");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let method = method.parse::<reqwest::Method>().expect("a method");
            let asked = client.request(method.clone(), format!("{}{path}", platform.url)).send();
            assert_eq!(asked.await.expect("an answer").status().as_u16(), 405, "{method} {path}");
        }
    }
    let answer = client.get(format!("{}/", platform.url)).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("ASCII").to_owned();
    assert!(policy.contains("form-action 'none'"), "{policy}");
}

#[tokio::test]
async fn a_hidden_case_shows_that_it_failed_and_not_what_was_expected() {
    let platform = Platform::start().await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.inside.submit_result(work.assignment_id, &assignments::result("v1", 99)).await.expect("taken");
    let (_, html) = page(&platform, &format!("/ui/submissions/{}", work.submission_id)).await;
    for task in portcullis::task::builtin().expect("tasks") {
        for case in &task.cases {
            assert!(html.contains(case.name.as_str()), "{}", case.name);
            let told = html.contains(&format!("expected of {} of {}\n", case.name, task.id))
                || html.contains(&format!("about {} of {}<", case.name, task.id));
            assert_eq!(told, !case.hidden, "`{}` of `{}`", case.name, task.id);
        }
    }
    assert!(html.contains(&CaseVerdict::WrongAnswer.as_str().replace('_', " ")));
    assert!(html.contains("class=\"add\"") && html.contains("class=\"del\""));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_browsers() {
    let platform = Platform::start().await;
    for (path, status) in [
        ("/nothing", 404),
        ("/ui/miners/nobody", 404),
        ("/ui/miners/%3Cscript%3E", 400),
        ("/ui/submissions/x", 400),
        ("/ui/tasks/none", 404),
        ("/ui/holds", 401),
    ] {
        let (got, html) = page(&platform, path).await;
        assert_eq!(got, status, "{path}");
        assert!(html.starts_with("<!doctype html>"), "{html}");
        is_inert(&html);
    }
}

#[tokio::test]
async fn the_ranking_shows_who_leads_and_how_it_went() {
    let platform = Platform::start().await;
    for (source, wrong) in [("print(1)\n", 99), ("print(2)\n", 1), ("print(3)\n", 0)] {
        platform.upload("alice", source).await.expect("taken");
        let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
        platform
            .inside
            .submit_result(work.assignment_id, &assignments::result("v1", wrong))
            .await
            .expect("taken");
    }
    let (_, html) = page(&platform, "/").await;
    assert!(html.contains("<polyline points=\"2.0,22.0 50.0,") && html.contains("98.0,2.0\""), "{html}");
    assert!(html.contains("50 TAO"));
    let (_, html) = page(&platform, "/ui/validators").await;
    assert!(html.contains("v1") && html.contains(SubmissionState::Completed.as_str()));
}

#[tokio::test]
async fn an_operator_sees_what_is_held_and_decides_once() {
    let platform = Platform::with(|settings| settings.quorum = 2).await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let first = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let second = platform.inside.claim(&miner("v2")).await.expect("asked").expect("work");
    platform.inside.submit_result(first.assignment_id, &assignments::result("v1", 0)).await.expect("taken");
    platform.inside.submit_result(second.assignment_id, &assignments::result("v2", 1)).await.expect("taken");

    let token = platform.file("validator.token").trim().to_owned();
    let url = format!("{}/ui/holds", platform.url);
    let wrong =
        reqwest::Client::new().get(&url).basic_auth("op", Some("wrong")).send().await.expect("an answer");
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers()["www-authenticate"].to_str().expect("ASCII").starts_with("Basic"));
    let shown =
        reqwest::Client::new().get(&url).basic_auth("op", Some(token)).send().await.expect("an answer");
    let html = String::from_utf8(shown.bytes().await.expect("a body").to_vec()).expect("UTF-8");
    assert!(html.contains("validators disagree"), "{html}");

    let holds = platform.inside.holds().await.expect("holds").holds;
    assert_eq!(holds.len(), 1);
    let decision = portcullis::api::ResolveRequest {
        verdict: portcullis::api::Verdict::Release,
        reason: "v2 had an old interpreter".to_owned(),
        operator: miner("olga"),
    };
    platform.inside.resolve(first.submission_id, &decision).await.expect("decided");
    let again = super::problem(platform.inside.resolve(first.submission_id, &decision).await);
    assert_eq!((again.status, super::name(&again)), (409, "not-held"));
    // It is scored anew, by the same validators if they like.
    for validator in ["v1", "v2"] {
        let work = platform.inside.claim(&miner(validator)).await.expect("asked").expect("work");
        let result = assignments::result(validator, 0);
        platform.inside.submit_result(work.assignment_id, &result).await.expect("taken");
    }
    let detail = platform.client.submission(first.submission_id).await.expect("known");
    assert_eq!(detail.status, SubmissionState::Completed);
    assert!(detail.events.iter().any(|event| event.actor == "operator olga"));
}

#[tokio::test]
async fn open_pages_are_told_of_changes_and_do_not_keep_the_platform_from_stopping() {
    use futures_util::StreamExt as _;
    let platform = Platform::start().await;
    let answer = reqwest::get(format!("{}/ui/events", platform.url)).await.expect("an answer");
    let mut chunks = Box::pin(answer.bytes_stream());
    platform.upload("alice", "print(1)\n").await.expect("taken");
    let first = chunks.next().await.expect("an event").expect("whole");
    assert!(first.starts_with(b"event: change\n"), "{first:?}");
    platform.stop().await;
    while let Some(Ok(_)) = chunks.next().await {}
}
