//! `check` returns for whatever it is given: nesting, noise, mutated sources, on a small stack.

use portcullis::lint::{self, Policy, stages};
use portcullis::model::GateVerdict;
use portcullis::python::decode;
use proptest::prelude::*;

fn on_a_small_stack(source: Vec<u8>) -> lint::Report {
    std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || lint::check(&source, &Policy::standard()))
        .expect("a thread")
        .join()
        .expect("no panic")
}

#[test]
fn depth_is_a_finding_and_not_a_crash() {
    let deep = 100_000;
    for source in [
        "(".repeat(deep),
        "[".repeat(deep) + &"]".repeat(deep),
        "x = ".to_owned() + &"-".repeat(deep) + "1",
        "x = ".to_owned() + &"not ".repeat(deep / 2) + "1",
        "x = 1".to_owned() + &"+1".repeat(deep),
        "x = a".to_owned() + &".b".repeat(deep / 2),
        "x = a".to_owned() + &"()".repeat(deep / 2),
        "x = ".to_owned() + &"lambda x=".repeat(deep / 10) + "1",
        "x = ".to_owned() + &"f'{".repeat(deep / 4),
        (0..2000).map(|depth| " ".repeat(depth) + "if x:\n").collect(),
        // Small enough to be parsed before anything is known of their depth.
        "(".repeat(deep / 2),
        "with ".to_owned() + &"(".repeat(deep / 2),
        "x = ".to_owned() + &"[".repeat(deep / 4) + &"]".repeat(deep / 4),
        "f'{".repeat(deep / 20),
        "x = ".to_owned() + &"-".repeat(deep / 2) + "1",
        "if x:\n        y\n    z\n".repeat(5000),
        "x = ".to_owned() + &"1 if x else ".repeat(deep / 12) + "1",
        "a = ".repeat(deep / 4) + "1",
        "x = ".to_owned() + &"9".repeat(deep),
        "match x:\n case ".to_owned() + &"[".repeat(deep / 4),
        "@".repeat(deep),
        "x: ".repeat(deep / 3),
        "await ".repeat(deep / 6),
    ] {
        let start: String = source.chars().take(30).collect();
        let report = on_a_small_stack(source.into_bytes());
        let broken =
            report.verdict == GateVerdict::Rejected || start.starts_with("a = ") || start.starts_with("x = ");
        assert!(broken, "{start}");
    }
}

#[test]
fn values_that_depend_on_each_other_end() {
    for source in [
        "a = b\nb = a\na()\n",
        "def f(x): return g(x)\ndef g(x): return f(x)\nf(1)()\n",
        "class A:\n    def m(self): return self.m()\nA().m()()\n",
        "x = ['a'] * 9\nx = x + x\nx = x + x\n''.join(x)\n",
        "f = lambda: f()\nf()()\n",
        "a, *b = b, a\nb[0](a)\n",
    ] {
        on_a_small_stack(source.into());
    }
    let wide: String =
        (0..400).map(|n| format!("def f{n}(x): return f{}(x) + f{}(x)\n", n + 1, n + 2)).collect();
    on_a_small_stack(wide.into_bytes());
}

/// As many lines as fit into `kilobytes`.
fn repeated(start: &str, line: impl Fn(usize) -> String, kilobytes: usize) -> String {
    let mut source = start.to_owned();
    for number in 0.. {
        let line = line(number);
        if source.len() + line.len() > kilobytes * 1024 {
            break;
        }
        source.push_str(&line);
    }
    source
}

/// How many steps a source takes, and how many it may take.
fn steps(source: &str) -> (u64, u64) {
    let policy = Policy::standard();
    let decoded = decode(source.as_bytes(), usize::MAX).expect("UTF-8");
    // On a stack that holds what the gate gives it.
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, || stages::parse(decoded, &policy).map(|parsed| parsed.steps(&policy)))
            .expect("a thread")
            .join()
            .expect("no panic")
            .expect("it parses")
    })
}

