//! PC0xx: what is wrong with the text before its meaning is looked at.

use ruff_text_size::{TextRange, TextSize};

use crate::diagnostic::{Finding, Severity, Span};
use crate::lint::Policy;
use crate::lint::rule::{Family, Rule};
use crate::lint::verdict::{Findings, Found};
use crate::model::GateVerdict;
use crate::python::parse::{SyntaxKind, SyntaxProblem};
use crate::python::{DecodeError, Source};

/// The first character, for what is wrong with a file as a whole.
pub(in crate::lint) const START: Span = Span { line: 1, column: 1, end_line: 1, end_column: 1 };

pub(in crate::lint) static SYNTAX_ERROR: Rule = Rule {
    code: "PC001",
    name: "syntax-error",
    family: Family::Source,
    severity: Severity::Error,
    what: "Source that CPython cannot parse.",
    why: "It would end with a `SyntaxError` before its first line runs, and source that cannot be parsed \
          cannot be checked.",
    refused: "def solve(:\n    pass\n",
    passes: "def solve():\n    pass\n",
    fix: "Run `python3 -m py_compile agent.py` with the version that runs the agents.",
    on: &[],
};

pub(in crate::lint) static NEWER_SYNTAX: Rule = Rule {
    code: "PC002",
    name: "newer-syntax",
    family: Family::Source,
    severity: Severity::Error,
    what: "Syntax that only a newer Python than the one that runs the agents understands.",
    why: "It would end with a `SyntaxError` there, however well it runs on the author's machine.",
    refused: "type Point = tuple[int, int]\n",
    passes: "Point = tuple[int, int]\n",
    fix: "Write it for the version that runs the agents; `--target-version` says which one is checked for.",
    on: &[],
};

pub(in crate::lint) static COMPILE_ERROR: Rule = Rule {
    code: "PC003",
    name: "compile-error",
    family: Family::Source,
    severity: Severity::Error,
    what: "Source that parses and that CPython's compiler refuses, such as `return` outside a function.",
    why: "It would end with a `SyntaxError` before its first line runs.",
    refused: "return 1\n",
    passes: "def answer():\n    return 1\n",
    fix: "Run `python3 -m py_compile agent.py` with the version that runs the agents.",
    on: &[],
};

pub(in crate::lint) static FOREIGN_ENCODING: Rule = Rule {
    code: "PC004",
    name: "foreign-encoding",
    family: Family::Source,
    severity: Severity::Error,
    what: "A coding cookie for anything but UTF-8, or bytes that are not UTF-8.",
    why: "Codecs such as `utf-7` and `unicode_escape` turn what looks like a comment into code, so source in \
          them cannot be reviewed.",
    refused: "# coding: utf-7\nprint(1)\n",
    passes: "# coding: utf-8\nprint(1)\n",
    fix: "Save the file as UTF-8 and remove the coding line.",
    on: &[],
};

pub(in crate::lint) static NOT_TEXT: Rule = Rule {
    code: "PC005",
    name: "not-text",
    family: Family::Source,
    severity: Severity::Error,
    what: "A NUL byte or a repeated byte-order mark.",
    why: "What follows a NUL is text for some readers and invisible for others; a whole archive can hide there.",
    refused: "x = 1 # \0\n",
    passes: "x = '\\0'\n",
    fix: "Write `\\0` in a string; remove the byte elsewhere.",
    on: &[],
};

pub(in crate::lint) static TOO_LARGE: Rule = Rule {
    code: "PC006",
    name: "source-too-large",
    family: Family::Source,
    severity: Severity::Error,
    what: "A file of more bytes than the policy allows (256 KiB unless it says otherwise).",
    why: "A large file is data or obfuscation more often than a program, and costs every reader time.",
    refused: "",
    passes: "print('small')\n",
    fix: "Compute tables instead of listing them.",
    on: &[],
};

pub(in crate::lint) static TOO_COMPLEX: Rule = Rule {
    code: "PC007",
    name: "source-too-complex",
    family: Family::Source,
    severity: Severity::Error,
    what: "Source nested deeper than CPython allows, or that takes too long to analyse.",
    why: "CPython gives up on it too, and what cannot be analysed is not let through.",
    refused: "x = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))\n",
    passes: "x = ((1))\n",
    fix: "Split the expression or the function.",
    on: &[],
};

