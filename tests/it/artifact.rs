//! The kind `artifact`: which invariants hold of which documents.

use portcullis::bundle::{self, Bundle, Rules, pack};
use portcullis::model::CaseVerdict;
use portcullis::task::{self, Artifact, Author, Fate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{run, snapshots};

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let bytes = pack(files.iter().map(|(path, text)| (*path, text.as_bytes()))).expect("packed");
    bundle::read(&bytes, &Rules::ARTIFACT).expect("a bundle")
}

fn machine(name: &str, zone: &str) -> Value {
    json!({"mode": "managed", "type": "vm", "name": "m",
           "instances": [{"attributes": {"name": name, "zone": zone, "nets": [{"net": "a"}]}}]})
}

fn state(resources: &[Value]) -> Bundle {
    bundle(&[("terraform.tfstate", &json!({"version": 4, "resources": resources}).to_string())])
}

fn artifact(invariants: &Value) -> Artifact {
    Artifact::parse(&json!({ "invariants": invariants }).to_string(), Author::Trusted).expect("invariants").0
}

/// What each invariant came to, as lines.
fn judged(invariants: &Value, bundle: &Bundle) -> String {
    let holds = artifact(invariants).judge(bundle);
    let lines =
        holds.iter().map(|one| format!("{}: {}\n", one.name, one.differs.as_deref().unwrap_or("holds")));
    lines.collect()
}

fn of_vm(pairs: &Value) -> Value {
    json!([{"resource_type": "vm", "match": pairs}])
}

#[test]
fn what_differs_is_said_of_the_resource_that_comes_nearest() {
    let two = state(&[machine("a", "us"), machine("b", "eu")]);
    let all = [
        judged(&of_vm(&json!({"values.name": "a", "values.nets.0.net": "a"})), &two),
        judged(&of_vm(&json!({"values.name": "b", "values.zone": "us", "values.nets.0.net": "a"})), &two),
        judged(&of_vm(&json!({"values.name": "c", "values.zone": "as", "values.disk": 1})), &two),
        judged(&json!([{"resource_type": "disk", "match": {"values.name": "a"}}]), &two),
        judged(
            &json!([{"resource_type": "vm", "match": {"values.zone": "us"}},
                    {"resource_type": "vm", "match": {"values.name": "a"}}]),
            &two,
        ),
        judged(&of_vm(&json!({"values.name": "a"})), &bundle(&[("main.tf", "")])),
        judged(&of_vm(&json!({"values.name": "a"})), &bundle(&[("terraform.tfstate", "{\"version\": 3}")])),
        judged(&of_vm(&json!({"values.name": "a"})), &bundle(&[("terraform.tfstate", "[")])),
    ];
    snapshots().bind(|| insta::assert_snapshot!("artifact_differences", all.join("--\n")));
}

#[test]
fn a_resource_stands_for_one_invariant_and_a_data_source_for_none() {
    let both = json!([{"resource_type": "vm", "match": {"values.zone": "us"}},
                      {"resource_type": "vm", "match": {"values.name": "a"}}]);
    let holds = |resources: &[Value]| {
        let held = artifact(&both).judge(&state(resources));
        held.iter().filter(|one| one.differs.is_none()).count()
    };
    assert_eq!(holds(&[machine("a", "us")]), 1);
    // The first invariant fits both and must leave `a` to the second, in either order.
    assert_eq!(holds(&[machine("a", "us"), machine("b", "us")]), 2);
    assert_eq!(holds(&[machine("b", "us"), machine("a", "us")]), 2);
    let looked_up =
        json!({"mode": "data", "type": "vm", "instances": [{"attributes": {"name": "a", "zone": "us"}}]});
    let deposed = json!({"mode": "managed", "type": "vm",
                         "instances": [{"deposed": "1", "attributes": {"name": "a", "zone": "us"}}]});
    assert_eq!(holds(&[looked_up, deposed]), 0);
}

#[test]
fn expressions_speak_of_documents_and_what_cannot_be_decided_does_not_hold() {
    let documents = bundle(&[
        ("a.json", "{\"list\": [1, 2, 3], \"big\": 18446744073709551615, \"half\": 0.5}"),
        ("broken.json", "{"),
        ("terraform.tfstate", "{\"version\": 4, \"serial\": 7, \"resources\": []}"),
    ]);
    let cases = [
        "documents['a.json'].list.all(n, n > 0)",
        "documents['a.json'].list.exists(n, n > 3)",
        "documents['a.json'].half == 0.5 && documents['a.json'].list[0] == 1",
        "state.serial == 7 && size(resources) == 0",
        "size(files) == 3",
        "documents['broken.json'].x == 1",
        "documents['a.json'].missing",
        "documents['a.json'].list",
        "documents['a.json'].list[9] == 1",
        "1 / (size(files) - 3) == 0",
        "'x'.matches('(') && size(files) == 3",
    ];
    let invariants: Vec<Value> = cases.iter().map(|text| json!({ "expression": text })).collect();
    let said: Vec<String> = judged(&json!(invariants), &documents)
        .lines()
        .zip(cases)
        .map(|(line, text)| format!("{text}\n  {line}\n"))
        .collect();
    snapshots().bind(|| insta::assert_snapshot!("artifact_expressions", said.concat()));
}

