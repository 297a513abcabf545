//! PC806 and PC807: regular expressions that try exponentially many ways to match.
//!
//! A pattern `X*` does when a text of one letter, again and again, is taken apart by `X` in more than
//! one way, as `aa` is by `(a+)*` and `(a|aa)*`, and something behind it may fail. So it is enough to
//! count, for a few letters, in how many ways `X` matches one, two, three … of them.

use ruff_python_ast::{Expr, ExprCall, ExprContext, Operator};
use ruff_text_size::Ranged;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::Value;

pub(super) static PATTERN: Rule = Rule {
    code: "PC806",
    name: "backtracking-pattern",
    family: Family::Resources,
    severity: Severity::Warning,
    what: "A regular expression that repeats what can be repeated in several ways, with more behind it: `(a+)+$`.",
    why: "On a text that does not match, each letter doubles the time.",
    refused: "import re\nprint(re.match(r'^(\\w+\\s?)*$', input()))\n",
    passes: "import re\nprint(re.match(r'^\\w+(\\s\\w+)*$', input()))\n",
    fix: "Let each repetition begin with a letter that the one before it cannot end with.",
    on: &[On::LibraryCall(check)],
};

pub(super) static BOMB: Rule = Rule {
    code: "PC807",
    name: "backtracking-bomb",
    family: Family::Resources,
    severity: Severity::Error,
    what: "Such a regular expression, with a long text for it that is written in the source.",
    why: "Forty letters keep it busy for longer than any task may run.",
    refused: "import re\nre.match('(a+)+$', 'a' * 40 + 'b')\n",
    passes: "import re\nre.match('a+$', 'a' * 40 + 'b')\n",
    fix: "Write the pattern without a repetition within a repetition.",
    on: &[],
};

/// Functions of `re`, and where the text stands that they look at.
const FUNCTIONS: [(&str, usize); 8] = [
    ("re.match", 1),
    ("re.search", 1),
    ("re.fullmatch", 1),
    ("re.findall", 1),
    ("re.finditer", 1),
    ("re.split", 1),
    ("re.sub", 2),
    ("re.subn", 2),
];

fn check(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    let Some(name) = values.members().find(|name| name.starts_with("re.")).cloned() else {
        return;
    };
    let function = FUNCTIONS.iter().find(|(known, _)| *known == &*name);
    if function.is_none() && &*name != "re.compile" {
        return;
    }
    let Some(argument) = call.arguments.args.first() else {
        return;
    };
    // Blanks mean nothing in a verbose pattern.
    let flags = call.arguments.args.iter().skip(1).chain(call.arguments.keywords.iter().map(|k| &k.value));
    if flags
        .clone()
        .any(|flag| matches!(flag, Expr::Attribute(flag) if matches!(flag.attr.as_str(), "X" | "VERBOSE")))
    {
        return;
    }
    let patterns = cx.values(argument);
    let whole =
        name.ends_with("fullmatch") || cx.mentions("re.compile") && !uses(&["fullmatch"], cx).is_empty();
    let explodes = patterns.texts().any(|pattern| {
        cx.module.fuel().spend_for(pattern.len() * 64);
        explodes(pattern, whole)
    });
    if !explodes {
        return;
    }
    let fed = match function {
        Some((_, at)) => call.arguments.args.get(*at).is_some_and(|subject| is_long_constant(subject, cx)),
        None => {
            let searches = uses(&["match", "search", "fullmatch", "findall", "finditer", "split"], cx);
            searches.iter().any(|call| call.arguments.args.first().is_some_and(|s| is_long_constant(s, cx)))
                || uses(&["sub", "subn"], cx)
                    .iter()
                    .any(|call| call.arguments.args.get(1).is_some_and(|s| is_long_constant(s, cx)))
        }
    };
    let (rule, what) = if fed {
        (&BOMB, "this pattern and the text for it take longer than any task may run")
    } else {
        (&PATTERN, "this pattern takes twice as long for each letter of some texts")
    };
    cx.report(rule, argument.range(), Found::new(what).name(&*name).help(rule.fix));
}

