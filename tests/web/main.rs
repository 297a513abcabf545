//! The pages in a real browser: they show what they must, nothing complains, nothing that an agent
//! wrote runs, they live, they are readable on a telephone, in the dark and without a mouse.
//!
//! One test, because a browser is slow to start; its steps are the claims. `PORTCULLIS_SCREENSHOTS`
//! names a folder for pictures.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;

use std::net::SocketAddr;
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use portcullis::api::{RecheckApply, RejudgeRequest, ResultRequest};
use portcullis::client::Client;
use portcullis::model::{
    CaseResult, CaseVerdict, IsolationLevel, MinerId, SubmissionId, SubmissionState, TaskResult, Usage,
};
use portcullis::server::{self, Settings, UploadLimits};
use portcullis::task::{self, Task};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use browser::Browser;

const ATTACK: &str = include_str!("../../fixtures/web/attack.py");
/// What the output of an attacker says.
const OUTPUT: &str =
    "</span></pre></td><script>alert('owned')</script><img src=x onerror=\"alert('owned')\">";

/// As long as the id of a miner may be, such as that of an ed25519 key.
const LONG: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

struct Platform {
    client: Client,
    inside: Client,
    token: String,
    _folder: tempfile::TempDir,
    stop: CancellationToken,
}

fn name(text: &str) -> MinerId {
    text.parse().expect("a name")
}

fn tasks() -> Vec<Task> {
    let mut tasks = task::builtin().expect("tasks");
    tasks.truncate(3);
    tasks
}

impl Platform {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings::new(listen, folder.path().to_owned(), tasks());
        settings.limits = UploadLimits { per_miner: None, per_address: None };
        let running = server::bind(settings).await.expect("it starts");
        let client = Client::new(&running.url()).expect("a URL");
        let token = running.token().reveal().to_owned();
        let inside = client.clone().with_token(running.token());
        let stop = CancellationToken::new();
        tokio::spawn(running.serve_until(stop.clone().cancelled_owned()));
        Self { client, inside, token, _folder: folder, stop }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.client.url())
    }

    async fn upload(&self, miner: &str, source: &str) -> SubmissionId {
        self.client.upload(miner, source.as_bytes().to_vec()).await.expect("taken").submission_id
    }

    /// The next assignment is judged, with so many wrong cases in each task.
    async fn judge(&self, validator: &str, wrong: usize, output: &str) {
        let work = self.inside.claim(&name(validator)).await.expect("asked").expect("work");
        let wanted = |task: &Task| work.tasks.iter().any(|one| one.id == task.id);
        let tasks =
            tasks().iter().filter(|task| wanted(task)).map(|task| result(task, wrong, output)).collect();
        let request = ResultRequest {
            validator: name(validator),
            backend: "docker".to_owned(),
            isolation: IsolationLevel::Full,
            tasks,
        };
        self.inside.submit_result(work.assignment_id, &request).await.expect("taken");
    }
}

fn result(task: &Task, wrong: usize, output: &str) -> TaskResult {
    let case = |(place, case): (usize, &task::Case)| {
        let failed = place < wrong;
        CaseResult {
            name: case.name.clone(),
            verdict: if failed { CaseVerdict::WrongAnswer } else { CaseVerdict::Accepted },
            usage: Usage { wall_ms: 17, cpu_ms: 14, memory_kib: 9_216 },
            message: failed.then(|| format!("line 1 differs: {output}")),
            diff: failed
                .then(|| format!("@@ -1,2 +1,2 @@\n same\n-expected secret of {}\n+{output}\n", case.name)),
            repeats: if failed { vec![CaseVerdict::Accepted, CaseVerdict::WrongAnswer] } else { Vec::new() },
        }
    };
    let cases: Vec<CaseResult> = task.cases.iter().enumerate().map(case).collect();
    let score = task.score(&cases);
    TaskResult { task: task.id.clone(), score, split: task.split(&cases), cases }
}