#[test]
fn an_expression_that_would_take_too_long_is_not_begun() {
    let long: Vec<u32> = (0..3000).collect();
    let documents = bundle(&[("a.json", &json!({ "l": long }).to_string())]);
    let list = "documents['a.json'].l";
    let cube = format!("{list}.all(x, {list}.all(y, {list}.all(z, x + y + z >= 0)))");
    let line = format!("{list}.all(x, x >= 0)");
    let said = judged(&json!([{"expression": cube}, {"expression": line}]), &documents);
    assert!(
        said.contains("invariant-1: a list of 3000 values in the documents is too long for it"),
        "{said}"
    );
    assert!(said.contains("invariant-2: holds"), "{said}");
}

#[test]
fn what_is_wrong_with_invariants_is_said() {
    let wrong = [
        json!({"resource_type": "vm", "match": {}}),
        json!({"resource_type": "vm", "match": {"name": "a"}}),
        json!({"resource_type": "vm", "match": {"values.": "a"}}),
        json!({"resource_type": "", "match": {"values.a": "a"}}),
        json!({"resource_type": "vm"}),
        json!({}),
        json!({"resource_type": "vm", "match": {"values.a": 1}, "comparison_rule": "starts_with"}),
        json!({"resource_type": "vm", "match": {"values.a": "("}, "comparison_rule": "regex"}),
        json!({"resource_type": "vm", "match": {"values.a": 1}, "comparison_rule": "almost"}),
        json!({"resource_type": "vm", "match": {"values.a": 1}, "weight": 0}),
        json!({"name": "Not A Name", "resource_type": "vm", "match": {"values.a": 1}}),
        json!({"expression": "documents["}),
        json!({"expression": "1 == 1"}),
        json!({"expression": "size(files) == 1", "comparison_rule": "regex"}),
        json!({"expression": "size(files) == 1", "match": {"values.a": 1}}),
        json!({"expresion": "size(files) == 1"}),
    ];
    let said: String = wrong
        .iter()
        .map(|invariant| {
            let text = json!({ "invariants": [invariant] }).to_string();
            let error = Artifact::parse(&text, Author::Trusted).expect_err("it is wrong");
            format!("{invariant}\n  {error}\n")
        })
        .collect();
    snapshots().bind(|| insta::assert_snapshot!("artifact_errors", said));
    let twice = json!([{"name": "a", "expression": "size(files) == 1"}, {"name": "a", "expression": "size(files) == 1"}]);
    assert!(Artifact::parse(&json!({ "invariants": twice }).to_string(), Author::Trusted).is_err());
    let expression = json!({"invariants": [{"expression": "size(files) == 1"}]}).to_string();
    assert!(Artifact::parse(&expression, Author::Anybody).is_err(), "an expression from anybody");
}

#[test]
fn a_task_of_alphacore_is_read_as_it_is() {
    let text = r#"{"version":"v0","task_id":"t-1","nonce":"n","kind":"iac","prompt":"…","invariants":
        [{"resource_type":"google_compute_instance","match":{"values.name":"vm-0579b710","values.zone":"us-central1-a"}}]}"#;
    let (artifact, id) = Artifact::parse(text, Author::Anybody).expect("a task");
    assert_eq!((artifact.judge(&state(&[])).len(), id.as_deref()), (1, Some("t-1")));
}

/// Each of our own packages keeps its promises; nothing has to be run for it.
#[test]
fn our_artifact_tasks_are_proved() {
    let tasks = task::builtin_bundles().expect("they are right");
    let tasks: Vec<_> = tasks.into_iter().filter(|task| !task.kind.runs_programs()).collect();
    assert!(tasks.len() >= 2);
    for task in tasks {
        assert!(task.cases.len() >= 8 && task.cases.iter().any(|case| case.hidden), "{}", task.id);
        for solution in &task.solutions {
            let read = bundle::read(&solution.source, &Rules::ARTIFACT);
            if solution.fate == Fate::Rejected {
                continue;
            }
            let results = task.judge_documents(&read.expect("it can be read")).expect("of this kind");
            let failed = results.iter().filter(|result| result.verdict != CaseVerdict::Accepted).count();
            assert_eq!(
                failed == 0,
                solution.fate == Fate::Accepted,
                "{} {}: {results:?}",
                task.id,
                solution.path
            );
        }
    }
}