pub(in crate::lint) static INVISIBLE_TEXT: Rule = Rule {
    code: "PC008",
    name: "invisible-text",
    family: Family::Source,
    severity: Severity::Error,
    what: "Bidirectional control characters.",
    why: "They make source read differently from what it does (\"Trojan Source\", CVE-2021-42574).",
    refused: "role = 'user\u{202e} # admin'\n",
    passes: "role = 'user\\u202e # admin'\n",
    fix: "Write the character as an escape such as `\\u202e`.",
    on: &[],
};

pub(in crate::lint) static BAD_BUNDLE: Rule = Rule {
    code: "PC009",
    name: "bad-bundle",
    family: Family::Source,
    severity: Severity::Error,
    what: "A ZIP archive that cannot be read safely: paths that leave it, names or headers that readers take \
           for different things, links, more than is allowed, other suffixes than the task's.",
    why: "Readers of ZIP files disagree about what the format leaves open, so an archive can show one thing to \
          who checks it and another to who runs it.",
    refused: "",
    passes: "print('one file')\n",
    fix: "Pack plain files with plain names, deflated, with `python3 -m zipfile -c bundle.zip FILE…`.",
    on: &[],
};

/// What `error` says, as a verdict with one finding.
pub(in crate::lint) fn undecodable(
    bytes: &[u8],
    error: &DecodeError,
    policy: &Policy,
) -> (GateVerdict, Vec<Finding>) {
    let rule = match error {
        DecodeError::TooLarge { .. } => &TOO_LARGE,
        DecodeError::NulByte { .. } | DecodeError::RepeatedByteOrderMark => &NOT_TEXT,
        DecodeError::NotUtf8 { .. }
        | DecodeError::ForeignEncoding { .. }
        | DecodeError::MarkedEncoding { .. } => &FOREIGN_ENCODING,
    };
    let found = match error {
        DecodeError::NotUtf8 { .. } if bytes.starts_with(b"PK\x03\x04") => {
            Found::new("this is a ZIP archive").help("submit one Python file as text")
        }
        DecodeError::ForeignEncoding { .. }
        | DecodeError::NotUtf8 { .. }
        | DecodeError::MarkedEncoding { .. } => {
            Found::new(error.to_string()).help("save the file as UTF-8 without a coding line")
        }
        DecodeError::TooLarge { .. } | DecodeError::NulByte { .. } | DecodeError::RepeatedByteOrderMark => {
            Found::new(error.to_string())
        }
    };
    let mut findings = Findings::new(policy);
    let line = error.line();
    findings.push(rule, Span { line, end_line: line, ..START }, found);
    findings.refuse();
    findings.finish()
}

/// What can be seen without a parser.
pub(in crate::lint) fn check_text(source: &Source, findings: &mut Findings) {
    // All of these characters begin with the same byte, which few sources have.
    const FIRST: u8 = 0xe2;
    let text = source.text();
    if text.is_ascii() || !text.as_bytes().contains(&FIRST) {
        return;
    }
    for (offset, character) in text.char_indices() {
        if !is_bidirectional_control(character) {
            continue;
        }
        let (Ok(start), Ok(length)) = (TextSize::try_from(offset), TextSize::try_from(character.len_utf8()))
        else {
            return;
        };
        findings.push(
            &INVISIBLE_TEXT,
            source.span(TextRange::at(start, length)),
            Found::new(format!(
                "the invisible character U+{:04X} changes the order of what is shown",
                u32::from(character)
            ))
            .help(format!("write it as `\\u{:04x}`", u32::from(character))),
        );
    }
}

const fn is_bidirectional_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(in crate::lint) fn report_syntax(source: &Source, problems: &[SyntaxProblem], findings: &mut Findings) {
    for problem in problems {
        let rule = match problem.kind {
            SyntaxKind::Invalid => &SYNTAX_ERROR,
            SyntaxKind::TooNew => &NEWER_SYNTAX,
            SyntaxKind::Compile => &COMPILE_ERROR,
            SyntaxKind::TooDeep => &TOO_COMPLEX,
        };
        let mut message = problem.message.trim_end_matches('.').to_owned();
        if let Some(first) = message.get(..1) {
            let lower = first.to_lowercase();
            message.replace_range(..1, &lower);
        }
        findings.push(rule, source.span(problem.range), Found::new(message));
    }
}