/// Calls of these methods on whatever is no module.
fn uses<'a>(names: &[&str], cx: &Context<'a, '_>) -> Vec<&'a ExprCall> {
    let mut calls = Vec::new();
    for name in names {
        for info in cx.module.spelled(name) {
            if let Expr::Attribute(method) = info.expr
                && method.ctx == ExprContext::Load
                && cx.values(&method.value).modules().next().is_none()
            {
                calls.extend(cx.module.called_by(info.expr));
            }
        }
    }
    calls
}

/// Long enough for a pattern that doubles its work with each letter.
const LONG: usize = 20;

fn is_long_constant(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(expr);
    if values.complete && !values.known.is_empty() {
        return values.texts().any(|text| text.len() >= LONG);
    }
    match expr {
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            is_long_constant(&operation.left, cx) || is_long_constant(&operation.right, cx)
        }
        Expr::BinOp(operation) if operation.op == Operator::Mult => {
            operation.left.is_string_literal_expr()
                && matches!(cx.values(&operation.right).exactly(), Some(Value::Int(times)) if *times >= 20)
        }
        _ => false,
    }
}

/// Letters: those of ASCII one by one, and all others together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set {
    ascii: u128,
    others: bool,
}

impl Set {
    fn of(holds: impl Fn(char) -> bool, others: bool) -> Self {
        let ascii = (0..128u8).filter(|byte| holds(char::from(*byte))).fold(0, |set, byte| set | 1 << byte);
        Self { ascii, others }
    }

    fn one(letter: char) -> Self {
        Self::of(|other| other == letter, !letter.is_ascii())
    }

    const fn or(self, other: Self) -> Self {
        Self { ascii: self.ascii | other.ascii, others: self.others || other.others }
    }

    const fn not(self) -> Self {
        Self { ascii: !self.ascii, others: true }
    }

    fn holds(self, letter: char) -> bool {
        if letter.is_ascii() { self.ascii >> u32::from(letter) & 1 == 1 } else { self.others }
    }

    /// What follows a backslash.
    fn escape(letter: char) -> Option<Self> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        Some(match letter {
            'd' => Self::of(|c| c.is_ascii_digit(), true),
            'D' => Self::of(|c| !c.is_ascii_digit(), true),
            'w' => Self::of(word, true),
            'W' => Self::of(|c| !word(c), true),
            's' => Self::of(|c| c.is_ascii_whitespace() || c == '\x0b', false),
            'S' => Self::of(|c| !(c.is_ascii_whitespace() || c == '\x0b'), true),
            'n' => Self::one('\n'),
            't' => Self::one('\t'),
            'r' => Self::one('\r'),
            'f' => Self::one('\x0c'),
            'v' => Self::one('\x0b'),
            other if !other.is_ascii_alphanumeric() => Self::one(other),
            _ => return None,
        })
    }
}

enum Node {
    Set(Set),
    /// `$`, `\b` and their kin: no letter, and may fail.
    Assertion,
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat {
        inner: Box<Node>,
        least: usize,
        most: Option<usize>,
    },
}

/// The pattern as a tree, where it is made of nothing but what is understood here.
struct Parser<'p> {
    rest: std::iter::Peekable<std::str::Chars<'p>>,
    depth: u32,
}

