//! Several runs of one case become one result. Nothing that failed once counts as passed.

use crate::model::{CaseResult, CaseVerdict, Usage};

/// The result of a case whose runs came to `runs`, in their order; `None` when there were none.
///
/// The verdict is the worst one, with the message and the difference of the first run that came to
/// it, and the usage is the largest of each kind. Where the verdicts differ the case is flaky and its
/// message says so. A run that was not judged leaves the whole case unjudged, whatever the others
/// came to: a fault of ours first, then what was not run.
pub fn combine(runs: Vec<CaseResult>) -> Option<CaseResult> {
    let badness = |verdict: CaseVerdict| match verdict {
        CaseVerdict::InternalError => (0, verdict),
        CaseVerdict::Skipped => (1, verdict),
        // The order of the variants is their precedence, and `Accepted` is the last of them.
        _ => (2, verdict),
    };
    let repeats: Vec<CaseVerdict> = runs.iter().map(|run| run.verdict).collect();
    let most = |of: fn(&Usage) -> u64| runs.iter().map(|run| of(&run.usage)).max().unwrap_or(0);
    let usage = Usage {
        wall_ms: most(|usage| usage.wall_ms),
        cpu_ms: most(|usage| usage.cpu_ms),
        memory_kib: most(|usage| usage.memory_kib),
    };
    let mut worst = runs.into_iter().min_by_key(|run| badness(run.verdict))?;
    worst.usage = usage;
    if !worst.verdict.is_judged() || repeats.len() < 2 {
        return Some(worst);
    }
    worst.repeats = repeats;
    if worst.is_flaky() {
        let same = worst.repeats.iter().filter(|verdict| **verdict == worst.verdict).count();
        let mut message = format!("flaky: {same} of {} runs came to this", worst.repeats.len());
        if let Some(own) = &worst.message {
            message.push_str("; ");
            message.push_str(own);
        }
        worst.message = Some(message);
    }
    Some(worst)
}
