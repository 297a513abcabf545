//! `check` returns for whatever it is given: nesting, noise, mutated sources, on a small stack.

use portcullis::lint::{self, Policy};
use portcullis::model::GateVerdict;
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
