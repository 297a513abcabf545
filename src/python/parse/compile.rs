//! Errors that CPython finds when it compiles and that neither the parser nor its companion
//! reports: blocks nested too deep for the compiler, integers too long to convert, a bare
//! `except` that is not last, a name that is both parameter and `global`, a star that stands alone,
//! a store to `__debug__`, and indentation in which tabs and blanks contradict each other.

use memchr::{memchr, memchr_iter, memmem};
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, Number, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::{SyntaxKind, SyntaxProblem};

/// `CO_MAXBLOCKS` of CPython 3.8 to 3.13: loops, `with` and `try` statements within one function.
const MAX_BLOCKS: usize = 20;
/// `sys.int_info.default_max_str_digits`: longer decimal literals are a `SyntaxError`.
const MAX_DECIMAL_DIGITS: usize = 4300;

pub(super) fn check(body: &[Stmt], text: &str) -> Vec<SyntaxProblem> {
    let mut walk = Walk { text, blocks: 0, expressions: may_hold_errors(text), found: Vec::new() };
    walk.visit_body(body);
    walk.found
}

struct Walk<'a> {
    text: &'a str,
    blocks: usize,
    /// Whether expressions are looked at too.
    expressions: bool,
    found: Vec<SyntaxProblem>,
}

/// Whether an expression of `text` may have an error that is looked for here. Nearly no text does, and
/// expressions are most of a tree.
fn may_hold_errors(text: &str) -> bool {
    let starred_field = |at: usize| {
        // A comment or a continued line may stand between the brace and the star.
        let inner = text[at + 1..].trim_start();
        inner.starts_with(['*', '#', '\\'])
    };
    let bytes = text.as_bytes();
    memmem::find(bytes, b"__debug__").is_some()
        || memchr_iter(b'{', bytes).any(starred_field)
        || has_long_line(bytes)
}

/// Whether a line is longer than any integer may be. Looks for one line end in each stretch of that
/// length, from behind, so that it reads a few bytes of each.
fn has_long_line(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(stretch) = rest.get(..=MAX_DECIMAL_DIGITS) {
        match stretch.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
            None => return true,
        }
    }
    false
}

impl Walk<'_> {
    fn problem(&mut self, range: TextRange, message: impl Into<String>) {
        self.found.push(SyntaxProblem { range, message: message.into(), kind: SyntaxKind::Compile });
    }
}

