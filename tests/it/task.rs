//! Loading task packages: what is right loads, what is wrong is named with its place.

use std::fs;
use std::path::Path;

use portcullis::model::{CaseResult, CaseVerdict, Usage};
use portcullis::task::{self, Fate};

use crate::support::{project, snapshots};

/// A small package that is right; each test spoils one thing.
const GOOD: &[(&str, &str)] = &[
    (
        "task.toml",
        "title = \"Echo\"\ndifficulty = \"easy\"\nprompt = \"Print the line.\"\n\n[limits]\nwall_ms = 2000\n\n\
         [[case]]\nname = \"inline\"\nstdin = \"a\\n\"\nexpected = \"a\\n\"\n",
    ),
    ("statement.md", "# Echo\n"),
    ("cases/file.in", "b\n"),
    ("cases/file.out", "b\n"),
    ("hidden/secret.in", "c\n"),
    ("hidden/secret.out", "c\n"),
    ("solution.py", "print(input())\n"),
    ("wrong/wrong_answer/constant.py", "print('a')\n"),
];

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, content).expect("a file");
}

/// The message for the good package after `spoil`, with the temporary folder left out.
fn message(spoil: impl FnOnce(&Path)) -> String {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("tasks/echo");
    for (name, content) in GOOD {
        write(&folder, name, content.as_bytes());
    }
    spoil(&folder);
    let loaded = task::load_dir(&temporary.path().join("tasks"));
    let text = loaded.map_or_else(|error| error.to_string(), |tasks| format!("loaded {}", tasks.len()));
    text.replace(&format!("{}/", temporary.path().display()), "")
}

/// With `from` in `task.toml` replaced.
fn edited(from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join("task.toml");
        let text = fs::read_to_string(&path).expect("the manifest");
        assert!(text.contains(from), "`{from}` is in the manifest");
        fs::write(path, text.replacen(from, to, 1)).expect("written");
    }
}

fn subtask(body: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join("task.toml");
        let text = fs::read_to_string(&path).expect("the manifest");
        fs::write(path, format!("{text}\n[[subtask]]\n{body}\n")).expect("written");
    }
}

/// The package turned into one about a function.
fn function(keys: &'static str, calls: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let text = format!(
            "title = \"Echo\"\ndifficulty = \"easy\"\nprompt = \"Define f.\"\nkind = \"function\"\n{keys}\n"
        );
        fs::write(folder.join("task.toml"), text).expect("written");
        fs::write(folder.join("cases.json"), calls).expect("written");
        fs::remove_dir_all(folder.join("cases")).expect("removed");
        fs::remove_dir_all(folder.join("hidden")).expect("removed");
    }
}

fn without(name: &'static str) -> impl FnOnce(&Path) {
    move |folder| fs::remove_file(folder.join(name)).expect("it was there")
}

fn with(name: &'static str, content: impl AsRef<[u8]> + 'static) -> impl FnOnce(&Path) {
    move |folder| write(folder, name, content.as_ref())
}