/// Agents with histories, an attacker, something held, something rejected, a rejudge set.
async fn populated() -> (Platform, [SubmissionId; 3]) {
    let platform = Platform::start().await;
    for (round, wrong) in [3, 2, 2, 1].into_iter().enumerate() {
        platform.upload("alice", &format!("print({round})\n")).await;
        platform.judge("validator-1", wrong, "42").await;
    }
    for (round, wrong) in [1, 0].into_iter().enumerate() {
        platform
            .upload("bob_with_a_long_name_that_goes_on_and_on_and_on", &format!("print('b', {round})\n"))
            .await;
        platform.judge("validator-1", wrong, "43").await;
    }
    let attack = platform.upload("mallory", ATTACK).await;
    platform.judge("validator-2", 99, OUTPUT).await;
    let request = RejudgeRequest {
        task: Some(tasks()[0].id.clone()),
        policy: None,
        since: None,
        until: None,
        reason: format!("a case was wrong {OUTPUT}"),
        operator: name("olga"),
    };
    platform.inside.create_rejudge(&request).await.expect("made");
    platform.judge("validator-1", 0, "").await;
    let eve = platform
        .upload("eve", &ATTACK.replace("def onload", "def onerror").replace("\nonload()", "\nonerror()"))
        .await;
    let hold = RecheckApply {
        policy: "[rules]\ncomputed-write = \"review\"\n".to_owned(),
        submissions: vec![eve],
        reason: format!("look at {OUTPUT}"),
        operator: name("olga"),
    };
    assert_eq!(platform.inside.apply_recheck(&hold).await.expect("held").held, 1);
    let trudy = platform
        .upload(LONG, &ATTACK.replace("def onload", "def onblur").replace("\nonload()", "\nonblur()"))
        .await;
    let reject = RecheckApply {
        policy: "[rules]\ncomputed-write = \"error\"\n".to_owned(),
        submissions: vec![trudy],
        ..hold
    };
    assert_eq!(platform.inside.apply_recheck(&reject).await.expect("rejected").rejected, 1);
    platform.upload("carol", "print('waits')\n").await;
    (platform, [attack, eve, trudy])
}

async fn is_inert(browser: &Browser, page: &str) {
    assert!(browser.client.get_alert_text().await.is_err(), "an alert on {page}");
    assert_ne!(browser.client.title().await.expect("a title"), "owned", "{page}");
    let foreign = browser
        .ask("return document.querySelectorAll('main img, main script, main iframe, main svg[onload], [onerror]').length")
        .await;
    assert_eq!(foreign, json!(0), "markup of an attacker on {page}");
    assert_eq!(browser.complaints().await, [""; 0], "{page}");
}

async fn fits(browser: &Browser, page: &str) {
    let over = browser.ask("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]").await;
    assert!(over[0].as_u64() <= over[1].as_u64(), "{page} is {over} wide");
    // Code may be wider than a telephone, in a box of its own; what is told in tables may not.
    let tables = browser
        .ask(
            "return [...document.querySelectorAll('.scroll')].filter(one => one.querySelector('table') && \
             one.scrollWidth > one.clientWidth).map(one => [one.getAttribute('aria-label'), one.scrollWidth, \
             one.clientWidth])",
        )
        .await;
    assert_eq!(tables, json!([]), "tables of {page} that scroll sideways");
}

