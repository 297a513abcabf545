//! The kind `metric`, as far as it needs no sandbox: what a bundle of scripts must be.

use std::fs;
use std::path::Path;

use portcullis::bundle::{self, Rules, pack};
use portcullis::lint::Policy;
use portcullis::task::{self, Fate, Kind, Task};
use portcullis::validator::Agent;

use crate::support::{miner, snapshots};

fn shipped() -> Task {
    let tasks = task::builtin_bundles().expect("they are right");
    tasks.into_iter().find(|task| task.id.as_str() == "predict_harbour_log").expect("it is there")
}

/// The program for a bundle of these files, or why there is none.
fn program(files: &[(&str, &str)]) -> Result<String, String> {
    let bytes = pack(files.iter().map(|(path, text)| (*path, text.as_bytes()))).expect("packed");
    let bundle = bundle::read(&bytes, &Rules::METRIC).expect("a bundle");
    shipped().program_of_bundle(&bundle).expect("of this kind").map(|program| program.to_string())
}

#[test]
fn a_manifest_names_the_entry_points_and_nothing_that_is_not_done() {
    let scripts = [("architecture.py", "a"), ("training.py", "t"), ("lib/other.py", "o")];
    let with = |manifest: &str| program(&[&scripts[..], &[("prism.yaml", manifest)]].concat());
    assert!(program(&scripts).is_ok());
    assert!(with("kind: full\ntokenizer: bytes\n").is_ok());
    let named =
        with("architecture: {entrypoint: 'lib/other.py:make', files: [lib/other.py]}\n").expect("a program");
    assert!(
        named.contains(r#"lib/other.py\",\"make\"],[\"training.py\",\"train"#),
        "the entry points are in it"
    );
    let wrong = [
        program(&scripts[..1]),
        program(&[("main.py", "a")]),
        with("kind: architecture_only\n"),
        with("tokenizer: gpt2\n"),
        with("architecture: {entrypoint: 'lib/none.py'}\n"),
        with("architecture: {entrypoint: '../x:y z'}\n"),
        with("architecture: {entry: 'lib/other.py'}\n"),
        with("- [\n"),
        with("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
    ];
    let said: Vec<String> = wrong.into_iter().map(|wrong| wrong.expect_err("it is wrong")).collect();
    snapshots().bind(|| insta::assert_snapshot!("metric_manifests", said.join("\n")));
}

#[test]
fn what_is_wrong_with_a_metric_task_is_said() {
    let message = |change: (&str, &str)| {
        let folder = tempfile::tempdir().expect("a folder");
        let task = folder.path().join("m");
        fs::create_dir(&task).expect("made");
        let good = "title = \"M\"\ndifficulty = \"easy\"\nkind = \"metric\"\nprompt = \"P\"\n\n[metric]\n\
                    train = \"a.txt\"\nheld_out = \"b.txt\"\nbaseline = 3\n";
        assert!(good.contains(change.0), "{change:?}");
        write(&task, "task.toml", &good.replacen(change.0, change.1, 1));
        write(&task, "statement.md", "# M\n");
        write(&task, "a.txt", &"x".repeat(300));
        write(&task, "b.txt", &"y".repeat(300));
        write(&task, "short.txt", "z");
        let loaded =
            task::load(&task).map_or_else(|error| error.to_string(), |task| format!("loaded {}", task.id));
        loaded.replace(&format!("{}/", folder.path().display()), "")
    };
    let said: Vec<String> = [
        ("kind", "kind"),
        ("a.txt", "none.txt"),
        ("a.txt", "../m/a.txt"),
        ("b.txt", "short.txt"),
        ("baseline = 3", "baseline = -1"),
        ("baseline = 3", "baseline = nan"),
        ("baseline = 3", "baseline = 3\nstate_bytes = 1_000_000"),
        ("baseline = 3", "baseline = 3\nmodules = [\"to rch\"]"),
        ("kind = \"metric\"", "kind = \"metric\"\nchecker = \"json\""),
        ("kind = \"metric\"", "kind = \"metric\"\nfunction = \"f\""),
        ("kind = \"metric\"", "kind = \"program\""),
        ("baseline = 3", "baseline = 3\n[[case]]\nname = \"x\"\nexpected = \"\""),
    ]
    .into_iter()
    .map(message)
    .collect();
    snapshots().bind(|| insta::assert_snapshot!("metric_errors", said.join("\n")));
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
}

#[test]
fn the_gate_lets_the_shipped_solutions_in_and_a_task_can_allow_more() {
    let task = shipped();
    let admit =
        |bytes: &[u8], policy: &Policy| Agent::admit_bundle(miner("m"), bytes, &Rules::METRIC, policy);
    for solution in &task.solutions {
        let admitted = admit(&solution.source, &Policy::standard());
        assert_eq!(admitted.is_err(), solution.fate == Fate::Rejected, "{}", solution.path);
    }
    let torch = pack([("architecture.py", &b"import torch\nprint(torch.zeros(3))\n"[..])]).expect("packed");
    let report = admit(&torch, &Policy::standard()).expect_err("no torch unless a task allows it");
    assert!(report.findings.iter().all(|finding| finding.file.as_deref() == Some("architecture.py")));
    let allowing = Policy::standard().allowing(&["torch".to_owned()]).expect("a name");
    assert!(admit(&torch, &allowing).is_ok());
    assert_ne!(allowing.digest(), Policy::standard().digest());
}

#[test]
fn the_held_out_stream_is_not_in_what_the_training_gets() {
    let task = shipped();
    let Kind::Metric(_) = &task.kind else { panic!("of this kind") };
    let [train, held_out] = &task.cases[..] else { panic!("two cases") };
    assert!(!train.hidden && held_out.hidden);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (train, held_out) = (text(&train.stdin), text(&held_out.stdin));
    let lines: Vec<&str> = held_out.lines().skip(1).collect();
    assert!(
        lines.len() > 20 && lines.iter().filter(|line| train.contains(**line)).count() * 10 < lines.len()
    );
}