#[test]
fn what_is_wrong_with_a_package_is_named_with_its_place() {
    type Spoil = Box<dyn FnOnce(&Path)>;
    let cases: Vec<(&str, Spoil)> = vec![
        ("nothing", Box::new(|_| ())),
        ("no manifest", Box::new(without("task.toml"))),
        ("no statement", Box::new(without("statement.md"))),
        ("an empty statement", Box::new(with("statement.md", " \n"))),
        ("an answer is missing", Box::new(without("cases/file.out"))),
        ("an input is missing", Box::new(without("hidden/secret.in"))),
        (
            "only a second answer",
            Box::new(|folder| {
                fs::rename(folder.join("cases/file.out"), folder.join("cases/file.2.out")).expect("renamed");
            }),
        ),
        ("another file among the cases", Box::new(with("cases/file.txt", ""))),
        ("a folder among the cases", Box::new(with("cases/more/a.in", ""))),
        (
            "a case with a bad name",
            Box::new(|folder| {
                write(folder, "cases/Big.in", b"");
                write(folder, "cases/Big.out", b"");
            }),
        ),
        ("an answer that is not UTF-8", Box::new(with("cases/file.out", b"one\ntwo \xff\n"))),
        ("a manifest that is not UTF-8", Box::new(with("task.toml", b"title = \"\xff\"\n"))),
        ("a manifest that is not TOML", Box::new(edited("title =", "title"))),
        ("a huge manifest", Box::new(with("task.toml", vec![b'#'; 300 * 1024]))),
        ("a mistyped key", Box::new(edited("title", "titel"))),
        ("a mistyped limit", Box::new(edited("wall_ms", "wal_ms"))),
        ("a mistyped difficulty", Box::new(edited("\"easy\"", "\"esay\""))),
        ("an unknown difficulty", Box::new(edited("\"easy\"", "\"impossible\""))),
        ("an unknown checker", Box::new(edited("prompt", "checker = \"line\"\nprompt"))),
        (
            "a tolerance that the checker does not take",
            Box::new(edited("prompt", "tolerance = { absolute = 1e-6 }\nprompt")),
        ),
        (
            "a tolerance that is no number",
            Box::new(edited("prompt", "checker = \"numbers\"\ntolerance = { relative = nan }\nprompt")),
        ),
        ("numbers without a tolerance", Box::new(edited("prompt", "checker = \"numbers\"\nprompt"))),
        ("an answer that is not JSON", Box::new(edited("prompt", "checker = \"json\"\nprompt"))),
        ("a key of another type", Box::new(edited("2000", "\"2000\""))),
        ("a missing key", Box::new(edited("title = \"Echo\"\n", ""))),
        ("an empty title", Box::new(edited("\"Echo\"", "\" \""))),
        ("an empty prompt", Box::new(edited("\"Print the line.\"", "\"\""))),
        ("a limit out of range", Box::new(edited("2000", "999_999_999"))),
        ("a negative limit", Box::new(edited("2000", "-1"))),
        ("a case without an answer", Box::new(edited("expected = \"a\\n\"\n", ""))),
        ("a case with nothing", Box::new(edited("stdin = \"a\\n\"\nexpected = \"a\\n\"\n", ""))),
        (
            "a case twice in the manifest",
            Box::new(edited("[[case]]", "[[case]]\nname = \"inline\"\nexpected = \"\"\n[[case]]")),
        ),
        ("a case in the manifest and as files", Box::new(edited("\"inline\"", "\"file\""))),
        ("a case with a bad name in the manifest", Box::new(edited("\"inline\"", "\"../x\""))),
        ("a case of no weight", Box::new(edited("name = \"inline\"", "name = \"inline\"\nweight = 0"))),
        (
            "a NUL in an argument",
            Box::new(edited("name = \"inline\"", "name = \"inline\"\narguments = [\"\\u0000\"]")),
        ),
        (
            "no case at all",
            Box::new(|folder| {
                edited("[[case]]\nname = \"inline\"\nstdin = \"a\\n\"\nexpected = \"a\\n\"\n", "")(folder);
                fs::remove_dir_all(folder.join("cases")).expect("removed");
                fs::remove_dir_all(folder.join("hidden")).expect("removed");
            }),
        ),
        ("a function that is not named", Box::new(function("", "[]"))),
        ("a function with a bad name", Box::new(function("function = \"a b\"", "[]"))),
        ("a function of a program", Box::new(edited("prompt", "function = \"f\"\nprompt"))),
        ("a function with a checker", Box::new(function("function = \"f\"\nchecker = \"lines\"", "[]"))),
        (
            "a function with cases in the manifest",
            Box::new(edited("prompt", "kind = \"function\"\nfunction = \"f\"\nprompt")),
        ),
        ("a program with calls", Box::new(with("cases.json", "[]"))),
        ("a function without cases", Box::new(function("function = \"f\"", "[]"))),
        ("calls that are not JSON", Box::new(function("function = \"f\"", "[\n{\"name\": \"a\",}]"))),
        (
            "a mistyped key of a call",
            Box::new(function("function = \"f\"", "[{\"name\": \"a\",\n\"return\": 1}]")),
        ),
        ("a call without a result", Box::new(function("function = \"f\"", "[{\"name\": \"a\"}]"))),
        (
            "a call with two results",
            Box::new(function(
                "function = \"f\"",
                "[{\"name\": \"a\", \"returns\": null, \"raises\": \"E\"}]",
            )),
        ),
        (
            "a call twice",
            Box::new(function(
                "function = \"f\"",
                "[{\"name\": \"a\", \"returns\": 1}, {\"name\": \"a\", \"returns\": 2}]",
            )),
        ),
        ("a subtask of an unknown case", Box::new(subtask("name = \"s\"\nweight = 1\ncases = [\"fil\"]"))),
        ("a subtask of no case", Box::new(subtask("name = \"s\"\nweight = 1\ncases = []"))),
        ("a subtask of no weight", Box::new(subtask("name = \"s\"\nweight = 0\ncases = [\"file\"]"))),
        (
            "a case in two subtasks",
            Box::new(subtask(
                "name = \"s\"\nweight = 1\ncases = [\"file\"]\n[[subtask]]\nname = \"t\"\nweight = 1\ncases = [\"file\"]",
            )),
        ),
        ("a verdict that nothing can get", Box::new(with("wrong/wrong_anser/x.py", ""))),
        ("a wrong solution outside a verdict", Box::new(with("wrong/x.py", ""))),
        (
            "a folder that cannot be a name",
            Box::new(|folder| {
                fs::rename(folder, folder.with_file_name("Echo!")).expect("renamed");
            }),
        ),
        (
            "no folder at all",
            Box::new(|folder| {
                fs::remove_dir_all(folder.parent().expect("a parent")).expect("removed");
            }),
        ),
        (
            "a task given instead of its parent",
            Box::new(|folder| {
                let parent = folder.parent().expect("a parent");
                fs::rename(folder.join("task.toml"), parent.join("task.toml")).expect("renamed");
            }),
        ),
    ];
    let mut text = String::new();
    for (name, spoil) in cases {
        text.push_str(&format!("{name}:\n    {}\n", message(spoil)));
    }
    snapshots().bind(|| insta::assert_snapshot!("task_errors", text));
}

