//! The gate, step by step and whole, on an honest agent of 10 KB and of 200 KB.
//!
//! `cargo bench --bench gate`

#![allow(clippy::expect_used, reason = "a bench, not the product")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use portcullis::lint::{Policy, check, stages};
use portcullis::python::{Source, decode};

fn main() {
    divan::main();
}

const KILOBYTES: [usize; 2] = [10, 200];

/// What agents look like: parsing of text, some arithmetic, comprehensions, a class, f-strings.
fn agent(kilobytes: usize) -> Vec<u8> {
    let mut source = String::from(
        "import argparse\nimport math\nimport re\nimport sys\nfrom collections import Counter, defaultdict\n\n\n",
    );
    for number in 0.. {
        if source.len() > kilobytes * 1000 {
            break;
        }
        source.push_str(&format!(
            "class Solver{number}:\n    \"\"\"Solves one kind of task.\"\"\"\n\n    \
             def __init__(self, text, limit={number}):\n        self.words = re.findall(r'\\w+', text)\n        \
             self.limit = limit\n        self.seen = defaultdict(list)\n\n    \
             def solve(self):\n        counts = Counter(word.lower() for word in self.words if len(word) > 1)\n        \
             for index, (word, count) in enumerate(counts.most_common(self.limit)):\n            \
             self.seen[word].append(math.sqrt(count + index * {number}))\n        \
             return {{word: f'{{value[0]:.3f}}' for word, value in self.seen.items()}}\n\n\n"
        ));
    }
    source.push_str("if __name__ == '__main__':\n    print(Solver0(sys.stdin.read()).solve())\n");
    source.into_bytes()
}

fn decoded(bytes: &[u8]) -> Source {
    decode(bytes, usize::MAX).expect("UTF-8")
}

#[divan::bench(args = KILOBYTES)]
fn decode_bytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let bytes = agent(kilobytes);
    bencher.counter(BytesCount::new(bytes.len())).bench(|| decoded(black_box(&bytes)));
}

#[divan::bench(args = KILOBYTES)]
fn parse(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let bytes = agent(kilobytes);
    let policy = Policy::standard();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| decoded(&bytes))
        .bench_values(|source| stages::parse(source, &policy).expect("an honest agent"));
}

#[divan::bench(args = KILOBYTES)]
fn analyse(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let bytes = agent(kilobytes);
    let parsed = stages::parse(decoded(&bytes), &Policy::standard()).expect("an honest agent");
    bencher.counter(BytesCount::new(bytes.len())).bench(|| parsed.analyse());
}

#[divan::bench(args = KILOBYTES)]
fn analyse_and_rules(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let bytes = agent(kilobytes);
    let policy = Policy::standard();
    let parsed = stages::parse(decoded(&bytes), &policy).expect("an honest agent");
    bencher.counter(BytesCount::new(bytes.len())).bench(|| parsed.judge(&policy));
}

#[divan::bench(args = KILOBYTES)]
fn whole_file(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let bytes = agent(kilobytes);
    let policy = Policy::standard();
    bencher.counter(BytesCount::new(bytes.len())).bench(|| check(black_box(&bytes), &policy));
}
