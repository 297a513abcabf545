//! Puts outputs that no honest agent prints to a task's checker program. One that stumbles over them
//! would leave an agent without a score, and some agent would see to that.

use std::sync::Arc;

use crate::judge::{self, CheckerFault};
use crate::model::Egress;
use crate::sandbox::{Backend, CaseSpec, RunId, SandboxError, SessionSpec};
use crate::task::{CheckerProgram, Task};

/// What is put to it, with a name for the message.
fn odd_outputs() -> [(&'static str, Vec<u8>); 9] {
    [
        ("nothing", Vec::new()),
        ("one line end", b"\n".to_vec()),
        ("bytes that are not UTF-8", b"\xff\xfe\xc3\n".to_vec()),
        ("a NUL", b"\0\n".to_vec()),
        ("words where numbers may stand", b"one two three\nfour\n".to_vec()),
        ("negative and huge numbers", b"-1 99999999999999999999 1e999 nan\n".to_vec()),
        ("a number of 5,000 digits", [vec![b'9'; 5000], b"\n".to_vec()].concat()),
        ("100,000 words", b"1 ".repeat(100_000)),
        ("brackets 50,000 deep", vec![b'['; 50_000]),
    ]
}

/// What the checker program of `task` does wrong with odd outputs, in sentences. Nothing where there
/// is no such program.
///
/// # Errors
/// When the sandbox fails.
pub async fn try_checker(
    task: &Task,
    backend: &dyn Backend,
    run: &RunId,
) -> Result<Vec<String>, SandboxError> {
    let (Some(checker), Some(case)) = (&task.checker_program, task.cases.first()) else {
        return Ok(Vec::new());
    };
    let spec = SessionSpec {
        run: run.clone(),
        source: checker.program(),
        limits: CheckerProgram::limits(),
        egress: Egress::default(),
        label: format!("{}/checker", task.id),
    };
    let mut session = backend.open(&spec).await?;
    let mut problems = Vec::new();
    for (name, output) in odd_outputs() {
        let stdin = checker.stdin(case, &output);
        let spec = CaseSpec { name: case.name.clone(), arguments: Vec::new(), stdin: Arc::clone(&stdin) };
        let facts = match session.run(&spec).await {
            Ok(facts) => facts,
            Err(error) => {
                // The first failure is the one to tell; what closing says would hide it.
                let _ = session.close().await;
                return Err(error);
            }
        };
        if let Err(CheckerFault { how, last_words }) = judge::said_by_checker(&facts) {
            let words = last_words.map(|words| format!(": {words}")).unwrap_or_default();
            problems.push(format!("{}: given {name} in case `{}` it {how}{words}", checker.path, case.name));
        }
    }
    session.close().await?;
    Ok(problems)
}