impl Parser<'_> {
    fn choice(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > 20 {
            return None;
        }
        let mut branches = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(if branches.len() == 1 { branches.pop()? } else { Node::Choice(branches) })
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut items = Vec::new();
        while let Some(next) = self.rest.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let atom = self.atom()?;
            items.push(self.repeated(atom)?);
        }
        Some(Node::Sequence(items))
    }

    fn atom(&mut self) -> Option<Node> {
        Some(match self.rest.next()? {
            '^' | '$' => Node::Assertion,
            '.' => Node::Set(Set::one('\n').not()),
            '\\' => match self.rest.next()? {
                'b' | 'B' | 'A' | 'Z' => Node::Assertion,
                letter => Node::Set(Set::escape(letter)?),
            },
            '[' => Node::Set(self.class()?),
            '(' => {
                if self.rest.next_if_eq(&'?').is_some() {
                    match self.rest.next()? {
                        ':' => {}
                        'P' => {
                            self.rest.next_if_eq(&'<')?;
                            self.rest.by_ref().find(|letter| *letter == '>')?;
                        }
                        _ => return None,
                    }
                }
                let inner = self.choice()?;
                self.rest.next_if_eq(&')')?;
                inner
            }
            '*' | '+' | '?' | ')' => return None,
            letter => Node::Set(Set::one(letter)),
        })
    }

    fn class(&mut self) -> Option<Set> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut set = Set::default();
        let mut first = true;
        loop {
            let letter = self.rest.next()?;
            if letter == ']' && !first {
                break;
            }
            first = false;
            if letter == '\\' {
                set = set.or(Set::escape(self.rest.next()?)?);
                continue;
            }
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-')
                && let Some(last) = ahead.next().filter(|last| !matches!(last, ']' | '\\'))
            {
                self.rest = ahead;
                set = set.or(Set::of(|c| (letter..=last).contains(&c), !last.is_ascii()));
            } else {
                set = set.or(Set::one(letter));
            }
        }
        Some(if negated { set.not() } else { set })
    }

    fn repeated(&mut self, atom: Node) -> Option<Node> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let text: String = self.rest.clone().skip(1).take_while(|c| *c != '}').take(12).collect();
                let (least, most) = match text.split_once(',') {
                    Some((least, most)) => (least, most),
                    None => (&*text, &*text),
                };
                let number = |digits: &str| digits.parse::<usize>().ok();
                let bounds = match (least, most) {
                    ("", most) => (0, Some(number(most)?)),
                    (least, "") => (number(least)?, None),
                    (least, most) => (number(least)?, Some(number(most)?)),
                };
                self.rest.by_ref().take(text.len() + 1).for_each(drop);
                bounds
            }
            _ => return Some(atom),
        };
        if self.rest.peek().is_some_and(|next| matches!(next, '*' | '+' | '?')) {
            self.rest.next();
        }
        // `a*?` tries the same ways in another order; `a*+` and `a**` are something else.
        if self.rest.peek().is_some_and(|next| matches!(next, '*' | '+' | '?' | '{')) {
            return None;
        }
        Some(Node::Repeat { inner: Box::new(atom), least, most })
    }
}

/// In how many ways texts of 0, 1, 2 … of one letter are matched, up to `MANY`.
const LENGTHS: usize = 6;
const MANY: u32 = 8;
type Ways = [u32; LENGTHS];

fn then(a: &Ways, b: &Ways) -> Ways {
    let mut ways = [0; LENGTHS];
    for (at, count) in a.iter().enumerate() {
        for (way, other) in ways[at..].iter_mut().zip(b) {
            *way = (*way + count * other).min(MANY);
        }
    }
    ways
}

/// `None` where there is an assertion: between equal letters it says which ways there are.
fn ways(node: &Node, letter: char) -> Option<Ways> {
    const NOTHING: Ways = [1, 0, 0, 0, 0, 0];
    Some(match node {
        Node::Assertion => return None,
        Node::Set(set) => [0, u32::from(set.holds(letter)), 0, 0, 0, 0],
        Node::Sequence(items) => {
            let mut all = NOTHING;
            for item in items {
                all = then(&all, &ways(item, letter)?);
            }
            all
        }
        Node::Choice(branches) => {
            let mut all = [0; LENGTHS];
            for branch in branches {
                for (sum, count) in all.iter_mut().zip(ways(branch, letter)?) {
                    *sum = (*sum + count).min(MANY);
                }
            }
            all
        }
        Node::Repeat { inner, least, most } => {
            let mut once = ways(inner, letter)?;
            // A round that takes nothing ends the loop.
            let least = if once[0] > 0 { 0 } else { *least };
            once[0] = 0;
            let mut all = [0; LENGTHS];
            let mut power = NOTHING;
            for round in 0..LENGTHS {
                if round >= least {
                    for (sum, count) in all.iter_mut().zip(power) {
                        *sum = (*sum + count).min(MANY);
                    }
                }
                if most.is_some_and(|most| round >= most) {
                    break;
                }
                power = then(&power, &once);
            }
            all
        }
    })
}

