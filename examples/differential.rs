//! Holds the gate's parser against CPython's over whole folders and over mutated sources, with
//! `rustpython-parser` as a second opinion. `scripts/differential` runs it.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a tool, not the product")]

#[path = "../tests/it/support/cpython.rs"]
mod cpython;
#[path = "../tests/it/support/mutate.rs"]
mod mutate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use cpython::{CPython, Comparison, compare};
use mutate::Mutator;
use portcullis::python::PythonVersion;

/// Compare the gate's parser with CPython's.
#[derive(Debug, Parser)]
struct Arguments {
    /// Files, and folders whose `.py` files are compared.
    paths: Vec<PathBuf>,
    /// How many mutated sources to compare besides.
    #[arg(long, default_value_t = 0)]
    mutations: u64,
    /// Where the mutations begin; the same seed makes the same sources.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Ask `rustpython-parser` too and count where it disagrees.
    #[arg(long)]
    second_opinion: bool,
    /// Keep the sources on which the parsers differ in this folder.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Tally {
    same_tree: u64,
    both_refuse: u64,
    different_tree: u64,
    /// Reason → how often, and one source's name.
    only_cpython: BTreeMap<String, (u64, String)>,
    only_ours: BTreeMap<String, (u64, String)>,
    second_disagrees: u64,
}

fn main() {
    let arguments = Arguments::parse();
    // The comparison walks trees as deep as their sources.
    let worker = std::thread::Builder::new().stack_size(1 << 30).spawn(move || run(&arguments));
    let differs = worker.expect("a thread").join().expect("no panic");
    std::process::exit(i32::from(differs));
}

/// Whether a difference in an unsafe direction was seen.
fn run(arguments: &Arguments) -> bool {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cpython = CPython::start(project, PythonVersion::DEFAULT).expect("CPython 3.11");
    println!("CPython {}", cpython.version);

    let mut files = Vec::new();
    for path in &arguments.paths {
        collect(path, &mut files);
    }
    files.sort();
    let sources: Vec<Vec<u8>> =
        files.iter().map(|file| std::fs::read(file).expect("a readable file")).collect();

    let mut tally = Tally::default();
    for (file, source) in files.iter().zip(&sources) {
        one(&file.display().to_string(), source, &mut cpython, arguments, &mut tally);
    }
    report(&format!("{} files", files.len()), &tally, arguments);
    let mut differs = tally.different_tree > 0;

    if arguments.mutations > 0 {
        let mut tally = Tally::default();
        // Long files cost the most and teach the least.
        let seeds: Vec<&[u8]> =
            sources.iter().map(|source| &source[..]).filter(|s| s.len() < 20_000).collect();
        let mut mutator = Mutator::new(arguments.seed);
        for number in 0..arguments.mutations {
            let source = mutator.next(&seeds);
            one(&format!("mutation {number}"), &source, &mut cpython, arguments, &mut tally);
        }
        report(
            &format!("{} mutated sources, seed {}", arguments.mutations, arguments.seed),
            &tally,
            arguments,
        );
        differs |= tally.different_tree > 0;
    }
    differs
}

fn one(name: &str, source: &[u8], cpython: &mut CPython, arguments: &Arguments, tally: &mut Tally) {
    let answer = cpython.ask(source);
    let comparison = compare(source, PythonVersion::DEFAULT, &answer);
    let keep = |kind: &str| {
        if let Some(folder) = &arguments.keep {
            let file = folder.join(format!("{kind}-{}.py", name.replace(['/', ' '], "_")));
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(file, source)).expect("a file");
        }
    };
    match comparison {
        Comparison::SameTree => tally.same_tree += 1,
        Comparison::BothRefuse => tally.both_refuse += 1,
        Comparison::DifferentTree { line, cpython, ours } => {
            tally.different_tree += 1;
            println!(
                "DIFFERENT TREE {name}, line {line} of the tree\n  CPython: {cpython}\n  gate:    {ours}"
            );
            keep("tree");
        }
        Comparison::OnlyCPythonAccepts { reason } => {
            if count(&mut tally.only_cpython, &reason, name) <= 3 {
                keep("refused");
            }
        }
        Comparison::OnlyWeAccept { reason } => {
            if count(&mut tally.only_ours, &reason, name) <= 3 {
                keep("accepted");
            }
        }
    }
    if arguments.second_opinion {
        let second = std::str::from_utf8(source)
            .is_ok_and(|text| rustpython_parser::parse(text, rustpython_parser::Mode::Module, "").is_ok());
        tally.second_disagrees += u64::from(second != answer.is_ok());
    }
}

/// Reasons are told apart without the names and numbers in them.
fn count(reasons: &mut BTreeMap<String, (u64, String)>, reason: &str, name: &str) -> u64 {
    let mut kind = String::new();
    let mut quoted = false;
    for c in reason.split(" (<agent>").next().unwrap_or_default().chars() {
        match c {
            '\'' | '`' | '"' => {
                quoted = !quoted;
                kind.push(c);
            }
            _ if quoted => {}
            '0'..='9' => {
                if !kind.ends_with('#') {
                    kind.push('#');
                }
            }
            _ => kind.push(c),
        }
    }
    let entry = reasons.entry(kind).or_insert_with(|| (0, name.to_owned()));
    entry.0 += 1;
    entry.0
}

fn report(what: &str, tally: &Tally, arguments: &Arguments) {
    let sum = |reasons: &BTreeMap<String, (u64, String)>| reasons.values().map(|(n, _)| n).sum::<u64>();
    println!("\n{what}:");
    println!("  {:>8} accepted by both, tree identical", tally.same_tree);
    println!("  {:>8} accepted by both, TREE DIFFERENT", tally.different_tree);
    println!("  {:>8} refused by both", tally.both_refuse);
    println!(
        "  {:>8} refused by the gate only (safe: an honest author is asked to rewrite)",
        sum(&tally.only_cpython)
    );
    list(&tally.only_cpython);
    println!("  {:>8} refused by CPython only (safe: nothing runs)", sum(&tally.only_ours));
    list(&tally.only_ours);
    if arguments.second_opinion {
        println!("  {:>8} on which rustpython-parser disagrees with CPython", tally.second_disagrees);
    }
}

fn list(reasons: &BTreeMap<String, (u64, String)>) {
    let mut rows: Vec<_> = reasons.iter().collect();
    rows.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (reason, (count, example)) in rows {
        let reason: String = reason.chars().take(110).collect();
        println!("           {count:>6} {reason} (such as {example})");
    }
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    if path.ends_with("site-packages") {
        // Other people's packages are no part of the library.
    } else if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            collect(&entry.expect("an entry").path(), into);
        }
    } else if path.extension().is_some_and(|extension| extension == "py") {
        into.push(path.to_owned());
    }
}
