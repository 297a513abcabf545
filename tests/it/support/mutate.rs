//! Broken and odd variants of sources, the same ones for the same seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What parsers are known to trip over.
const DICTIONARY: &[&str] = &[
    "\\\n",
    "\r",
    "\r\n",
    "\x0c",
    "\t",
    "\x0b",
    "\u{a0}",
    "\u{3000}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    ";",
    ":",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "f'",
    "rb'",
    "f\"{",
    "}}",
    "{{",
    "!r",
    "=}",
    "lambda",
    "async ",
    "await ",
    "match ",
    "case ",
    "_",
    "type ",
    "yield ",
    "return ",
    "nonlocal x\n",
    "global x\n",
    "del ",
    "not ",
    " if ",
    " else ",
    " for x in ",
    "*",
    "**",
    ":=",
    "->",
    "@",
    "...",
    "0x",
    "0o9",
    "1_0",
    "1__0",
    "1e",
    "1j",
    "0777",
    "0_0",
    "\u{ff45}val",
    "\u{1d41e}val",
    "\u{ba}",
    "\u{17f}",
    "\u{e9}",
    "e\u{301}",
    "\\N{DASH}",
    "\\x",
    "\\u12",
    "\\ud800",
    "\\777",
    "print x",
    "exec 'x'",
    "<>",
    "$",
    "?",
    "!",
    "`",
    "\\",
    "#",
    "# coding: latin-1\n",
    "# -*- coding: utf-8 -*-\n",
    "except*",
    "except ",
    "with (",
    "a, b",
    " as ",
    " in ",
    "import ",
    "from . import ",
    "*args",
    "/, ",
    "=",
    "==",
    "%",
    "None = 1",
    "True",
    "__debug__",
    "  ",
    "    ",
    "\n",
    "\n\n",
    "\n    ",
    "pass\n",
    "if 1:\n",
    "class C:\n",
    "def f():\n",
    "try:\n",
];

#[derive(Debug)]
pub(crate) struct Mutator {
    random: StdRng,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// A part of one of `seeds` with a few changes.
    pub(crate) fn next(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let seed = self.pick(seeds);
        let mut source = self.part_of(seed);
        // Mostly one: after a second change hardly anything is Python any longer.
        let changes = if self.random.random_ratio(3, 4) { 1 } else { 3 };
        for _ in 0..changes {
            self.change(&mut source, seeds);
        }
        source
    }

    fn pick<'s>(&mut self, seeds: &[&'s [u8]]) -> &'s [u8] {
        if seeds.is_empty() { b"x = 1\n" } else { seeds[self.random.random_range(0..seeds.len())] }
    }

    fn word(&mut self) -> &'static str {
        DICTIONARY[self.random.random_range(0..DICTIONARY.len())]
    }

    /// Some whole statements that follow one another, as far as that can be told from the lines.
    fn part_of(&mut self, source: &[u8]) -> Vec<u8> {
        let lines: Vec<&[u8]> = source.split_inclusive(|&byte| byte == b'\n').collect();
        let begins = |line: &[u8]| {
            const WORDS: [&[u8]; 10] = [
                b"def ",
                b"class ",
                b"import ",
                b"from ",
                b"if ",
                b"for ",
                b"@",
                b"async def ",
                b"try:",
                b"with ",
            ];
            WORDS.iter().any(|word| line.starts_with(word))
        };
        let starts: Vec<usize> = (0..lines.len()).filter(|&i| begins(lines[i])).collect();
        if starts.is_empty() {
            return source.to_vec();
        }
        let first = self.random.random_range(0..starts.len());
        let last = (first + self.random.random_range(1..=3_usize)).min(starts.len());
        let end = starts.get(last).copied().unwrap_or(lines.len());
        lines[starts[first]..end].concat()
    }

    /// The beginning of a word or of what stands between words, where most changes stay Python.
    fn boundary(&mut self, source: &[u8]) -> usize {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut place = self.random.random_range(0..=source.len());
        if self.random.random_ratio(4, 5) {
            while place > 0
                && place < source.len()
                && is_word(source[place]) == is_word(source[place - 1])
                && source[place] != b' '
            {
                place -= 1;
            }
        }
        place
    }

    /// The word, or the rest of one line, that begins at `place`.
    fn token_at(&mut self, source: &[u8], place: usize) -> usize {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let rest = &source[place..];
        let first = rest.first().copied().unwrap_or_default();
        rest.iter().take_while(|&&byte| is_word(byte) == is_word(first) && byte != b'\n').count()
    }

    fn change(&mut self, source: &mut Vec<u8>, seeds: &[&[u8]]) {
        let place = self.boundary(source);
        let length = self.token_at(source, place);
        match self.random.random_range(0..10_u32) {
            0 => drop(source.drain(place..place + length)),
            1 | 2 => {
                let copy: Vec<u8> = source[place..place + length].to_vec();
                let to = self.boundary(source);
                let over = if self.random.random() { self.token_at(source, to) } else { 0 };
                source.splice(to..to + over, copy);
            }
            3 | 4 => {
                let word = self.word();
                source.splice(place..place, word.bytes());
            }
            5 | 6 => {
                let word = self.word();
                source.splice(place..place + length, word.bytes());
            }
            7 => {
                if let Some(byte) = source.get_mut(place) {
                    *byte = self.random.random();
                }
            }
            8 => {
                let other = self.pick(seeds);
                let part = self.part_of(other);
                source.splice(place..place, part);
            }
            _ => source.truncate(place.max(source.len() / 2)),
        }
    }
}