#[test]
fn a_source_that_costs_more_than_its_size_allows_is_refused_and_says_why() {
    let letters = |length: usize| -> String {
        ('a'..='z').chain('A'..='F').map(|c| format!("s='{}'\n", c.to_string().repeat(length))).collect()
    };
    for (name, source) in [
        ("every combination of texts", repeated(&letters(250), |_| "s+s+s+s+s\n".into(), 40)),
        ("one name bound again and again", repeated("", |n| format!("x='a{n}'\nx+x\n"), 200)),
        (
            "comprehensions within comprehensions",
            repeated(
                "r=range(500)\n",
                |_| "open(''.join([''.join([str(x) for y in r]) for x in r]))\n".into(),
                20,
            ),
        ),
        (
            "methods of one name that call each other",
            repeated("", |n| format!("class C{n}:\n def m(self,x): return self.m(x) or x.m(self)\n"), 200),
        ),
        (
            "chains that begin at their end",
            (0..9000).map(|n| format!("x{n}=x{0} or x{0}\n", n + 1)).collect(),
        ),
        (
            "names that depend on each other in a tangle",
            (0..6000)
                .map(|n| format!("x{n}=x{} or x{}\n", (n * 7 + 1) % 6000, (n * 13 + 5) % 6000))
                .collect(),
        ),
        (
            "a list that is taken apart and put together",
            repeated("x=[1,[2,[3]]]\n", |_| "a,(b,*c)=x\nx=[a,b,c]\n".into(), 120),
        ),
        (
            "lambdas of one name that take each other",
            repeated("", |_| "f=lambda x=f,y=f:x(y)\nf(f)\n".into(), 120),
        ),
        (
            "attributes that are named after descriptors",
            repeated(
                "",
                |n| {
                    format!(
                        "class A{n}:\n def __set_name__(self,o,n): self.n='_'+n\n def __get__(self,o,t): return getattr(o,self.n)\n"
                    )
                },
                256,
            ),
        ),
        (
            "texts joined by themselves",
            repeated(&format!("s='{}'\n", "ab".repeat(200)), |_| "s.join(s)\n".into(), 60),
        ),
        ("a builtin that is bound again and again", repeated("", |n| format!("if a: len={n}\nlen\n"), 120)),
        (
            "a call of a function with very many parameters",
            repeated(
                &format!(
                    "def f({}): return a0\n",
                    (0..250).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join(",")
                ),
                |_| "f(a9=1)\n".into(),
                256,
            ),
        ),
        ("a name that comes and goes", repeated("", |_| "x=1\ndel x\nx\n".into(), 120)),
    ] {
        let report = on_a_small_stack(source.into_bytes());
        assert_eq!(report.verdict, GateVerdict::Rejected, "{name}");
        let last = report.findings.last().map(|finding| (&*finding.code, finding.message.as_str()));
        let expected = ("PC007", "what the source may do takes too many steps to find out");
        assert_eq!(last, Some(expected), "{name}");
    }
}

#[test]
fn star_imports_cost_what_the_library_has_and_not_what_the_source_repeats() {
    let (taken, given) = steps(&repeated("", |n| format!("from math import *\nsqrt{n}\n"), 256));
    assert!(taken * 20 < given, "{taken} of {given}");
}

#[test]
fn how_many_steps_a_source_takes_is_a_fact_about_the_source() {
    let source =
        repeated("import os\n", |n| format!("class C{n}:\n    x = os.path.join('a', str({n}))\n"), 30);
    let first = steps(&source);
    assert!(first.0 > 0);
    // Beside others that do the same, and again.
    let others: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| steps(&source))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(others, [first; 4]);
}

#[test]
fn honest_programs_need_a_small_part_of_the_steps_they_may_take() {
    let tasks = concat!(env!("CARGO_MANIFEST_DIR"), "/tasks");
    let mut seen = 0;
    for task in std::fs::read_dir(tasks).expect("tasks") {
        let Ok(source) = std::fs::read_to_string(task.expect("a folder").path().join("solution.py")) else {
            continue;
        };
        let (taken, given) = steps(&source);
        assert!(taken * 20 < given, "{taken} of {given}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

/// The worst of the library, each of which once took seconds.
#[test]
fn no_ordinary_file_of_the_library_runs_out_of_steps() {
    let library = match crate::differential::library() {
        Ok(library) => library,
        Err(reason) => return println!("skipped: {reason}"),
    };
    for name in
        ["locale.py", "pydoc.py", "typing.py", "gettext.py", "email/_header_value_parser.py", "_pydecimal.py"]
    {
        let source = std::fs::read_to_string(library.join(name)).expect("a file of the library");
        let (taken, given) = steps(&source);
        assert!(taken * 2 < given, "{name}: {taken} of {given}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_get_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        lint::check(&bytes, &Policy::standard());
    }

    #[test]
    fn any_words_of_python_get_a_report(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "def", "class", "f", "x", "(", ")", ":", "\n", "    ", "=", "lambda", "import", "os", "from", "*",
                "getattr", "eval", "[", "]", "{", "}", "for", "in", "if", "else", "match", "case", "'a'", "f'{x}'",
                "\"__globals__\"", ".", ",", "1", "+", "%", "with", "as", "try", "except", "global", "yield", "await",
                "async", "return", ":=", "->", "@", "del", "__dict__", "self", "type", "dataclass",
            ]),
            0..80,
        )
    ) {
        lint::check(words.join(" ").as_bytes(), &Policy::standard());
    }

    #[test]
    fn a_mutated_source_gets_a_report(at in 0_usize..2000, with in any::<u8>(), cut in 0_usize..40) {
        let mut source = include_bytes!("../../fixtures/lint/clean/classes_threads_descriptors.py").to_vec();
        let at = at.min(source.len() - 1);
        source[at] = with;
        let end = (at + cut).min(source.len());
        source.drain(at..end);
        lint::check(&source, &Policy::standard());
    }
}
