//! Hands the units of a plan to the slots, opens each session ahead, and puts the results back in
//! the order of the plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::executor;
use super::generate::generate;
use super::removals::Removals;
use super::shared::Shared;
use super::threshold::Threshold;
use super::unit::{Unit, lost};
use super::{Agent, Event, Events, Journal, Judged, Outcome, Plan, Round};
use crate::judge::{self, Costs, Measured};
use crate::model::{CaseVerdict, TaskResult};
use crate::task::Task;

/// Runs the whole plan. It never fails: what the sandbox could not do is in `faults`, and a
/// cancelled plan comes back early with what it has.
pub async fn run(plan: Plan, events: Events) -> Outcome {
    resume(plan, None, events).await
}

/// As [`run`]; takes from the journal what an earlier run finished, and writes into it what this one
/// finishes.
pub async fn resume(plan: Plan, journal: Option<Arc<Journal>>, events: Events) -> Outcome {
    let Plan { run, agents, tasks, backend, jobs, repeat, seed, at_least, cancel } = plan;
    let jobs = jobs.max(1);
    let shared = Arc::new(Shared {
        run,
        backend,
        events: events.clone(),
        cancel: cancel.clone(),
        repeat: repeat.max(1),
        journal,
        removals: Removals::new(jobs),
        given_up_in_a_row: AtomicU32::new(0),
        is_gone: AtomicBool::new(false),
    });
    let (tasks, rounds) = make_rounds(tasks, seed, &shared).await;
    let cases: usize = tasks.iter().map(|ready| ready.task.cases.len()).sum();
    events.send(Event::Started { agents: agents.len(), cases: cases * agents.len() });

    let mut units = Vec::with_capacity(agents.len() * tasks.len());
    for agent in &agents {
        let all = tasks.iter().map(|ready| Arc::clone(&ready.task));
        let threshold = at_least.map(|score| Arc::new(Threshold::new(score, all)));
        units.extend(tasks.iter().enumerate().map(|(place, ready)| Unit {
            agent: Arc::clone(agent),
            task: Arc::clone(&ready.task),
            unfit: ready.unfit.clone(),
            place,
            threshold: threshold.clone(),
        }));
    }

    // `buffered` starts the opening of the next units on tasks of their own, so that it goes on
    // while the slots are busy; `buffer_unordered` is the slots. Handing one over to the slots leaves
    // room for one more, so there is always a next session for each slot.
    let mut finished: Vec<_> = stream::iter(units.into_iter().enumerate())
        .map(|(index, unit)| {
            let opening = tokio::spawn({
                let (unit, shared) = (unit.clone(), Arc::clone(&shared));
                async move { executor::open(&unit, &shared).await }
            });
            async move { (index, unit, opening.await) }
        })
        .buffered(jobs + 1)
        .map(|(index, unit, opened)| {
            let shared = Arc::clone(&shared);
            async move {
                let ran = match opened {
                    Ok(opened) => {
                        let unit = unit.clone();
                        tokio::spawn(async move { executor::run(&unit, opened, &shared).await }).await
                    }
                    Err(panicked) => Err(panicked),
                };
                // A panic of ours costs this unit its score, never the other units theirs.
                (index, ran.unwrap_or_else(|panicked| lost(&unit, &panicked)))
            }
        })
        .buffer_unordered(jobs)
        .collect()
        .await;
    finished.sort_by_key(|(index, _)| *index);

    let left_behind = shared.removals.finish().await.left;
    shared.backend.settle().await;
    let mut outcome = Outcome {
        judged: Vec::with_capacity(agents.len()),
        faults: Vec::new(),
        rounds,
        left_behind,
        partial: cancel.is_cancelled(),
    };
    let mut finished = finished.into_iter().map(|(_, unit)| unit);
    for agent in agents {
        let mut results = Vec::with_capacity(tasks.len());
        for unit in finished.by_ref().take(tasks.len()) {
            results.push(unit.result);
            outcome.faults.extend(unit.fault);
        }
        outcome.judged.push(judged(agent, &tasks, results));
    }
    events.send(Event::Finished);
    outcome
}

/// What `agent` came to on all of `tasks`.
fn judged(agent: Arc<Agent>, tasks: &[Ready], results: Vec<TaskResult>) -> Judged {
    let score = |ready: &Ready| {
        let task = Arc::clone(&ready.task);
        move |verdicts: &[CaseVerdict]| task.score_verdicts(verdicts)
    };
    let scores: Vec<_> = tasks.iter().map(score).collect();
    let measured: Vec<Measured<'_>> =
        results.iter().zip(&scores).map(|(result, score)| Measured { cases: &result.cases, score }).collect();
    let interval = judge::interval(&measured);
    let costs = tasks
        .iter()
        .zip(&results)
        .fold(Costs::default(), |costs, (ready, result)| costs.with(&ready.task.tie_breakers, result));
    Judged { agent, tasks: results, interval, costs }
}

/// A task that is ready to be put to agents, or why it is not.
struct Ready {
    task: Arc<Task>,
    unfit: Option<Arc<str>>,
}

/// Makes the cases of every task that has a generator, before any agent is run: each agent of the
/// plan gets the same ones.
async fn make_rounds(tasks: Vec<Arc<Task>>, seed: u64, shared: &Shared) -> (Vec<Ready>, Vec<Round>) {
    let (mut all, mut rounds) = (Vec::with_capacity(tasks.len()), Vec::new());
    for task in tasks {
        let made = generate(&task, seed, shared.backend.as_ref(), &shared.run);
        all.push(match shared.cancel.run_until_cancelled(made).await {
            Some(Ok((task, round))) => {
                rounds.extend(round);
                Ready { task, unfit: None }
            }
            Some(Err(error)) => Ready { task, unfit: Some(error.to_string().into()) },
            // Everything is skipped from here on.
            None => Ready { task, unfit: None },
        });
    }
    (all, rounds)
}
