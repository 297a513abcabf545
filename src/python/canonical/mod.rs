//! The tree as text that CPython can print too: one line per node, field and constant, in the order
//! of the fields of CPython's `ast`. Two sources with the same text mean the same to both; the
//! differential tests hold this parser against CPython's by it.
//!
//! A list is `[`, its elements and `]`; a field that is absent, and `None`, are `~`; a string is
//! `s` and itself with line feeds and backslashes escaped; numbers are exact (`i` in hexadecimal,
//! `f` as the bits of the double). Left out, because they mean nothing at run time: places, type
//! comments, and the `u` of `u'…'`.

mod expressions;
mod integer;
mod patterns;
mod statements;

use std::fmt::Write as _;

use super::ast::{self, Expr, Stmt};
use super::{PythonVersion, decode, parse};

/// Why there is no tree, in words for the log of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Refused(Vec<String>);

/// Decodes and parses as the gate does and writes the tree down. Recursive: give it a stack that
/// is as large as the source is deep.
///
/// # Errors
/// [`Refused`] with every reason why the gate does not analyse `bytes`.
pub fn canonical_tree(bytes: &[u8], version: PythonVersion) -> Result<String, Refused> {
    let source = decode(bytes, usize::MAX).map_err(|error| Refused(vec![error.to_string()]))?;
    let body = parse::parse_module(source.text(), version)
        .map_err(|problems| Refused(problems.into_iter().map(|problem| problem.message).collect()))?;
    let mut tree = Tree { out: String::with_capacity(bytes.len() * 2) };
    tree.node("Module");
    tree.body(&body);
    Ok(tree.out)
}

struct Tree {
    out: String,
}

impl Tree {
    fn node(&mut self, name: &str) {
        self.out.push_str(name);
        self.out.push('\n');
    }

    fn absent(&mut self) {
        self.node("~");
    }

    fn text(&mut self, text: &str) {
        self.out.push('s');
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                _ => self.out.push(c),
            }
        }
        self.out.push('\n');
    }

    fn optional_text(&mut self, text: Option<&ast::Identifier>) {
        match text {
            Some(text) => self.text(text),
            None => self.absent(),
        }
    }

    fn integer(&mut self, value: u64) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.out, "i{value:x}");
    }

    fn float(&mut self, value: f64) {
        let _ = writeln!(self.out, "f{:016x}", value.to_bits());
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.node("[");
        for item in items {
            each(self, item);
        }
        self.node("]");
    }

    fn body(&mut self, body: &[Stmt]) {
        self.list(body, Self::stmt);
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        self.list(exprs, Self::expr);
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        match expr {
            Some(expr) => self.expr(expr),
            None => self.absent(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_elif_is_an_if_in_an_else() {
        let chain = canonical_tree(b"if a: pass\nelif b: pass\n", PythonVersion::DEFAULT);
        let nested = canonical_tree(b"if a: pass\nelse:\n  if b: pass\n", PythonVersion::DEFAULT);
        assert!(chain.is_ok());
        assert_eq!(chain, nested);
    }
}
