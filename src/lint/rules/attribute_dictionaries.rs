//! PC308: the attributes of an object opened as a dictionary, and the uses through which nothing
//! leaves it by a computed name.

use ruff_python_ast::{self as ast, Expr, ExprContext, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::attributes::own;
use super::computed;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::lint::{instances, names};
use crate::python::analysis::{Parent, Value};

pub(super) static DICTIONARY: Rule = Rule {
    code: "PC308",
    name: "attribute-dictionary",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "`x.__dict__` or `vars(x)` used so that values leave it by a name that is not written out.",
    why: "The dictionary of a class or a module holds what the attribute rules keep apart.",
    refused: "def look(x, key):\n    return x.__dict__[key]\n",
    passes: "class A:\n    def __init__(self, **fields):\n        self.__dict__.update(fields)\n",
    fix: "Keep a dictionary of your own, or use `dataclasses.asdict`.",
    on: &[On::Call(vars_call)],
};

pub(super) fn report_dictionary(range: TextRange, cx: &mut Context<'_, '_>) {
    cx.report(
        &DICTIONARY,
        range,
        Found::new("the attributes of an object are opened as a dictionary")
            .name("__dict__")
            .help(DICTIONARY.fix),
    );
}

fn vars_call(call: &ast::ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Name(name) = &*call.func else {
        return;
    };
    if name.id != "vars" || !cx.is_builtin(name, &call.func) {
        return;
    }
    let Some(argument) = call.arguments.args.first() else {
        return;
    };
    let Some(expr) = cx.module.expr_of(call) else {
        return;
    };
    if !is_harmless_dictionary_use(expr, Some(argument), cx) && !is_parsed_arguments(argument, cx) {
        report_dictionary(call.range(), cx);
    }
}

/// The result of `ArgumentParser.parse_args`, which holds nothing but options.
pub(super) fn is_parsed_arguments(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = instances::closed_values(expr, cx);
    values.complete
        && !values.known.is_empty()
        && values.known.iter().all(|value| {
            matches!(value, Value::Instance(name)
                if matches!(&**name, "argparse.ArgumentParser.parse_args" | "argparse.Namespace" | "types.SimpleNamespace"))
        })
}

/// Uses of an attribute dictionary through which no value leaves by a computed name.
pub(super) fn is_harmless_dictionary_use(expr: &Expr, owner: Option<&Expr>, cx: &Context<'_, '_>) -> bool {
    if becomes_json(expr, cx) {
        return true;
    }
    // The dictionary of an instance of a class of this file holds what this file put there.
    let plain = owner.is_some_and(|owner| instances::is_own(owner, cx));
    // What is stored under a name does not leave by it.
    let updated =
        owner.is_some_and(|owner| is_receiver(owner, cx) || computed::evaluator_of_stores(cx).is_none());
    match cx.module.parent(expr) {
        Parent::Expr(parent) => match parent {
            Expr::Attribute(method) => {
                let called = cx.module.called_by(parent).is_some();
                called
                    && (updated && method.attr.as_str() == "update"
                        || match method.attr.as_str() {
                            "keys" => true,
                            "items" | "values" | "get" => plain || owner.is_none(),
                            "update" | "clear" | "copy" | "pop" | "setdefault" => plain,
                            _ => false,
                        })
            }
            Expr::Compare(compare) => {
                let membership =
                    compare.ops.iter().all(|op| matches!(op, ast::CmpOp::In | ast::CmpOp::NotIn));
                let sides = std::iter::once(&*compare.left).chain(&compare.comparators);
                let alike = sides.into_iter().all(|side| matches!(side, Expr::Attribute(side) if side.attr.as_str() == "__dict__" && side.value.is_name_expr()));
                membership || ((plain || alike) && in_comparison_method(expr, cx))
            }
            Expr::Subscript(subscript) => {
                let key = cx.values(&subscript.slice);
                let constant = key.complete
                    && key.known.iter().all(
                        |value| matches!(value, Value::Str(text) if names::wrong(text, own(cx)).is_none()),
                    );
                constant
                    || plain
                    || (owner.is_none() && subscript.ctx == ExprContext::Load)
                    || (updated && subscript.ctx == ExprContext::Store)
            }
            Expr::Call(call) => {
                let known = matches!(&*call.func, Expr::Name(name) if cx.is_surely_builtin(name, &call.func)
                    && matches!(name.id.as_str(), "len" | "str" | "repr" | "print" | "sorted" | "list" | "set" | "bool" | "hash" | "tuple" | "iter"));
                known || plain
            }
            Expr::FString(_) => true,
            Expr::BinOp(operation) => {
                operation.op == ast::Operator::Mod && operation.left.is_string_literal_expr()
            }
            _ => plain,
        },
        Parent::Stmt(Stmt::For(_)) => true,
        Parent::Stmt(Stmt::Return(_) | Stmt::Assign(_)) | Parent::Keyword(_) => plain,
        _ => false,
    }
}

/// `json.dumps(x.__dict__)`, `json.dumps([x.__dict__ for x in all])`, `json.dumps(x, default=lambda o:
/// o.__dict__)`: it goes to the encoder of the library and nowhere else, and comes out as text.
fn becomes_json(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let mut inner = expr;
    for _ in 0..4 {
        let outer = match cx.module.parent(inner) {
            Parent::Keyword(Some(call)) => {
                return matches!(inner, Expr::Lambda(lambda) if std::ptr::eq(&raw const *lambda.body, expr))
                    && encodes(call, cx)
                    && call
                        .arguments
                        .find_keyword("default")
                        .is_some_and(|keyword| std::ptr::eq(&raw const keyword.value, inner));
            }
            Parent::Expr(outer) => outer,
            _ => return false,
        };
        match outer {
            Expr::Call(call) => {
                // What a function of the source makes of the values that are not JSON would be told of them.
                let default = call.arguments.find_keyword("default").is_none_or(|keyword| {
                    matches!(&keyword.value, Expr::Name(name) if matches!(name.id.as_str(), "str" | "repr")
                        && cx.is_surely_builtin(name, &keyword.value))
                });
                let first = call.arguments.args.first();
                return default && first.is_some_and(|first| std::ptr::eq(first, inner)) && encodes(call, cx);
            }
            Expr::ListComp(_)
            | Expr::Generator(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Dict(_)
            | Expr::Lambda(_) => inner = outer,
            _ => return false,
        }
    }
    false
}

/// Whether a call is the library's JSON encoder, with nothing of the source in it.
fn encodes(call: &ast::ExprCall, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(&call.func);
    values.complete
        && !values.known.is_empty()
        && values.members().filter(|name| matches!(&***name, "json.dumps" | "json.dump")).count()
            == values.known.len()
        && call.arguments.find_keyword("cls").is_none()
        && !cx.spreads(call)
}

pub(super) fn is_receiver(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(expr, Expr::Name(name) if cx.module.is_receiver(&name.id, cx.scope(expr)))
}

/// `self.__dict__ == other.__dict__` hands the dictionary to the other operand, so it is left to
/// the method that is there for it.
fn in_comparison_method(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    cx.module
        .enclosing_function(cx.scope(expr))
        .is_some_and(|function| matches!(cx.module.function(function).name(), "__eq__" | "__ne__" | "__lt__"))
}
