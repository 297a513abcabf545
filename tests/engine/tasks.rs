//! Every task that comes with the program, proved in a real sandbox.

use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::support::project;

pub(crate) fn trials() -> Vec<Trial> {
    let tasks = portcullis::task::builtin().unwrap_or_default();
    let proofs = tasks.into_iter().map(|task| {
        let id = task.id.to_string();
        Trial::test(format!("tasks::{id}"), move || prove(&id))
    });
    // Without it, tasks that do not load would be tests that do not run.
    let some = Trial::test("tasks::they_load", || match portcullis::task::builtin() {
        Ok(tasks) if tasks.len() >= 25 => Ok(()),
        Ok(tasks) => Err(format!("there are {} tasks", tasks.len()).into()),
        Err(error) => Err(error.to_string().into()),
    });
    proofs.chain([some]).collect()
}

fn prove(id: &str) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["task", "check", "--format", "json"])
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
