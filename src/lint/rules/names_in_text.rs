//! PC304 and PC305: names of dangerous attributes in strings, written out or put together, and in the
//! fields of format strings.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::attributes::own;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::names;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::Parent;

pub(super) static TEXT: Rule = Rule {
    code: "PC304",
    name: "dangerous-name-in-string",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "A string that is, or that is put together to be, a name such as `__globals__` or `f_builtins`.",
    why: "Such a string can only be meant as the name of an attribute or the key of a namespace.",
    refused: "key = '__glo' + 'bals__'\n",
    passes: "kinds = {'__type__': 'point'}\n",
    fix: "Remove it.",
    on: &[On::Expr(text)],
};

pub(super) static FORMAT: Rule = Rule {
    code: "PC305",
    name: "format-field-walk",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "A format string whose field walks through private or dangerous attributes (`'{0.__class__}'`).",
    why: "`str.format` reads attributes and items as deep as the field says.",
    refused: "print('{0.__init__.__globals__}'.format(print))\n",
    passes: "from datetime import date\nprint('{0.year}'.format(date(2024, 1, 2)))\n",
    fix: "Pass the value itself: `'{}'.format(x.name)`.",
    on: &[],
};

/// Strings, written out or put together.
fn text(expr: &Expr, cx: &mut Context<'_, '_>) {
    let put_together = match expr {
        Expr::StringLiteral(literal) => {
            let text = literal.value.to_str();
            if names::is_dangerous_text(text) && !is_asked_about(expr, cx) {
                cx.report(
                    &TEXT,
                    expr.range(),
                    Found::new(format!("the string is the name `{text}`")).name(text).help(TEXT.fix),
                );
            }
            if text.contains('{') && !is_docstring(expr, cx) {
                format_fields(text, expr.range(), cx);
            }
            return;
        }
        Expr::BinOp(operation) => matches!(operation.op, ast::Operator::Add | ast::Operator::Mod),
        Expr::Call(_) | Expr::FString(_) => true,
        _ => false,
    };
    // Of text that is put together piece by piece the whole says it all.
    let is_piece = matches!(cx.module.parent(expr), Parent::Expr(whole @ Expr::BinOp(sum))
        if sum.op == ast::Operator::Add
            && cx.values(whole).texts().any(|text| text.contains('{') || names::is_dangerous_text(text)));
    if !put_together || is_piece {
        return;
    }
    let values = cx.values(expr);
    let mut template = false;
    for text in values.texts() {
        template |= text.contains('{');
        if names::is_dangerous_text(text) {
            cx.report(
                &TEXT,
                expr.range(),
                Found::new(format!("the string comes out as `{text}`")).name(text).help(TEXT.fix),
            );
        }
    }
    if template {
        for text in values.texts() {
            format_fields(text, expr.range(), cx);
        }
    }
}

/// `hasattr(x, "__self__")` and comparisons only ask.
fn is_asked_about(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.module.parent(expr) {
        Parent::Expr(Expr::Call(call)) => {
            matches!(&*call.func, Expr::Name(name) if name.id == "hasattr" && cx.is_builtin(name, &call.func))
        }
        Parent::Stmt(Stmt::Expr(_)) => true,
        _ => false,
    }
}

fn is_docstring(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(cx.module.parent(expr), Parent::Stmt(Stmt::Expr(_)))
}

/// Every replacement field of a text that `str.format` would fill, with its attribute steps.
fn format_fields(text: &str, range: TextRange, cx: &mut Context<'_, '_>) {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let end = rest.find(['}', ':', '!']).unwrap_or(rest.len());
        let field = &rest[..end];
        for step in field.split(['.', '[', ']']).skip(1) {
            let wrong = names::wrong(step, own(cx));
            let walks = wrong.is_some()
                || (names::is_dunder(step) && !matches!(step, "__name__" | "__doc__" | "__class__"));
            if walks && step.chars().all(|c| c == '_' || c.is_alphanumeric()) {
                cx.report(
                    &FORMAT,
                    range,
                    Found::new(format!("the field `{{{field}}}` reads `{step}`"))
                        .name(step)
                        .help("pass the value itself: `'{}'.format(x.name)`"),
                );
                return;
            }
        }
    }
}