#[test]
fn a_package_loads_as_it_is_written() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("echo");
    for (name, content) in GOOD {
        write(&folder, name, content.as_bytes());
    }
    write(&folder, "cases/file.2.out", b"B\n");
    write(&folder, "cases/.file.in.swp", b"an editor was here");
    edited("[[case]]", "[[case]]\nname = \"file\"\nweight = 3\narguments = [\"-x\", \"ü\"]\n[[case]]")(
        &folder,
    );
    let task = task::load(&folder).expect("it is right");
    assert_eq!(task.prompt, "echo: Print the line.");
    assert_eq!(task.limits.wall_ms, 2000);
    let names: Vec<_> = task.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["inline", "file", "secret"]);
    assert_eq!(task.cases.iter().map(|case| case.hidden).collect::<Vec<_>>(), [false, false, true]);
    let file = &task.cases[1];
    assert_eq!((file.weight, file.arguments.len(), file.accepted.len()), (3, 2, 2));
    assert_eq!(task.solutions.iter().filter(|solution| solution.fate == Fate::Accepted).count(), 1);
}

#[test]
fn a_call_becomes_a_request_and_the_reply_to_it() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("echo");
    for (name, content) in GOOD {
        write(&folder, name, content.as_bytes());
    }
    let calls = r#"[
        {"name": "both", "arguments": [1, "a"], "keywords": {"k": [null]}, "returns": {"x": 1.5}},
        {"name": "none", "returns": null},
        {"name": "raises", "arguments": [""], "raises": "ValueError", "weight": 2}
    ]"#;
    function("function = \"f\"", calls)(&folder);
    let task = task::load(&folder).expect("it is right");
    let shown: Vec<String> = task
        .cases
        .iter()
        .map(|case| format!("{} {} {}", case.name, String::from_utf8_lossy(&case.stdin), case.accepted[0]))
        .collect();
    assert_eq!(
        shown,
        [
            r#"both {"arguments":[1,"a"],"keywords":{"k":[null]}} {"returns":{"x":1.5}}"#,
            r#"none {"arguments":[],"keywords":{}} {"returns":null}"#,
            r#"raises {"arguments":[""],"keywords":{}} {"raises":"ValueError"}"#,
        ]
    );
}

