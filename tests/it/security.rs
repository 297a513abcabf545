//! SECURITY.md names for every promise the test that holds it. A test that is renamed or removed must not
//! leave a promise behind that nobody keeps.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::project;

/// The last column of the tables.
const COLUMN: &str = "held by";

/// A promise with the names that stand in its last column.
#[derive(Debug)]
struct Promise {
    text: String,
    names: Vec<String>,
}

fn promises() -> Vec<Promise> {
    let text = fs::read_to_string(project("SECURITY.md")).expect("it is there");
    let mut promises = Vec::new();
    let mut is_table = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        match cells.as_slice() {
            _ if !line.starts_with('|') => is_table = false,
            [.., last] if *last == COLUMN => is_table = true,
            [first, ..] if first.starts_with("---") => {}
            [first, .., last] if is_table => promises.push(Promise {
                text: (*first).to_owned(),
                names: last.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect(),
            }),
            _ => {}
        }
    }
    promises
}

/// Every Rust source of tests and of the library with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![project("src"), project("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    found
}

/// Fixtures of agents by `<verdict>/<name>`.
fn fixtures() -> Vec<String> {
    let mut names = Vec::new();
    for verdict in fs::read_dir(project("fixtures/agents")).expect("a folder") {
        let verdict = verdict.expect("an entry").path();
        for file in fs::read_dir(&verdict).expect("a folder") {
            let file = file.expect("an entry").path();
            let part = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            names.push(format!("{}/{}", part(&verdict), part(&file)));
        }
    }
    names
}

/// `probe-x`, `verdict/probe-x`, `verdict/*`, `verdict/probe-x_*`.
fn is_fixture(name: &str, fixtures: &[String]) -> bool {
    let fits = |fixture: &str| match name.strip_suffix('*') {
        Some(beginning) => fixture.starts_with(beginning),
        None => fixture == name,
    };
    let own = |fixture: &str| fixture.split_once('/').map_or_else(String::new, |(_, own)| own.to_owned());
    fixtures.iter().any(|fixture| fits(fixture) || fits(&own(fixture)))
}

/// A function marked as a test, or a trial of `tests/engine`, where names are text.
fn is_test(name: &str, sources: &[(PathBuf, String)]) -> bool {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let function = format!("fn {name}(");
    let trials = [format!("\"{name}\""), format!("::{name}\"")];
    let marked = |text: &str| {
        text.match_indices(&function).any(|(at, _)| {
            let before = text[..at].rsplit_once('\n').map_or("", |(before, _)| before);
            let attributes =
                before.lines().rev().map(str::trim).take_while(|line| !matches!(*line, "" | "}"));
            attributes.into_iter().any(|line| line.starts_with("#[") && line.contains("test"))
        })
    };
    is_name
        && sources.iter().any(|(path, text)| {
            let is_engine = path.starts_with(project("tests/engine"));
            marked(text) || (is_engine && trials.iter().any(|trial| text.contains(trial)))
        })
}

#[test]
fn every_promise_names_tests_that_exist() {
    let (sources, fixtures) = (sources(), fixtures());
    let promises = promises();
    assert!(promises.len() > 30, "the tables are read: {}", promises.len());
    let mut missing = Vec::new();
    for Promise { text, names } in &promises {
        if names.is_empty() {
            missing.push(format!("`{text}` names no test"));
        }
        for name in names {
            let exists = match name.split_once('/') {
                Some(("tests" | "fixtures", _)) => project(name).exists(),
                Some(_) | None => is_fixture(name, &fixtures) || is_test(name, &sources),
            };
            if !exists {
                missing.push(format!("`{text}` names `{name}`, which does not exist"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_name_that_is_not_a_test_is_found_out() {
    let (sources, fixtures) = (sources(), fixtures());
    // A function that is no test, and a beginning of a test's name.
    for wrong in ["promises", "every_promise_names", "probe-nothing", "no_limit/*", ""] {
        assert!(!is_test(wrong, &sources) && !is_fixture(wrong, &fixtures), "{wrong}");
    }
    assert!(is_test("every_promise_names_tests_that_exist", &sources));
    assert!(is_test("doctor_finds_every_promise_held", &sources));
    assert!(is_fixture("time_limit/*", &fixtures) && is_fixture("probe-network", &fixtures));
}
