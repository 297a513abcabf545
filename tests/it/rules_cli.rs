//! `portcullis rules` as its users meet it, and the book of rules in `docs/`.

use std::fs;

use portcullis::lint::{Policy, rules};

use crate::support::{Ran, project, run, snapshots};

#[track_caller]
fn rules_command(arguments: &[&str]) -> Ran {
    run(&project("."), &[&["rules"], arguments].concat(), b"")
}

#[test]
fn the_book_of_rules_is_up_to_date() {
    let made = rules_command(&["--format", "markdown"]).stdout;
    let kept = fs::read_to_string(project("docs/rules.md")).unwrap_or_default();
    assert!(made == kept, "docs/rules.md is out of date: portcullis rules --format markdown > docs/rules.md");
}

#[test]
fn a_rule_is_explained_by_code_and_by_name() {
    let by_code = rules_command(&["pc005"]);
    assert_eq!(by_code.stdout, rules_command(&["not-text"]).stdout);
    snapshots().bind(|| insta::assert_snapshot!("rules-page", by_code));
}

#[test]
fn an_unknown_rule_names_the_nearest_one() {
    let ran = rules_command(&["sintax-error"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stderr, "error: there is no rule `sintax-error`; did you mean `syntax-error`?\n");
}

#[test]
fn the_list_names_every_rule() {
    let list = rules_command(&[]).stdout;
    for rule in rules() {
        assert!(list.contains(&format!("{} {} ", rule.code, rule.name)), "{rule:?}");
    }
}

#[test]
fn the_json_holds_every_page() {
    let ran = rules_command(&["--format", "json"]);
    let catalogue: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(catalogue["version"], 1);
    let listed = catalogue["rules"].as_array().expect("a list");
    assert_eq!(listed.len(), rules().len());
    for (listed, rule) in listed.iter().zip(rules()) {
        assert_eq!((&listed["code"], &listed["why"]), (&rule.code.into(), &rule.why.into()));
    }
}

#[test]
fn the_printed_policy_is_a_policy() {
    let printed = rules_command(&["--print-policy"]).stdout;
    assert_eq!(Policy::from_toml(&printed).expect("a policy").digest(), Policy::standard().digest());
}

#[test]
fn a_page_says_everything() {
    for rule in rules() {
        for text in [rule.what, rule.why, rule.fix] {
            assert!(text.ends_with(['.', '…']), "{rule:?} is explained in sentences: {text}");
        }
        assert!(rule.code.starts_with("PC") && rule.code[2..].starts_with(rule.family.digit()), "{rule:?}");
    }
}