#[test]
fn the_text_of_an_agent_stands_in_the_harness_as_it_is() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("echo");
    for (name, content) in GOOD {
        write(&folder, name, content.as_bytes());
    }
    function("function = \"f\"", "[{\"name\": \"a\", \"returns\": 1}]")(&folder);
    let task = task::load(&folder).expect("it is right");
    let agent = "# \"\"\" ''' \\N{DASH} \"<source>\" \u{1f40d}\r\u{7f}\tdef f(): return 1\n";
    let program = task.program(&agent.into());
    let line = program.lines().find(|line| line.starts_with("SOURCE = ")).expect("the text is there");
    let text: String = serde_json::from_str(line.trim_start_matches("SOURCE = ")).expect("a string");
    assert_eq!(text, agent);
    assert!(program.contains("FUNCTION = \"f\"\n"));
}

#[test]
fn a_subtask_counts_all_or_nothing() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("echo");
    for (name, content) in GOOD {
        write(&folder, name, content.as_bytes());
    }
    subtask("name = \"pair\"\nweight = 3\ncases = [\"file\", \"secret\"]")(&folder);
    let task = task::load(&folder).expect("it is right");
    let score = |passed: &[&str]| {
        let results: Vec<CaseResult> = task
            .cases
            .iter()
            .map(|case| CaseResult {
                name: case.name.clone(),
                verdict: if passed.contains(&case.name.as_str()) {
                    CaseVerdict::Accepted
                } else {
                    CaseVerdict::WrongAnswer
                },
                usage: Usage::default(),
                message: None,
                diff: None,
                repeats: Vec::new(),
            })
            .collect();
        task.score(&results).map(|score| score.to_string()).unwrap_or_default()
    };
    assert_eq!(score(&["inline", "file", "secret"]), "100");
    assert_eq!(score(&["inline", "file"]), "25");
    assert_eq!(score(&["file", "secret"]), "75");
    assert_eq!(score(&["file"]), "0");
    assert_eq!(task.score(&[]), None);
}

#[test]
fn what_decides_a_score_changes_the_digest_and_nothing_else_does() {
    let digest = |spoil: &dyn Fn(&Path)| {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = temporary.path().join("echo");
        for (name, content) in GOOD {
            write(&folder, name, content.as_bytes());
        }
        spoil(&folder);
        task::load(&folder).expect("it is right").digest
    };
    let original = digest(&|_| ());
    assert_eq!(digest(&|_| ()), original);
    assert_eq!(digest(&|folder| with("statement.md", "# Other\n")(folder)), original);
    assert_eq!(digest(&|folder| with("solution.py", "pass\n")(folder)), original);
    assert_ne!(digest(&|folder| with("hidden/secret.out", "C\n")(folder)), original);
    assert_ne!(digest(&|folder| with("cases/file.2.out", "B\n")(folder)), original);
    assert_ne!(digest(&|folder| edited("2000", "2001")(folder)), original);
    assert_ne!(digest(&|folder| edited("Print", "Show")(folder)), original);
    assert_ne!(digest(&|folder| edited("prompt", "checker = \"exact\"\nprompt")(folder)), original);
}

#[test]
fn the_built_in_tasks_are_those_of_the_folder() {
    let mut builtin = task::builtin().expect("they are right");
    builtin.extend(task::builtin_bundles().expect("they are right"));
    builtin.sort_by(|a, b| a.id.cmp(&b.id));
    let on_disk = task::load_dir(&project("tasks")).expect("they are right");
    let digests = |tasks: &[task::Task]| -> Vec<_> {
        tasks.iter().map(|task| (task.id.clone(), task.digest)).collect()
    };
    assert_eq!(digests(&builtin), digests(&on_disk));
    assert!(builtin.iter().any(|task| task.id.as_str() == "reverse_string"));
}