/// What of the page's text has less contrast than WCAG 2 wants at level AA: 4.5, or 3 where it is large.
const CONTRAST: &str = "
    const channels = text => text.match(/[\\d.]+/g).map(Number);
    const over = (front, back) => front[3] === undefined ? front :
        [0, 1, 2].map(at => front[at] * front[3] + back[at] * (1 - front[3]));
    const light = colour => {
        const [r, g, b] = colour.map(one => one / 255)
            .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = one => {
        if (!one) return channels(getComputedStyle(document.body).backgroundColor).slice(0, 3);
        const own = channels(getComputedStyle(one).backgroundColor);
        return own[3] === 0 ? behind(one.parentElement) : over(own, behind(one.parentElement));
    };
    const poor = [];
    for (const one of document.querySelectorAll('body *')) {
        if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        if (!one.checkVisibility()) continue;
        const style = getComputedStyle(one), back = behind(one);
        const lights = [light(over(channels(style.color), back)), light(back)].sort((a, b) => b - a);
        const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (contrast < (large ? 3 : 4.5)) poor.push([one.className || one.tagName, contrast.toFixed(2)].join(' '));
    }
    return [...new Set(poor)];
";

async fn is_readable(browser: &Browser, page: &str) {
    browser.ask("document.querySelectorAll('details').forEach(one => one.open = true)").await;
    assert_eq!(browser.ask(CONTRAST).await, json!([]), "too little contrast on {page}");
    browser.ask("document.querySelectorAll('details').forEach(one => one.open = false)").await;
}

async fn press(browser: &Browser, key: Key) {
    let keys = KeyActions::new("keyboard".to_owned())
        .then(KeyAction::Down { value: key.into() })
        .then(KeyAction::Up { value: key.into() });
    browser.client.perform_actions(keys).await.expect("pressed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_work_in_a_browser() {
    let (platform, [attack, eve, trudy]) = populated().await;
    let empty = Platform::start().await;
    let browser = Browser::start().await;
    let basic = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("operator:{}", platform.token))
    };
    let of_nobody = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("operator:{}", empty.token))
    };
    let sets = platform.inside.rejudges().await.expect("sets").rejudges;
    let pages = [
        ("leaderboard", "/".to_owned()),
        ("submission", format!("/ui/submissions/{attack}")),
        ("held", format!("/ui/submissions/{eve}")),
        ("rejected", format!("/ui/submissions/{trudy}")),
        ("miner", "/ui/miners/alice".to_owned()),
        ("long", format!("/ui/miners/{LONG}")),
        ("unknown", "/ui/miners/nobody".to_owned()),
        ("tasks", "/ui/tasks".to_owned()),
        ("task", format!("/ui/tasks/{}", tasks()[0].id)),
        ("validators", "/ui/validators".to_owned()),
        ("holds", "/ui/holds".to_owned()),
        ("rejudges", "/ui/rejudges".to_owned()),
        ("rejudge", format!("/ui/rejudges/{}", sets[0].rejudge_id)),
        ("api", "/ui/api".to_owned()),
    ];

    let bare = [
        ("leaderboard", "/"),
        ("validators", "/ui/validators"),
        ("holds", "/ui/holds"),
        ("rejudges", "/ui/rejudges"),
    ];

    // Every page, on a desk and on a telephone, by day and by night.
    let mut colours = Vec::new();
    for (look, width, scheme) in [
        ("light", 1280, "light"),
        ("dark", 1280, "dark"),
        ("phone", 360, "light"),
        ("phone-dark", 360, "dark"),
    ] {
        browser.width(width).await;
        browser.scheme(scheme).await;
        browser.authorization(&format!("Basic {of_nobody}")).await;
        for (page, path) in bare {
            browser.go(&empty.url(path)).await;
            looks_right(&browser, &format!("empty-{page}-{look}")).await;
        }
        browser.authorization(&format!("Basic {basic}")).await;
        for (page, path) in &pages {
            browser.go(&platform.url(path)).await;
            if *page == "unknown" {
                // The browser says that the page has the status 404, which it has.
                browser.complaints().await;
            }
            looks_right(&browser, &format!("{page}-{look}")).await;
        }
        colours.push(browser.ask("return getComputedStyle(document.body).backgroundColor").await);
    }
    assert_ne!(colours[0], colours[1], "the dark looks different");
    assert_eq!((&colours[0], &colours[1]), (&colours[2], &colours[3]));
    browser.width(1280).await;
    browser.scheme("light").await;

    the_submission_page_tells_what_happened(&browser, &platform, attack).await;
    a_hidden_case_tells_only_that_it_failed(&browser).await;
    for page in ["leaderboard", "held", "rejected", "long", "task", "rejudge", "holds", "unknown"] {
        let (_, path) = pages.iter().find(|(name, _)| *name == page).expect("a page");
        everything_is_reached_with_the_keyboard(&browser, &platform.url(path)).await;
    }
    // Of the page that is not there.
    browser.complaints().await;
    a_change_arrives_by_itself(&browser, &platform).await;

    browser.client.clone().close().await.expect("closed");
    platform.stop.cancel();
    empty.stop.cancel();
}

async fn looks_right(browser: &Browser, page: &str) {
    is_inert(browser, page).await;
    fits(browser, page).await;
    is_readable(browser, page).await;
    browser.picture(page).await;
}

