//! Every function of the library that acts for its caller has a ruling, and the gate keeps to it however
//! the function is named. The same for everything that modules show of each other.

use std::collections::BTreeSet;
use std::fs;

use portcullis::diagnostic::Severity;
use portcullis::lint::{self, Policy};

use crate::support::project;

/// Rows of a table of `stdlib_list/`, without its comments and its head.
fn rows(table: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(project("stdlib_list").join(table)).expect("a table");
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Codes of the errors that the gate finds.
fn errors(source: &str) -> BTreeSet<String> {
    let report = lint::check(source.as_bytes(), &Policy::standard());
    let errors = report.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.into_owned()).collect()
}

/// Lines that import, and the expression that is `module.member` then.
fn disguises(module: &str, member: &str) -> Vec<(String, String)> {
    let root = module.split('.').next().unwrap_or(module);
    vec![
        (format!("import {module}\n"), format!("{module}.{member}")),
        (format!("from {module} import {member}\n"), member.to_owned()),
        (format!("import {module} as hidden\n"), format!("hidden.{member}")),
        (format!("from {module} import {member} as hidden\n"), "hidden".to_owned()),
        (
            format!("import {module}\n{root}_ = {root}\n"),
            format!("{module}.{member}").replacen(root, &format!("{root}_"), 1),
        ),
        (format!("import {module}\n"), format!("getattr({module}, {member:?})")),
        (format!("import {module}\n"), format!("getattr({module}, {:?} + {:?})", &member[..1], &member[1..])),
    ]
}

/// The probe in every disguise of the member that it names.
fn probes(probe: &str) -> Vec<String> {
    let probe = probe.replace("\\n", "\n");
    let start = probe.find('{').expect("a member");
    // Braces of Python hold no dotted name.
    let (start, end) =
        std::iter::successors(Some(start), |at| probe[at + 1..].find('{').map(|next| at + 1 + next))
            .filter_map(|at| probe[at..].find('}').map(|length| (at, at + length)))
            .find(|(at, end)| {
                let inside = &probe[at + 1..*end];
                inside.contains('.') && inside.chars().all(|c| c == '.' || c == '_' || c.is_alphanumeric())
            })
            .expect("a member");
    let (module, member) = probe[start + 1..end].rsplit_once('.').expect("a member of a module");
    disguises(module, member)
        .into_iter()
        .map(|(import, name)| format!("{import}{}{name}{}\n", &probe[..start], &probe[end + 1..]))
        .collect()
}

#[test]
fn every_deputy_has_one_ruling() {
    let known: BTreeSet<(String, String)> =
        rows("stdlib_deputies.tsv").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let mut ruled = BTreeSet::new();
    for row in rows("deputy_rulings.tsv") {
        assert_eq!(row.len(), 6, "{row:?}");
        assert!(!row[5].is_empty(), "{row:?} gives no reason");
        for function in row[1].split(' ') {
            assert!(ruled.insert((row[0].clone(), function.to_owned())), "{row:?} is ruled twice");
        }
    }
    assert_eq!(ruled, known);
}

#[test]
fn every_ruling_on_a_deputy_holds_in_every_disguise() {
    let mut wrong = Vec::new();
    for row in rows("deputy_rulings.tsv") {
        let [module, functions, ruling, rule, probe, _] = row.as_slice() else { panic!("{row:?}") };
        match ruling.as_str() {
            "unreachable" => {
                for source in [
                    format!("import {module}\n"),
                    format!("import {module} as hidden\n"),
                    format!("from {module} import *\n"),
                    format!("try:\n    import {module}\nexcept ImportError:\n    pass\n"),
                ] {
                    if errors(&source).is_empty() {
                        wrong.push(source);
                    }
                }
            }
            "private" => {
                for function in functions.split(' ') {
                    let name = function.split('.').find(|part| part.starts_with('_')).unwrap_or(function);
                    let holder = function.split('.').take_while(|part| !part.starts_with('_'));
                    let door = holder.map(|part| format!(".{part}")).collect::<String>();
                    for (import, value) in disguises(
                        module,
                        door.trim_start_matches('.')
                            .split('.')
                            .next()
                            .filter(|door| !door.is_empty())
                            .unwrap_or(name),
                    ) {
                        let tail = if door.is_empty() { String::new() } else { format!(".{name}") };
                        let source = format!("{import}print({value}{tail})\n");
                        if errors(&source).is_empty() {
                            wrong.push(source);
                        }
                    }
                }
            }
            "denied" | "refused" => {
                for source in probes(probe) {
                    let found = errors(&source);
                    let direct =
                        source.contains("getattr(") || source.contains("_ = ") || found.contains(rule);
                    if found.is_empty() || !direct {
                        wrong.push(format!("{source}{found:?} instead of {rule}"));
                    }
                }
                if ruling == "denied" {
                    let inside =
                        &probe[probe.find('{').expect("a member") + 1..probe.find('}').expect("a member")];
                    let (module, member) = inside.rsplit_once('.').expect("a member");
                    for (import, value) in disguises(module, member) {
                        let source = format!("{import}print(list(map({value}, ['x'])))\n");
                        if errors(&source).is_empty() {
                            wrong.push(source);
                        }
                    }
                }
            }
            // A module under another name is refused whatever it is used for.
            "allowed" => {
                for source in probes(probe).into_iter().take(4) {
                    let found = errors(&source);
                    if !found.is_empty() {
                        wrong.push(format!("{source}{found:?} instead of nothing"));
                    }
                }
            }
            other => panic!("there is no ruling `{other}`"),
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn nothing_that_a_module_shows_of_another_can_be_borrowed() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for row in rows("stdlib_leaks.tsv") {
        let [module, name, kind, leaked, visibility, ..] = row.as_slice() else { panic!("{row:?}") };
        // What a module lists as its own is ruled in `members.tsv`.
        if kind == "callable" && visibility == "in __all__" {
            continue;
        }
        // A submodule under its own name, such as `os.path`.
        if errors(&format!("import {module}.{name}\n")).is_empty() {
            continue;
        }
        for (import, value) in disguises(module, name) {
            for source in [
                format!("{import}x = {value}\n"),
                format!("{import}print(list(map(dir, [{value}])))\n"),
                format!("{import}print({value}.x)\n"),
            ] {
                tried += 1;
                if errors(&source).is_empty() {
                    wrong.push(format!("{source}# {leaked}"));
                }
            }
        }
    }
    assert!(tried > 5000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n\n{}", wrong.len(), wrong.join("\n\n"));
}
