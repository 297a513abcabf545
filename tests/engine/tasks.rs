//! Every task that comes with the program, proved in a real sandbox.

use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::support::project;

pub(crate) fn trials() -> Vec<Trial> {
    let mut tasks = portcullis::task::builtin().unwrap_or_default();
    tasks.extend(portcullis::task::builtin_bundles().unwrap_or_default());
    let proofs = tasks.into_iter().map(|task| {
        let id = task.id.to_string();
        Trial::test(format!("tasks::{id}"), move || prove(&id, "auto"))
    });
    // Without it, tasks that do not load would be tests that do not run.
    let some = Trial::test("tasks::they_load", || match portcullis::task::builtin() {
        Ok(tasks) if tasks.len() >= 25 => Ok(()),
        Ok(tasks) => Err(format!("there are {} tasks", tasks.len()).into()),
        Err(error) => Err(error.to_string().into()),
    });
    // Every kind, a checker program and a generator, on each backend by name.
    let everywhere = ["docker", "namespaces"].into_iter().flat_map(|backend| {
        ["reverse_string", "merge_intervals", "write_reverse_words", "euler_trail", "range_sums"]
            .map(|id| Trial::test(format!("tasks::{backend}::{id}"), move || prove(id, backend)))
    });
    proofs.chain([some]).chain(everywhere).collect()
}

fn prove(id: &str, backend: &str) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["task", "check", "--format", "json", "--sandbox", backend])
        .arg(project("tasks").join(id))
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = format!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(said.into());
    }
    let report: serde_json::Value = serde_json::from_str(&stdout)?;
    let task = &report["tasks"][0];
    let full = report["ran"] == true && task["cases"].as_u64() >= Some(8);
    let remarkable = task["remarks"].as_array().is_none_or(|remarks| !remarks.is_empty());
    if full && !remarkable { Ok(()) } else { Err(said.into()) }
}