impl Walk<'_> {
    fn star(&mut self, range: TextRange) {
        self.problem(range, "can't use starred expression here");
    }

    fn debug(&mut self, name: &str, range: TextRange) {
        if name == "__debug__" {
            self.problem(range, "cannot assign to __debug__");
        }
    }

    fn keywords(&mut self, arguments: &ast::Arguments) {
        for keyword in &arguments.keywords {
            self.debug(keyword.arg.as_ref().map_or("", |arg| arg.as_str()), keyword.range);
        }
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let outer = self.blocks;
        match stmt {
            Stmt::FunctionDef(function) => {
                self.blocks = 0;
                let parameters: Vec<&str> = function.parameters.iter().map(|p| p.name().as_str()).collect();
                for inner in &function.body {
                    if let Stmt::Global(ast::StmtGlobal { names, .. })
                    | Stmt::Nonlocal(ast::StmtNonlocal { names, .. }) = inner
                    {
                        for name in names {
                            if parameters.contains(&name.as_str()) {
                                self.problem(
                                    name.range,
                                    format!("name '{name}' is parameter and declared elsewhere"),
                                );
                            }
                        }
                    }
                }
            }
            Stmt::ClassDef(class) => {
                self.blocks = 0;
                if let Some(arguments) = &class.arguments {
                    self.keywords(arguments);
                }
            }
            Stmt::Expr(expression) if expression.value.is_starred_expr() => self.star(expression.range),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let bound = alias.asname.is_none().then(|| alias.name.split('.').next());
                    self.debug(bound.flatten().unwrap_or_default(), alias.range);
                }
            }
            Stmt::For(_) | Stmt::While(_) => self.blocks += 1,
            Stmt::With(with) => self.blocks += with.items.len(),
            Stmt::Try(attempt) => {
                self.blocks += 1 + usize::from(!attempt.finalbody.is_empty());
                let bare = attempt.handlers.iter().position(|handler| {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    handler.type_.is_none()
                });
                if let Some(index) = bare
                    && index + 1 < attempt.handlers.len()
                {
                    self.problem(attempt.handlers[index].range(), "default 'except:' must be last");
                }
            }
            _ => {}
        }
        if self.blocks > MAX_BLOCKS && outer <= MAX_BLOCKS {
            self.problem(stmt.range(), "too many statically nested blocks");
        }
        visitor::walk_stmt(self, stmt);
        self.blocks = outer;
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if !self.expressions {
            return;
        }
        if let Expr::NumberLiteral(number) = expr
            && matches!(number.value, Number::Int(_))
            && number.range.len().to_usize() > MAX_DECIMAL_DIGITS
            && let Some(literal) = self.text.get(number.range.to_std_range())
            && literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
            && literal.bytes().filter(u8::is_ascii_digit).count() > MAX_DECIMAL_DIGITS
        {
            self.problem(number.range, format!("a decimal integer of more than {MAX_DECIMAL_DIGITS} digits"));
        }
        match expr {
            Expr::FString(string) => {
                let fields = string.value.f_strings().flat_map(|part| part.elements.interpolations());
                for field in fields.filter(|field| field.expression.is_starred_expr()) {
                    self.star(field.expression.range());
                }
            }
            Expr::Attribute(attribute) if attribute.ctx == ExprContext::Store => {
                self.debug(&attribute.attr, attribute.attr.range);
            }
            Expr::Call(call) => self.keywords(&call.arguments),
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        if let Pattern::MatchClass(class) = pattern {
            for keyword in &class.arguments.keywords {
                self.debug(&keyword.attr, keyword.attr.range);
            }
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// CPython measures each indentation twice, with a tab as eight columns and as one, and wants both
/// measures to order the lines alike.
pub(super) fn check_tabs(text: &str, tokens: &Tokens) -> Option<SyntaxProblem> {
    // Nearly no source has one.
    memchr(b'\t', text.as_bytes())?;
    let mut levels = vec![(0, 0)];
    let mut first = true;
    for token in tokens {
        match token.kind() {
            TokenKind::Newline => first = true,
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::Indent | TokenKind::Dedent => {}
            _ if !first => {}
            _ => {
                first = false;
                let head = text.get(..token.start().to_usize()).unwrap_or_default();
                let line = head.rfind('\n').map_or(0, |at| at + 1);
                // What a continued line is indented by was measured where it began.
                let continued = head[..line].ends_with("\\\n");
                if !continued && !fits(columns(&head[line..]), &mut levels) {
                    return Some(SyntaxProblem {
                        range: token.range(),
                        message: "inconsistent use of tabs and spaces in indentation".to_owned(),
                        kind: SyntaxKind::Compile,
                    });
                }
            }
        }
    }
    None
}

fn columns(indentation: &str) -> (usize, usize) {
    indentation.chars().fold((0, 0), |(wide, narrow), character| match character {
        ' ' => (wide + 1, narrow + 1),
        '\t' => ((wide / 8 + 1) * 8, narrow + 1),
        '\x0c' => (0, 0),
        _ => (wide, narrow),
    })
}

/// Enters or leaves levels for a line; whether both of its measures agree on that.
fn fits((wide, narrow): (usize, usize), levels: &mut Vec<(usize, usize)>) -> bool {
    while levels.last().is_some_and(|level| level.0 > wide) {
        levels.pop();
    }
    let level = levels.last().copied().unwrap_or_default();
    if wide > level.0 {
        levels.push((wide, narrow));
        return narrow > level.1;
    }
    narrow == level.1
}

#[cfg(test)]
mod tests {
    use crate::python::PythonVersion;
    use crate::python::parse::parse_module;

    fn refusal(text: &str) -> Option<String> {
        parse_module(text, PythonVersion::DEFAULT)
            .err()
            .and_then(|problems| Some(problems.first()?.message.clone()))
    }

    #[test]
    fn what_only_the_compiler_finds_is_found() {
        for text in ["*x\n", "f'{*a}'\n", "*a + 1\n"] {
            assert_eq!(refusal(text).as_deref(), Some("can't use starred expression here"), "{text}");
        }
        for text in
            ["x.__debug__ = 1\n", "f(__debug__=1)\n", "class A(__debug__=1): pass\n", "import __debug__.a\n"]
        {
            assert_eq!(refusal(text).as_deref(), Some("cannot assign to __debug__"), "{text}");
        }
        for text in ["x = *a,\n", "print(*a)\n", "f'{*a,}'\n", "x.__debug__\n", "import a.__debug__\n"] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn tabs_and_blanks_may_not_contradict_each_other() {
        for text in [
            "if 1:\n    x\n   \ty\n",
            "if 1:\n        x\n\ty\n",
            "if 1:\n\tx\n        y\n",
            "if 1:\n\tif 2:\n\t\tx\n        else: y\n",
        ] {
            // Some of these the parser refuses already, in other words.
            assert!(refusal(text).is_some(), "{text}");
        }
        for text in [
            "if 1:\n\tif 2:\n\t\tx\n\ty\n",
            "if 1:\n\tx = (1,\n  2)\n\ty\n",
            "if 1:\n\tx\n  # c\n\ty\n",
            "if 1:\n \tx\n \x0c \ty\n",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }
}
