//! Names in upper case, such as `input().upper()`: whatever is asked for one has constants under such
//! names, and every name that leads anywhere has small letters. Only of text it is known what `upper`
//! returns, so what it is called on must surely be text.

use ruff_python_ast::{Expr, ExprCall, ExprContext};

use crate::lint::context::Context;
use crate::python::analysis::{BindingKind, Parent, Value};

/// Names bound to names bound to text that are followed.
const MAX_DEPTH: u32 = 8;

/// Methods that give text when they are called on text.
const TEXT_METHODS: [&str; 12] = [
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "title",
    "capitalize",
    "casefold",
    "replace",
    "removeprefix",
    "removesuffix",
    "format",
];

/// Whether `name` can be nothing but text in upper case.
pub(super) fn is_upper_case(name: &Expr, cx: &Context<'_, '_>) -> bool {
    cx.module.spelled("upper").next().is_some()
        && every(name, cx, 0, |expr, depth| match expr {
            Expr::Call(call) if call.arguments.is_empty() => {
                method_of(call, &["upper"]).is_some_and(|text| is_text(text, cx, depth))
            }
            _ => false,
        })
}

/// Whether `test` holds for an expression, or for everything that the name that it is was bound to.
fn every(expr: &Expr, cx: &Context<'_, '_>, depth: u32, test: impl Fn(&Expr, u32) -> bool + Copy) -> bool {
    if depth > MAX_DEPTH || cx.module.fuel().is_spent() {
        return false;
    }
    cx.module.fuel().spend(2);
    let Expr::Name(name) = expr else {
        return test(expr, depth + 1);
    };
    let resolution = cx.module.resolve(&name.id, cx.scope(expr), name.range.start());
    !cx.is_builtin(name, expr)
        && !resolution.bindings.is_empty()
        && resolution.bindings.iter().all(|id| match &cx.module.binding(*id).kind {
            BindingKind::Assign { value, path } => path.is_empty() && every(value, cx, depth + 2, test),
            _ => false,
        })
}

/// What a method of one of these names is called on.
fn method_of<'c>(call: &'c ExprCall, names: &[&str]) -> Option<&'c Expr> {
    match &*call.func {
        Expr::Attribute(method) if names.contains(&method.attr.as_str()) => Some(&*method.value),
        _ => None,
    }
}

fn is_text(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> bool {
    every(expr, cx, depth, |expr, depth| match expr {
        Expr::StringLiteral(_) | Expr::FString(_) => true,
        Expr::Call(call) => {
            let builtin = matches!(&*call.func, Expr::Name(name)
                if matches!(name.id.as_str(), "input" | "str") && cx.is_surely_builtin(name, &call.func));
            builtin
                || method_of(call, &TEXT_METHODS).is_some_and(|text| is_text(text, cx, depth))
                || matches!(cx.values(&call.func).exactly(), Some(Value::Member(name))
                    if matches!(&**name, "os.getenv" | "os.environ.get"))
                || is_json(expr, cx, depth)
        }
        Expr::Subscript(part) => {
            matches!(cx.values(&part.value).exactly(), Some(Value::Member(name)) if &**name == "sys.argv")
                && arguments_are_read(cx)
                || is_json(expr, cx, depth)
        }
        _ => false,
    })
}

/// What the library reads from JSON, taken out at once, before anybody could put something else in: of
/// that only text has the methods of text.
fn is_json(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match expr {
        Expr::Subscript(part) => is_json(&part.value, cx, depth + 1),
        Expr::Call(call) => {
            let read = matches!(cx.values(&call.func).exactly(), Some(Value::Member(name))
                if matches!(&**name, "json.load" | "json.loads"));
            let default = || call.arguments.args.get(1).is_none_or(Expr::is_string_literal_expr);
            (read && call.arguments.keywords.is_empty() && !cx.spreads(call))
                || (default() && method_of(call, &["get"]).is_some_and(|inner| is_json(inner, cx, depth + 1)))
        }
        _ => false,
    }
}

/// Whether the list of arguments is only read, element by element.
fn arguments_are_read(cx: &Context<'_, '_>) -> bool {
    cx.module.spelled("argv").all(|info| match cx.module.parent(info.expr) {
        Parent::Expr(Expr::Subscript(part)) => part.ctx == ExprContext::Load,
        Parent::Expr(Expr::Call(call)) => {
            matches!(&*call.func, Expr::Name(name) if name.id == "len" && cx.is_surely_builtin(name, &call.func))
        }
        _ => false,
    })
}
