//! PC808: loops in which something doubles each round.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, Operator, Stmt};
use ruff_text_size::Ranged;

use super::loops::is_always_true;
use super::sizes::{length, magnitude, yields};
use super::{MAX_BITS, MAX_ELEMENTS, first_values};
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{ScopeId, Value};

pub(in crate::lint::rules) static DOUBLING: Rule = Rule {
    code: "PC808",
    name: "doubling-loop",
    family: Family::Resources,
    severity: Severity::Error,
    what: "A loop without an end, or with a constant number of rounds, in which a text or a list is repeated or added to \
           itself until it has more than a billion elements, or a whole number is squared until it has more than 100 \
           million bits.",
    why: "Forty rounds of doubling take all memory.",
    refused: "x = 'a'\nfor _ in range(64):\n    x += x\n",
    passes: "x = 1\nfor _ in range(64):\n    x += x\n",
    fix: "Repeat it once, by the number that is needed.",
    on: &[On::Stmt(doubling)],
};

fn doubling(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let body = match stmt {
        Stmt::For(each) => &each.body,
        Stmt::While(each) => &each.body,
        _ => return,
    };
    for inner in body {
        let Some((name, growth)) = growth(inner) else { continue };
        let Expr::Name(text) = name else { continue };
        let rounds = match stmt {
            Stmt::For(each) => yields(&each.iter, cx),
            Stmt::While(each) => is_endless(&each.test, text.id.as_str()).then_some(f64::INFINITY),
            _ => None,
        };
        let Some(rounds) = rounds else { continue };
        if is_huge(name, &growth, rounds, cx) && grows_alone(text.id.as_str(), body) {
            cx.report(
                &DOUBLING,
                inner.range(),
                Found::new(format!("each round of the loop doubles `{}`", text.id)).help(DOUBLING.fix),
            );
        }
    }
}

/// What one round does to a value.
enum Growth<'a> {
    /// `x += x`, `f"{x}{x}"`: as often as this number says.
    Times(f64),
    /// `x *= 3`
    By(&'a Expr),
    /// `x *= x`, `x **= 2`
    Squared,
}

/// The name that a statement makes larger out of itself.
fn growth(stmt: &Stmt) -> Option<(&Expr, Growth<'_>)> {
    match stmt {
        Stmt::AugAssign(assign) => grown(&assign.target, &assign.target, assign.op, &assign.value),
        Stmt::Assign(assign) => {
            let [target] = &*assign.targets else { return None };
            match &*assign.value {
                Expr::BinOp(operation) => grown(target, &operation.left, operation.op, &operation.right)
                    .or_else(|| match operation.op {
                        Operator::Mult => grown(target, &operation.right, operation.op, &operation.left),
                        _ => None,
                    }),
                Expr::FString(text) => {
                    let fields = text.value.f_strings().flat_map(|part| part.elements.interpolations());
                    let copies = fields.filter(|field| is_same(&field.expression, target)).count();
                    (copies > 1).then(|| {
                        (target, Growth::Times(f64::from(u32::try_from(copies).unwrap_or(u32::MAX))))
                    })
                }
                _ => None,
            }
        }
        Stmt::Expr(statement) => match &*statement.value {
            Expr::Call(call) => match (&*call.func, &*call.arguments.args) {
                (Expr::Attribute(method), [argument])
                    if method.attr.as_str() == "extend" && is_same(&method.value, argument) =>
                {
                    Some((&method.value, Growth::Times(2.0)))
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn grown<'a>(target: &'a Expr, left: &Expr, op: Operator, right: &'a Expr) -> Option<(&'a Expr, Growth<'a>)> {
    if !is_same(target, left) {
        return None;
    }
    let growth = match op {
        Operator::Add if is_same(target, right) => Growth::Times(2.0),
        Operator::Mult if is_same(target, right) => Growth::Squared,
        Operator::Mult => Growth::By(right),
        Operator::Pow if matches!(right, Expr::NumberLiteral(_)) => Growth::Squared,
        _ => return None,
    };
    Some((target, growth))
}

fn is_same(one: &Expr, other: &Expr) -> bool {
    matches!((one, other), (Expr::Name(one), Expr::Name(other)) if one.id == other.id)
}

fn is_endless(test: &Expr, name: &str) -> bool {
    is_always_true(test) || matches!(test, Expr::Name(tested) if tested.id == name)
}

/// Whether what a name begins with becomes too large in so many rounds.
fn is_huge(name: &Expr, growth: &Growth<'_>, rounds: f64, cx: &Context<'_, '_>) -> bool {
    let begins = first_values(name, cx);
    let longest = || begins.iter().filter_map(|value| length(value, cx)).fold(0.0, f64::max);
    let factor = match growth {
        Growth::Times(factor) => *factor,
        Growth::By(factor) => magnitude(factor, cx, 0).unwrap_or(0.0),
        Growth::Squared => {
            return rounds.exp2() > MAX_BITS
                && begins.iter().any(
                    |value| matches!(cx.values(value).exactly(), Some(Value::Int(int)) if int.unsigned_abs() > 1),
                );
        }
    };
    factor > 1.0 && longest() * factor.powf(rounds) > MAX_ELEMENTS
}

/// Whether one statement of a body changes a name, and nothing leaves the body.
fn grows_alone(name: &str, body: &[Stmt]) -> bool {
    let mut uses = Uses { name, changes: 0, leaves: false };
    uses.visit_body(body);
    uses.changes == 1 && !uses.leaves
}

struct Uses<'n> {
    name: &'n str,
    changes: u32,
    leaves: bool,
}

impl<'a> Visitor<'a> for Uses<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Break(_) | Stmt::Return(_) | Stmt::Raise(_) => self.leaves = true,
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let is_it = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == self.name);
        match expr {
            Expr::Name(name) if is_it(expr) && name.ctx != ExprContext::Load => self.changes += 1,
            Expr::Attribute(ast::ExprAttribute { value, .. }) if is_it(value) => self.changes += 1,
            Expr::Subscript(subscript) if is_it(&subscript.value) && subscript.ctx != ExprContext::Load => {
                self.changes += 1;
            }
            Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) => self.leaves = true,
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}
