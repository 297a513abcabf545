//! Pages for people, rendered here, readable without a script. Everything is escaped by the
//! template engine; what agents and miners wrote is also made visible first, so that no character
//! of it can reverse or hide text.

mod api;
mod assets;
mod live;
mod page;
mod problem;
mod rejudges;
mod submission;
mod view;

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};

pub(super) use problem::{page as problem_page, wants_page};

use super::auth;
use super::error::ApiError;
use super::extract::Named;
use super::state::App;
use super::views::{leaderboard, tasks::detail};
use crate::diagnostic::visible;
use crate::model::{MinerId, Score, Slug};
use crate::store::ValidatorHealth;
use page::{MOST_ROWS, Page, render};
use view::{minute, spark, time};

/// How many of the newest scores the sparklines look at.
const HISTORY: u32 = 5_000;
const NEWEST: u32 = 10;

/// All pages. `document` is what the page on the interface shows.
pub(super) fn router(app: &App, document: &utoipa::openapi::OpenApi) -> Router<App> {
    let operations = api::page(document);
    let operator = Router::new()
        .route("/ui/holds", get(holds))
        .route("/ui/rejudges", get(rejudges::list))
        .route("/ui/rejudges/{id}", get(rejudges::show))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_operator));
    Router::new()
        .route("/", get(ranking))
        .route("/ui/miners/{miner}", get(miner))
        .route("/ui/submissions/{id}", get(submission::show))
        .route("/ui/tasks", get(tasks))
        .route("/ui/tasks/{id}", get(task))
        .route("/ui/validators", get(validators))
        .route("/ui/api", get(move || std::future::ready(operations.clone())))
        .route("/ui/events", get(live::events))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::script))
        .merge(operator)
}

#[derive(Template)]
#[template(path = "leaderboard.html")]
struct RankingPage {
    pool: String,
    unit: String,
    shared: String,
    waiting: u64,
    rows: Vec<RankingRow>,
    recent: Vec<RecentRow>,
}

struct RankingRow {
    rank: u64,
    miner: String,
    submission: String,
    score: String,
    /// Empty where the score was measured once.
    interval: String,
    reward: String,
    /// Points of the line, or empty with fewer than two scores.
    spark: String,
    last_x: String,
    last_y: String,
    history: String,
    at: String,
    day: String,
}

struct RecentRow {
    id: String,
    miner: String,
    state: &'static str,
    at: String,
}