#[test]
fn bundles_are_scored_without_a_sandbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let tasks = task::builtin_bundles().expect("they are right");
    let task = tasks.iter().find(|task| task.id.as_str() == "two_tier_network").expect("it is there");
    for solution in &task.solutions {
        let name = format!("{}.zip", solution.path.rsplit('/').next().expect("a name"));
        std::fs::write(folder.path().join(name), &solution.source).expect("written");
    }
    std::fs::write(folder.path().join("agent.py"), "print(1)\n").expect("written");
    let score = |arguments: &[&str]| run(folder.path(), &[&["score"], arguments].concat(), b"");
    let good = score(&["solution.zip", "--task", "two_tier_network", "--format", "json"]);
    assert_eq!(good.code, Some(0), "{good}");
    let document: Value = serde_json::from_str(&good.stdout).expect("JSON");
    assert_eq!(document["rankings"][0]["score"], 100.0);
    let wrong = score(&["public_database.zip", "--task", "two_tier_network"]);
    let refused = score(&["with_a_script.zip", "--task", "two_tier_network"]);
    let which = score(&["solution.zip"]);
    let mixed = score(&["solution.zip", "agent.py"]);
    let other = score(&["agent.py", "--task", "two_tier_network"]);
    let another = score(&["solution.zip", "--task", "reverse_string"]);
    assert_eq!([wrong.code, refused.code], [Some(1), Some(1)], "{wrong}\n{refused}");
    let all = [wrong, refused, which, mixed, other, another].map(|ran| ran.to_string()).join("\n\n");
    snapshots().bind(|| insta::assert_snapshot!("score_bundles", all));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// As many hold as could at most, and which ones is a matter of the documents, not of their order.
    #[test]
    fn the_order_of_resources_changes_nothing(
        machines in prop::collection::vec((0..3_u8, 0..3_u8), 0..6),
        claims in prop::collection::vec((prop::option::of(0..3_u8), prop::option::of(0..3_u8)), 1..5),
        seed in any::<prop::sample::Index>(),
    ) {
        let resources: Vec<Value> =
            machines.iter().map(|(name, zone)| machine(&name.to_string(), &zone.to_string())).collect();
        let invariants: Vec<Value> = claims.iter().map(|(name, zone)| {
            let mut pairs = serde_json::Map::new();
            pairs.insert("values.nets.0.net".to_owned(), json!("a"));
            pairs.extend(name.map(|name| ("values.name".to_owned(), json!(name.to_string()))));
            pairs.extend(zone.map(|zone| ("values.zone".to_owned(), json!(zone.to_string()))));
            json!({"resource_type": "vm", "match": pairs})
        }).collect();
        let artifact = artifact(&json!(invariants));
        let held = |resources: &[Value]| -> Vec<bool> {
            artifact.judge(&state(resources)).iter().map(|one| one.differs.is_none()).collect()
        };
        let mut turned = resources.clone();
        if !turned.is_empty() {
            let by = seed.index(turned.len());
            turned.rotate_left(by);
            turned.reverse();
        }
        let straight = held(&resources);
        prop_assert_eq!(&straight, &held(&turned));
        prop_assert_eq!(straight.iter().filter(|held| **held).count(), most(&claims, &machines, 0, &mut vec![false; machines.len()]));
    }
}

/// By trying everything.
fn most(
    claims: &[(Option<u8>, Option<u8>)],
    machines: &[(u8, u8)],
    at: usize,
    taken: &mut Vec<bool>,
) -> usize {
    let Some((name, zone)) = claims.get(at) else { return 0 };
    let mut best = most(claims, machines, at + 1, taken);
    for index in 0..machines.len() {
        let fits = name.is_none_or(|name| name == machines[index].0)
            && zone.is_none_or(|zone| zone == machines[index].1);
        if fits && !taken[index] {
            taken[index] = true;
            best = best.max(1 + most(claims, machines, at + 1, taken));
            taken[index] = false;
        }
    }
    best
}

#[test]
fn lint_reports_findings_by_the_name_of_the_file_in_the_bundle() {
    let folder = tempfile::tempdir().expect("a folder");
    let honest = pack([("a.py", &b"print(1)\n"[..]), ("b.json", b"{}")]).expect("packed");
    let hostile = pack([("a.py", &b"print(1)\n"[..]), ("lib/b.py", b"x = 1\neval('1')\n")]).expect("packed");
    let traversing = pack([("../a.py", &b"print(1)\n"[..])]).expect("packed");
    for (name, bytes) in [("honest.zip", honest), ("hostile.zip", hostile), ("traversing.zip", traversing)] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let lint = |name: &str| run(folder.path(), &["lint", name], b"");
    let all = ["honest.zip", "hostile.zip", "traversing.zip"].map(lint);
    assert_eq!(all.each_ref().map(|ran| ran.code), [Some(0), Some(1), Some(1)]);
    let all = all.map(|ran| ran.to_string()).join("\n\n");
    snapshots().bind(|| insta::assert_snapshot!("lint_bundles", all));
}