/// Rounds that make a bounded repetition as bad as an unbounded one.
const ROUNDS: usize = 16;

/// Whether there is a repetition whose rounds can be told apart in several ways, and something behind
/// it that may fail.
fn is_ambiguous(node: &Node, followed: bool, letters: &[char]) -> bool {
    match node {
        Node::Set(_) | Node::Assertion => false,
        Node::Choice(branches) => branches.iter().any(|branch| is_ambiguous(branch, followed, letters)),
        Node::Sequence(items) => items.iter().enumerate().any(|(at, item)| {
            let behind = followed || items[at + 1..].iter().any(may_fail);
            is_ambiguous(item, behind, letters)
        }),
        Node::Repeat { inner, most, .. } => {
            let again = most.is_none_or(|most| most >= ROUNDS);
            again
                && followed
                && letters
                    .iter()
                    .any(|letter| ways(inner, *letter).is_some_and(|ways| ways[1..].iter().sum::<u32>() > 1))
                || is_ambiguous(inner, followed, letters)
        }
    }
}

fn may_fail(node: &Node) -> bool {
    match node {
        Node::Set(_) | Node::Assertion => true,
        Node::Sequence(items) => items.iter().any(may_fail),
        Node::Choice(branches) => branches.iter().all(may_fail),
        Node::Repeat { inner, least, .. } => *least > 0 && may_fail(inner),
    }
}

/// Longest pattern that is looked at.
const MAX_PATTERN: usize = 1000;

fn explodes(pattern: &str, whole: bool) -> bool {
    if pattern.len() > MAX_PATTERN || !pattern.contains(['*', '+', '{']) || !pattern.contains('(') {
        return false;
    }
    let mut parser = Parser { rest: pattern.chars().peekable(), depth: 0 };
    let Some(tree) = parser.choice().filter(|_| parser.rest.next().is_none()) else {
        return false;
    };
    let mut letters: Vec<char> = "aZ0 _\n\u{e9}".chars().chain(pattern.chars().take(64)).collect();
    letters.sort_unstable();
    letters.dedup();
    is_ambiguous(&tree, whole, &letters)
}

#[cfg(test)]
mod tests {
    use super::explodes;

    #[test]
    fn a_repetition_of_a_repetition_explodes() {
        for pattern in [
            "(a+)+$",
            "(a*)*b",
            "(?:a|a)*b",
            "(a|aa)+$",
            r"^(\w+\s?)*$",
            "(.*a){20}x",
            r"([a-z]+,?)*;",
            r#""(\\.|[^"])*""#,
            "(?P<x>(a+)+)b",
            r"(\d+|\w)*!",
            "((a+)b?)*c",
        ] {
            assert!(explodes(pattern, false), "{pattern}");
        }
        assert!(explodes("(a+)+", true));
    }

    #[test]
    fn what_can_be_taken_apart_in_one_way_does_not() {
        for pattern in [
            "(a+)+",
            r"^\w+(\s\w+)*$",
            r"(\d+\.)*\d+",
            r"(.|\n)*x",
            r#""([^"\\]|\\.)*""#,
            "(ab)*c",
            "a*b*c*d",
            r"^([a-z]+, )*[a-z]+$",
            r"(\w+)=(\w+);",
            r"(\s*,\s*\d+)*\]",
            r"[+-]?(\d+(\.\d*)?|\.\d+)$",
            r"(?:[^,]*,){3}x",
            r"(\b\w+\b\s*)*$",
            r"(a+)?b",
            "(a",
            "[",
            "(?=a+)+b",
            r"^(\d{1,3},)*\d{3}$",
            r"(\(\w+\)|\w)*$",
            r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}",
        ] {
            assert!(!explodes(pattern, false), "{pattern}");
        }
    }
}
