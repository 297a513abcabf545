//! `lint --format sarif` against the schema of SARIF 2.1.0.

use std::fs;

use serde_json::Value;

use crate::support::{project, run};

#[test]
fn the_sarif_output_is_valid() {
    let schema = fs::read_to_string(project("fixtures/sarif/sarif-schema-2.1.0.json")).expect("the schema");
    // The standard's pattern for a language ends in a bracket that strict engines want escaped.
    let schema = schema.replace("{2}]?$", "{2}\\\\]?$");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let folder = tempfile::tempdir().expect("a folder");
    let files: [(&str, &[u8]); 5] = [
        ("good.py", b"print(1)\n"),
        ("broken.py", b"def f(:\n  pass\n"),
        ("a name with spaces, é and 100%.py", b"\xff"),
        ("bidi.py", "x = '\u{202e}'\n".as_bytes()),
        ("chain.py", b"e = eval\nf = e\nprint(f('1'))\nimport os, socket\n"),
    ];
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let ran = run(folder.path(), &["lint", "--format", "sarif", "."], b"");
    let log: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let problems: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(log["runs"][0]["artifacts"].as_array().map(Vec::len), Some(5));

    let mut wrong = log;
    wrong["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&wrong), "the schema is applied at all");
}