async fn the_submission_page_tells_what_happened(
    browser: &Browser,
    platform: &Platform,
    attack: SubmissionId,
) {
    browser.go(&platform.url(&format!("/ui/submissions/{attack}"))).await;
    let text = browser.ask("return document.querySelector('main').textContent").await;
    let text = text.as_str().expect("a text");
    for wanted in
        ["completed", "PC605", "wrong answer", "17 ms", "9.0 MiB", "validator-2", "flaky: 1 of 2 passed"]
    {
        assert!(text.contains(wanted), "`{wanted}` is missing");
    }
    let marked = browser.ask("return document.querySelector('.source mark').textContent").await;
    assert!(marked.as_str().expect("a text").contains("<script>"), "the source is shown, as text: {marked}");
    // A caret stands below the first character that is marked.
    let places = browser
        .ask(
            "const line = document.querySelector('.source .carets'); const range = document.createRange(); \
             const text = line.lastChild; const at = text.data.indexOf('^'); \
             range.setStart(text, at); range.setEnd(text, at + 1); \
             return [range.getBoundingClientRect().left, \
             document.querySelector('.source mark').getBoundingClientRect().left]",
        )
        .await;
    let (caret, mark) = (places[0].as_f64().expect("a place"), places[1].as_f64().expect("a place"));
    assert!((caret - mark).abs() < 2.0, "caret at {caret}, text at {mark}");
    let colours = browser
        .ask(
            "document.querySelectorAll('details').forEach(one => one.open = true); \
             return ['.diff .add', '.diff .del', '.diff .same'].map(one => \
             getComputedStyle(document.querySelector(one)).backgroundColor)",
        )
        .await;
    assert!(colours[0] != colours[1] && colours[1] != colours[2], "{colours}");
    browser.picture("submission-open").await;
    fits(browser, "an open difference").await;
    is_inert(browser, "an open difference").await;
}

async fn a_hidden_case_tells_only_that_it_failed(browser: &Browser) {
    let text = browser.ask("return document.querySelector('main').textContent").await;
    let text = text.as_str().expect("a text");
    let (mut public, mut hidden) = (0, 0);
    for task in tasks() {
        for case in &task.cases {
            assert!(text.contains(case.name.as_str()), "`{}` is missing", case.name);
            // Names are not unique among tasks, so that only those of hidden cases alone are looked for.
            let elsewhere = tasks()
                .iter()
                .flat_map(|task| task.cases.clone())
                .any(|other| other.name == case.name && other.hidden != case.hidden);
            let told = text.contains(&format!("expected secret of {}\n", case.name));
            if case.hidden && !elsewhere {
                hidden += 1;
                assert!(!told, "`{}` is hidden", case.name);
            } else if !case.hidden {
                public += usize::from(told);
            }
        }
    }
    assert!(public > 0 && hidden > 0, "the tasks have both kinds");
}

async fn everything_is_reached_with_the_keyboard(browser: &Browser, url: &str) {
    browser.go(url).await;
    let mut reached = Vec::new();
    for _ in 0..200 {
        press(browser, Key::Tab).await;
        let place = browser
            .ask(
                "const one = document.activeElement; const box = one.getBoundingClientRect(); \
                 const style = getComputedStyle(one); return [one.getAttribute('href') || one.className || \
                 one.tagName, style.outlineStyle !== 'none' || one.className === 'skip', box.width > 0 && \
                 box.left >= 0]",
            )
            .await;
        if place[0] == json!("BODY") {
            break;
        }
        assert_eq!((&place[1], &place[2]), (&json!(true), &json!(true)), "the focus shows: {place}");
        reached.push(place[0].as_str().expect("a text").to_owned());
    }
    assert_eq!(reached.first().map(String::as_str), Some("#main"), "first one may skip to the content");
    let links =
        browser.ask("return [...document.querySelectorAll('a')].map(one => one.getAttribute('href'))").await;
    let links: Vec<&str> = links.as_array().expect("links").iter().filter_map(|one| one.as_str()).collect();
    let of_links: Vec<&str> = reached.iter().map(String::as_str).filter(|one| links.contains(one)).collect();
    assert_eq!(of_links, links, "in the order of {url}");
}

async fn a_change_arrives_by_itself(browser: &Browser, platform: &Platform) {
    browser.go(&platform.url("/")).await;
    let here = browser.ask("window.stillHere = true; return document.body.textContent.includes('zoe')").await;
    assert_eq!(here, json!(false));
    // The page listens once it says so; what changed before, it has seen.
    let wait = || browser.client.wait().at_most(Duration::from_secs(60));
    wait().for_element(Locator::Css("main[data-live='on']")).await.expect("it listens");
    let id = platform.upload("zoe", "print('zoe')\n").await;
    let link = format!("a[href='/ui/submissions/{id}']");
    wait().for_element(Locator::Css(&link)).await.expect("the upload shows by itself");
    // Carol came first, then what is judged again, then zoe.
    loop {
        platform.judge("validator-9", 0, "").await;
        let state = platform.client.submission(id).await.expect("known").status;
        if state == SubmissionState::Completed {
            break;
        }
    }
    wait().for_element(Locator::Css("td a[href='/ui/miners/zoe']")).await.expect("the rank shows by itself");
    assert_eq!(browser.ask("return window.stillHere").await, json!(true), "the page was not loaded anew");
    assert_eq!(browser.complaints().await, [""; 0]);
}
