//! PC804: loops that nothing ends.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprCall, Number, Operator, Stmt};
use ruff_text_size::Ranged;

use super::sizes::yields;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{FunctionNode, ScopeId, Value};

pub(in crate::lint::rules) static ENDLESS: Rule = Rule {
    code: "PC804",
    name: "unbounded-loop",
    family: Family::Resources,
    severity: Severity::Warning,
    what: "`while True`, or a `for` over an iterator without an end, with nothing in it that could end it: no `break`, no \
           `return`, and no call that might raise an error.",
    why: "It runs until the time limit.",
    refused: "while True:\n    pass\n",
    passes: "n = 3\nwhile True:\n    n -= 1\n    if not n:\n        break\n",
    fix: "Give it an end.",
    on: &[On::Stmt(endless)],
};

/// What neither ends a loop nor raises an error, whatever it is given.
const WITHOUT_END: [&str; 4] = ["builtins.print", "builtins.len", "builtins.id", "time.sleep"];

/// Anything that could end a loop: a jump out, or whatever may raise.
struct Exit<'c, 'a, 'f> {
    found: bool,
    /// Functions of the source that are looked into: a jump there stays there.
    depth: u32,
    cx: &'c Context<'a, 'f>,
}

impl<'a> Visitor<'a> for Exit<'_, '_, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Raise(_) | Stmt::Assert(_) | Stmt::Delete(_) | Stmt::Import(_) | Stmt::ImportFrom(_) => {
                self.found = true;
            }
            Stmt::Break(_) | Stmt::Return(_) if self.depth == 0 => self.found = true,
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => self.found |= self.may_end(call),
            Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) | Expr::Subscript(_) => self.found = true,
            Expr::BinOp(operation)
                if matches!(operation.op, Operator::Div | Operator::FloorDiv | Operator::Mod) =>
            {
                self.found = true;
            }
            _ => {}
        }
        if !self.found {
            visitor::walk_expr(self, expr);
        }
    }
}

impl Exit<'_, '_, '_> {
    fn may_end(&self, call: &ExprCall) -> bool {
        self.cx.module.fuel().spend(8);
        match self.cx.values(&call.func).exactly() {
            Some(Value::Member(name)) => !WITHOUT_END.contains(&&**name),
            Some(Value::Function(id)) if self.depth < 3 => match self.cx.module.function(*id).node {
                FunctionNode::Def(def) if def.decorator_list.is_empty() && !def.is_async => {
                    let mut inner = Exit { found: false, depth: self.depth + 1, cx: self.cx };
                    self.cx.module.fuel().spend_for(def.range().len().to_usize() / 8);
                    inner.visit_body(&def.body);
                    inner.found
                }
                _ => true,
            },
            _ => true,
        }
    }
}

fn endless(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let (range, body) = match stmt {
        Stmt::While(ast::StmtWhile { test, body, .. }) => {
            if !is_always_true(test) {
                return;
            }
            (test.range(), body)
        }
        Stmt::For(each) if !each.is_async => {
            if !each.iter.is_call_expr() || yields(&each.iter, cx) != Some(f64::INFINITY) {
                return;
            }
            (each.iter.range(), &each.body)
        }
        _ => return,
    };
    let mut exit = Exit { found: false, depth: 0, cx };
    exit.visit_body(body);
    if !exit.found {
        cx.report(&ENDLESS, range, Found::new("nothing ends this loop").help(ENDLESS.fix));
    }
}

pub(super) fn is_always_true(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(literal) => literal.value,
        Expr::NumberLiteral(ast::ExprNumberLiteral { value: Number::Int(int), .. }) => {
            int.as_i64() != Some(0)
        }
        _ => false,
    }
}
