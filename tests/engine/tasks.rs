//! Every task that comes with the program, proved in a real sandbox.

use std::fs;
use std::path::Path;
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
    let made = ["docker", "namespaces"].into_iter().flat_map(|backend| {
        let starters = ["program", "function", "solution", "artifact"].map(|kind| {
            Trial::test(format!("tasks::{backend}::starter_{kind}"), move || starter(kind, backend))
        });
        let imports = [("default_validator", DEFAULT), ("own_validator", OWN)].map(|(name, package)| {
            Trial::test(format!("tasks::{backend}::imported_{name}"), move || {
                imported(name, package, backend)
            })
        });
        starters.into_iter().chain(imports)
    });
    proofs.chain([some]).chain(everywhere).chain(made).collect()
}

/// A problem package: files and their contents.
type Package = &'static [(&'static str, &'static str)];

const DEFAULT: Package = &[
    ("problem.yaml", "name: Half\nvalidator_flags: float_absolute_tolerance 1e-3\nlimits: {memory: 256}\n"),
    ("problem_statement/problem.en.tex", "\\problemname{Half}\nPrint \\emph{half} of $n$.\n"),
    ("data/sample/1.in", "3\n"),
    ("data/sample/1.ans", "1.5\n"),
    ("data/secret/1.in", "1\n"),
    ("data/secret/1.ans", "5e-1\n"),
    ("data/secret/2.in", "0\n"),
    ("data/secret/2.ans", "0\n"),
    ("submissions/accepted/half.py", "print(f'{int(input()) / 2:.3f}')\n"),
    ("submissions/wrong_answer/whole.py", "print(int(input()) // 2)\n"),
    ("submissions/run_time_error/raises.py", "print(1 // 0)\n"),
];

const OWN: Package = &[
    ("problem.yaml", "problem_format_version: 2023-07-draft\nname: {en: Divisor}\nlimits: {time_limit: 3}\n"),
    ("statement/problem.en.md", "Print a divisor of `n` that is neither 1 nor `n`.\n"),
    (
        "output_validator/validate.py",
        "import sys\nn = int(open(sys.argv[1]).read())\nwords = sys.stdin.read().split()\n\
         if len(words) != 1 or len(words[0]) > 9 or not words[0].isascii() or not words[0].isdigit():\n\
         \x20   sys.exit(43)\nd = int(words[0])\nsys.exit(42 if 1 < d < n and n % d == 0 else 43)\n",
    ),
    ("data/sample/1.in", "9\n"),
    ("data/sample/1.ans", "3\n"),
    ("data/secret/1.in", "100\n"),
    ("data/secret/1.ans", "2\n"),
    (
        "submissions/accepted/largest.py",
        "n = int(input())\nprint(next(d for d in range(n - 1, 1, -1) if n % d == 0))\n",
    ),
    ("submissions/wrong_answer/two.py", "print(2)\n"),
];

fn program(arguments: &[&str], folder: &Path) -> Result<(bool, String), Failed> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).current_dir(folder).output()?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok((output.status.success(), format!("{stdout}\n{stderr}")))
}

/// What `task new` writes is proved as it is.
fn starter(kind: &str, backend: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for arguments in [
        &["task", "new", "fresh", "--kind", kind][..],
        &["task", "check", "tasks/fresh", "--sandbox", backend],
    ] {
        let (good, said) = program(arguments, folder.path())?;
        if !good || said.contains("remark") {
            return Err(said.into());
        }
    }
    Ok(())
}

/// What `task import` writes is proved as it is.
fn imported(name: &str, package: Package, backend: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (file, content) in package {
        let path = folder.path().join(name).join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, content)?;
    }
    let task = format!("tasks/{name}");
    for arguments in [&["task", "import", name][..], &["task", "check", &task, "--sandbox", backend]] {
        let (good, said) = program(arguments, folder.path())?;
        if !good {
            return Err(said.into());
        }
    }
    Ok(())
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
    let full = report["ran"] == true && (task["cases"].as_u64() >= Some(8) || id == "predict_harbour_log");
    let remarkable = task["remarks"].as_array().is_none_or(|remarks| !remarks.is_empty());
    if full && !remarkable { Ok(()) } else { Err(said.into()) }
}
