//! Hands the units of a plan to the slots, opens each session ahead, and puts the results back in
//! the order of the plan.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::executor::{self, Shared, Unit};
use super::threshold::Threshold;
use super::{Event, Events, Judged, Outcome, Plan};

/// Runs the whole plan. It never fails: what the sandbox could not do is in `faults`, and a
/// cancelled plan comes back early with what it has.
pub async fn run(plan: Plan, events: Events) -> Outcome {
    let Plan { run, agents, tasks, backend, jobs, at_least, cancel } = plan;
    let jobs = jobs.max(1);
    let cases: usize = tasks.iter().map(|task| task.cases.len()).sum();
    events.send(Event::Started { agents: agents.len(), cases: cases * agents.len() });
    let shared = Arc::new(Shared::new(run, backend, events.clone(), cancel.clone()));

    let mut units = Vec::with_capacity(agents.len() * tasks.len());
    for agent in &agents {
        let all = tasks.iter().map(AsRef::as_ref);
        let threshold = at_least.map(|score| Arc::new(Threshold::new(score, all)));
        units.extend(tasks.iter().enumerate().map(|(place, task)| Unit {
            agent: Arc::clone(agent),
            task: Arc::clone(task),
            place,
            threshold: threshold.clone(),
        }));
    }

    // `buffered` starts the opening of the next units on tasks of their own, so that it goes on
    // while the slots are busy; `buffer_unordered` is the slots.
    let mut finished: Vec<_> = stream::iter(units.into_iter().enumerate())
        .map(|(index, unit)| {
            let opening = tokio::spawn({
                let (unit, shared) = (unit.clone(), Arc::clone(&shared));
                async move { executor::open(&unit, &shared).await }
            });
            async move { (index, unit, opening.await) }
        })
        .buffered(jobs)
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
                (index, ran.unwrap_or_else(|panicked| executor::lost(&unit, &panicked)))
            }
        })
        .buffer_unordered(jobs)
        .collect()
        .await;
    finished.sort_by_key(|(index, _)| *index);

    let mut outcome = Outcome {
        judged: Vec::new(),
        faults: Vec::new(),
        left_behind: Vec::new(),
        partial: cancel.is_cancelled(),
    };
    for agent in &agents {
        outcome.judged.push(Judged { agent: Arc::clone(agent), tasks: Vec::with_capacity(tasks.len()) });
    }
    for (index, unit) in finished {
        outcome.judged[index / tasks.len()].tasks.push(unit.result);
        outcome.faults.extend(unit.fault);
        outcome.left_behind.extend(unit.left_behind);
    }
    events.send(Event::Finished);
    outcome
}
