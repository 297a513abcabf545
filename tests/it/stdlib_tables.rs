//! The embedded tables about CPython's library say what the interpreter says.

use std::process::Command;

use crate::support::project;

#[test]
fn the_tables_have_not_drifted_from_the_interpreter() {
    let generate = project("stdlib_list/generate.py");
    let checked = match Command::new("python3").arg("-I").arg(generate).arg("check").output() {
        Ok(checked) => checked,
        Err(error) => {
            println!("skipped: python3 cannot be started: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&checked.stdout);
    println!("{said}");
    let complained = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}{complained}");
}

#[test]
fn every_known_version_has_its_list_of_modules() {
    for version in portcullis::python::PythonVersion::all() {
        let path = project(format!("stdlib_list/{version}.txt"));
        let text = std::fs::read_to_string(&path).expect("a list");
        let mut lines = text.lines();
        let head = lines.next().expect("a header");
        assert!(head.starts_with(&format!("# Top-level modules of CPython {version}. Source: ")), "{head}");
        let names: Vec<&str> = lines.collect();
        assert!(names.is_sorted(), "{version} is sorted");
        for name in ["sys", "os", "_thread", "pyexpat", "__future__"] {
            assert!(names.binary_search(&name).is_ok(), "{version} holds {name}");
        }
    }
}