async fn ranking(State(app): State<App>) -> Page {
    let board = leaderboard::ranking(&app).await?;
    let mut histories: BTreeMap<MinerId, Vec<Score>> = BTreeMap::new();
    for (miner, score) in app.store.score_history(HISTORY).await? {
        histories.entry(miner).or_default().push(score);
    }
    let rows = board.rankings.iter().take(MOST_ROWS as usize).map(|entry| {
        let history = histories.get(&entry.miner_id).map(Vec::as_slice).unwrap_or_default();
        let line = spark(history);
        RankingRow {
            rank: entry.rank,
            miner: entry.miner_id.to_string(),
            submission: entry.submission_id.to_string(),
            score: entry.score.to_string(),
            interval: entry.interval.map_or_else(String::new, |[low, high]| format!("{low} – {high}")),
            reward: format!("{} {}", entry.reward, visible(&board.unit)),
            spark: line.points,
            last_x: line.last.0,
            last_y: line.last.1,
            history: line.words,
            at: time(entry.submitted_at),
            day: minute(entry.submitted_at),
        }
    });
    let recent = app.store.newest(NEWEST).await?;
    render(&RankingPage {
        pool: board.pool.to_string(),
        unit: visible(&board.unit).into_owned(),
        shared: view::shared(app.rewards),
        waiting: board.waiting,
        rows: rows.collect(),
        recent: recent
            .iter()
            .map(|one| RecentRow {
                id: one.id.to_string(),
                miner: one.miner.to_string(),
                state: one.state.as_str(),
                at: time(one.received_at),
            })
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "miner.html")]
struct MinerPage {
    miner: String,
    submissions: Vec<MinerRow>,
}

struct MinerRow {
    id: String,
    state: &'static str,
    score: String,
    at: String,
    current: bool,
}

async fn miner(State(app): State<App>, Named(miner): Named<MinerId>) -> Page {
    let history = app.store.history(&miner, MOST_ROWS).await?;
    if history.is_empty() {
        return Err(ApiError::not_found(format!("there is no agent of `{miner}`")));
    }
    let current = app.store.current(&miner).await?.map(|current| current.id);
    let row = |one: &crate::store::Submission| MinerRow {
        id: one.id.to_string(),
        state: one.state.as_str(),
        score: one.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        at: time(one.received_at),
        current: current == Some(one.id),
    };
    render(&MinerPage { miner: miner.to_string(), submissions: history.iter().map(row).collect() })
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    tasks: Vec<TaskRow>,
}

struct TaskRow {
    id: String,
    title: String,
    difficulty: &'static str,
    cases: usize,
}

async fn tasks(State(app): State<App>) -> Page {
    let row = |task: &crate::task::Task| TaskRow {
        id: task.id.to_string(),
        title: task.title.clone(),
        difficulty: view::difficulty(task.difficulty),
        cases: task.cases.len(),
    };
    render(&TasksPage { tasks: app.tasks.iter().map(row).collect() })
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    id: String,
    title: String,
    difficulty: &'static str,
    cases: u64,
    wall: String,
    memory: u64,
    prompt: String,
    /// HTML that `markdown` made.
    statement: String,
    examples: Vec<crate::api::ExampleCase>,
}

async fn task(State(app): State<App>, Named(id): Named<Slug>) -> Page {
    let task = app.task(&id).ok_or_else(|| ApiError::not_found(format!("there is no task `{id}`")))?;
    let detail = detail(task);
    render(&TaskPage {
        id: detail.id.to_string(),
        title: detail.title,
        difficulty: view::difficulty(detail.difficulty),
        cases: detail.cases,
        wall: view::seconds(detail.limits.wall_ms),
        memory: detail.limits.memory_kib / 1024,
        prompt: detail.prompt,
        statement: view::markdown(&detail.statement),
        examples: detail.examples,
    })
}

#[derive(Template)]
#[template(path = "validators.html")]
struct ValidatorsPage {
    rows: Vec<ValidatorRow>,
    counts: Vec<StateCount>,
}

struct ValidatorRow {
    name: String,
    health: &'static str,
    class: &'static str,
    last: String,
    live: u64,
    done: u64,
    released: u64,
    expired: u64,
}

struct StateCount {
    state: &'static str,
    count: u64,
}

async fn validators(State(app): State<App>) -> Page {
    let rows = app.store.validators(MOST_ROWS).await?;
    let counts = app.store.state_counts().await?;
    render(&ValidatorsPage {
        rows: rows
            .into_iter()
            .map(|one| {
                let (health, class) = health(&one, app.clock.now());
                ValidatorRow {
                    name: one.validator.to_string(),
                    health,
                    class,
                    last: time(one.last),
                    live: one.live,
                    done: one.done,
                    released: one.released,
                    expired: one.expired,
                }
            })
            .collect(),
        counts: counts
            .into_iter()
            .map(|(state, count)| StateCount { state: state.as_str(), count })
            .collect(),
    })
}

/// A validator that took nothing for so long is away.
const AWAY: SignedDuration = SignedDuration::from_hours(1);

/// One word on a validator, and the class that colours it.
fn health(one: &ValidatorHealth, now: Timestamp) -> (&'static str, &'static str) {
    let lost = one.released + one.expired;
    if one.live > 0 {
        ("working", "accepted")
    } else if lost > one.done {
        ("failing", "wrong_answer")
    } else if now.duration_since(one.last) > AWAY {
        ("away", "skipped")
    } else {
        ("ready", "accepted")
    }
}

#[derive(Template)]
#[template(path = "holds.html")]
struct HoldsPage {
    holds: Vec<HoldRow>,
}

struct HoldRow {
    id: String,
    miner: String,
    reason: String,
    since: String,
}

async fn holds(State(app): State<App>) -> Page {
    let holds = app.store.holds(MOST_ROWS).await?;
    render(&HoldsPage {
        holds: holds
            .into_iter()
            .map(|hold| HoldRow {
                id: hold.submission.to_string(),
                miner: hold.miner.to_string(),
                reason: visible(&hold.reason).into_owned(),
                since: time(hold.since),
            })
            .collect(),
    })
}
