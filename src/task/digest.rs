//! The digest of a task: of everything that decides a score or a rank, and of nothing else.

use std::fmt::Write as _;

use super::{Kind, Task};
use crate::model::Digest;

/// One line for each thing that decides a score, hashed.
pub(super) fn digest(task: &Task) -> Digest {
    // Neither limits nor checkers hold anything that JSON cannot.
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let mut text = format!(
        "portcullis task 1\nid {}\nkind {}\nprompt {}\nchecker {} {}\nlimits {}\n",
        task.id,
        kind(task),
        Digest::of(task.prompt.as_bytes()),
        json(serde_json::to_string(&task.checker)),
        json(serde_json::to_string(&task.tolerance)),
        json(serde_json::to_string(&task.limits)),
    );
    // It keeps what is hashed of hidden cases from being guessed, here too.
    if !task.salt.is_empty() {
        let _ = writeln!(text, "salt {}", task.salt);
    }
    if let Some(program) = &task.checker_program {
        let _ = writeln!(
            text,
            "checker program {} {} {}",
            Digest::of(program.source.as_bytes()),
            program.protocol.as_str(),
            json(serde_json::to_string(&program.arguments)),
        );
    }
    if let Some(generator) = &task.generator {
        let _ = writeln!(
            text,
            "generator {} count {} reference {}",
            Digest::of(generator.source.as_bytes()),
            generator.count,
            Digest::of(&generator.reference),
        );
    }
    for case in &task.cases {
        let _ = write!(
            text,
            "case {} weight {} hidden {} arguments {} stdin {}",
            case.name,
            case.weight,
            case.hidden,
            json(serde_json::to_string(&case.arguments)),
            Digest::of(&case.stdin),
        );
        for answer in &case.accepted {
            let _ = write!(text, " accepts {}", Digest::of(answer.as_bytes()));
        }
        text.push('\n');
    }
    for subtask in &task.subtasks {
        let _ =
            writeln!(text, "subtask {} weight {} cases {:?}", subtask.name, subtask.weight, subtask.cases);
    }
    if !task.tie_breakers.is_empty() {
        let _ = writeln!(text, "tie breakers {}", json(serde_json::to_string(&task.tie_breakers)));
    }
    Digest::of(text.as_bytes())
}

fn kind(task: &Task) -> String {
    match &task.kind {
        // The invariants are the input of the cases.
        Kind::Metric(metric) => {
            let (modules, gpus) = (&metric.modules, metric.gpus);
            format!(
                "metric baseline {} anomaly {} modules {modules:?} gpus {gpus}",
                metric.baseline, metric.anomaly
            )
        }
        Kind::Program | Kind::Artifact(_) => task.kind.as_str().to_owned(),
        Kind::Function(function) | Kind::Solution(function) => {
            format!("{} {}", task.kind.as_str(), function.name())
        }
    }
}
