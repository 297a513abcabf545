//! Errors that CPython finds when it compiles and that neither the parser nor its companion
//! reports: blocks nested too deep for the compiler, integers too long to convert, a bare
//! `except` that is not last, a name that is both parameter and `global`.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Number, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::{SyntaxKind, SyntaxProblem};

/// `CO_MAXBLOCKS` of CPython 3.8 to 3.13: loops, `with` and `try` statements within one function.
const MAX_BLOCKS: usize = 20;
/// `sys.int_info.default_max_str_digits`: longer decimal literals are a `SyntaxError`.
const MAX_DECIMAL_DIGITS: usize = 4300;

pub(super) fn check(body: &[Stmt], text: &str) -> Vec<SyntaxProblem> {
    let mut walk = Walk { text, blocks: 0, found: Vec::new() };
    walk.visit_body(body);
    walk.found
}

struct Walk<'a> {
    text: &'a str,
    blocks: usize,
    found: Vec<SyntaxProblem>,
}

impl Walk<'_> {
    fn problem(&mut self, range: TextRange, message: impl Into<String>) {
        self.found.push(SyntaxProblem { range, message: message.into(), kind: SyntaxKind::Compile });
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
            Stmt::ClassDef(_) => self.blocks = 0,
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
        if let Expr::NumberLiteral(number) = expr
            && matches!(number.value, Number::Int(_))
            && number.range.len().to_usize() > MAX_DECIMAL_DIGITS
            && let Some(literal) = self.text.get(number.range.to_std_range())
            && literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
            && literal.bytes().filter(u8::is_ascii_digit).count() > MAX_DECIMAL_DIGITS
        {
            self.problem(number.range, format!("a decimal integer of more than {MAX_DECIMAL_DIGITS} digits"));
        }
        visitor::walk_expr(self, expr);
    }
}
