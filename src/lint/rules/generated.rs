//! PC506 and PC507: classes and dispatch tables that the library makes by running text put together from
//! names and annotations.

use ruff_python_ast::{self as ast, Expr, ExprCall, Stmt};
use ruff_text_size::Ranged;

use super::code_text::holds_code;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::instances::is_plain_class;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Parent, ScopeId, ScopeKind, Value, Values};
use crate::python::parse;

pub(super) static GENERATED: Rule = Rule {
    code: "PC506",
    name: "generated-class",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`dataclass` applied as a function or to a class whose fields cannot be read in the source; `fields()` and \
           `field()` objects that are stored or passed around.",
    why: "The names of the fields are pasted into source text, which is executed.",
    refused: "from dataclasses import dataclass\nclass A:\n    x: int\nB = dataclass(A)\n",
    passes: "from dataclasses import dataclass, field, fields\n@dataclass(frozen=True)\nclass A:\n    \
             x: list = field(default_factory=list)\nprint([f.name for f in fields(A)])\n",
    fix: "Write `@dataclass` above a class statement.",
    on: &[On::LibraryCall(dataclass_call), On::Stmt(dataclass_statement)],
};

pub(super) static REGISTER: Rule = Rule {
    code: "PC507",
    name: "evaluated-registration",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`.register` of a `singledispatch` function with something that is not surely a class, or of a function whose \
           annotations are computed.",
    why: "It evaluates annotations that are strings.",
    refused: "from functools import singledispatch\n@singledispatch\ndef f(x): ...\nkind = input()\n@f.register\ndef \
              g(x: kind): ...\n",
    passes: "from functools import singledispatch\n@singledispatch\ndef f(x): ...\n@f.register\ndef g(x: int): \
             ...\n@f.register(str)\ndef h(x): ...\n",
    fix: "Write `@f.register(int)` or annotate with a class.",
    on: &[On::Call(register_call), On::Stmt(register_statement), On::Attribute(register_value)],
};

fn dataclass_call(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    let Some(expr) = cx.module.expr_of(call) else {
        return;
    };
    let mut problem = None;
    for name in values.members() {
        match &**name {
            "dataclasses.dataclass" => {
                let decorates = matches!(cx.module.parent(expr), Parent::Decorator(Stmt::ClassDef(_)));
                if !decorates || !call.arguments.args.is_empty() {
                    problem = Some("`dataclass` is applied to something that is not a class statement");
                }
            }
            "dataclasses.make_dataclass" => {
                let fields = cx.argument(call, 1, "fields").map(|fields| cx.values(fields));
                let constant = fields.is_some_and(|fields| {
                    fields.elements().is_some_and(|fields| fields.iter().all(is_constant_field))
                });
                let extra = call.arguments.keywords.iter().any(|keyword| {
                    keyword
                        .arg
                        .as_ref()
                        .is_none_or(|arg| matches!(arg.as_str(), "namespace" | "bases" | "module"))
                });
                if !constant || extra || call.arguments.args.len() > 2 {
                    problem = Some("`make_dataclass` with fields that are not written out");
                }
            }
            "dataclasses.fields" => {
                let looped = match cx.module.parent(expr) {
                    Parent::Stmt(Stmt::For(each)) => std::ptr::eq(&raw const *each.iter, expr),
                    Parent::Expr(parent) => match parent {
                        Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => true,
                        Expr::Call(outer) => {
                            matches!(&*outer.func, Expr::Name(name) if matches!(name.id.as_str(), "len" | "bool"))
                        }
                        _ => false,
                    },
                    _ => false,
                };
                if !looped || !fields_are_only_read(expr, cx) {
                    problem = Some("the `Field` objects of a dataclass leave the loop over `fields()`");
                }
            }
            "dataclasses.field" => {
                let class_body = matches!(cx.module.scope(cx.scope(expr)).kind, ScopeKind::Class(_));
                let assigned =
                    matches!(cx.module.parent(expr), Parent::Stmt(Stmt::AnnAssign(_) | Stmt::Assign(_)));
                if !class_body || !assigned {
                    problem = Some("`field()` stands outside of the body of a dataclass");
                }
            }
            _ => {}
        }
    }
    if let Some(problem) = problem {
        cx.report(&GENERATED, call.range(), Found::new(problem).help(GENERATED.fix));
    }
}

fn is_constant_field(field: &Values) -> bool {
    match field.exactly() {
        Some(Value::Str(_)) => true,
        Some(Value::Sequence(parts)) => parts.first().is_some_and(|name| name.as_text().is_some()),
        _ => false,
    }
}

/// Whether the loop variable over this call is used for nothing but reading attributes.
fn fields_are_only_read(fields: &Expr, cx: &Context<'_, '_>) -> bool {
    let module = cx.module;
    module.all_exprs().iter().all(|info| {
        let Expr::Name(name) = info.expr else {
            return true;
        };
        if name.ctx != ast::ExprContext::Load {
            return true;
        }
        let resolution = module.resolve(&name.id, info.scope, name.range.start());
        let is_field = resolution.bindings.iter().any(|id| {
            matches!(&module.binding(*id).kind, BindingKind::Element { iterable, .. } if std::ptr::eq(*iterable, fields))
        });
        !is_field
            || match info.parent {
                Parent::Expr(Expr::Attribute(attribute)) => attribute.ctx == ast::ExprContext::Load,
                _ => false,
            }
    })
}

/// `@dataclass` above a class whose fields are exactly what its body says.
fn dataclass_statement(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let Stmt::ClassDef(class) = stmt else {
        return;
    };
    let is_dataclass = |decorator: &ast::Decorator| {
        let inner = match &decorator.expression {
            Expr::Call(call) => &*call.func,
            other => other,
        };
        cx.may_be(inner, "dataclasses.dataclass")
    };
    let Some(position) = class.decorator_list.iter().position(is_dataclass) else {
        return;
    };
    let beneath = class.decorator_list.iter().skip(position + 1).any(|decorator| {
        let inner = match &decorator.expression {
            Expr::Call(call) => &*call.func,
            other => other,
        };
        !matches!(cx.values(inner).exactly(), Some(Value::Member(_)))
    });
    let problem = if beneath {
        Some("a decorator that could change the fields stands beneath `dataclass`")
    } else if !is_plain_class(class, cx, 0) {
        Some("`dataclass` on a class that other code takes part in making")
    } else {
        None
    };
    if let Some(problem) = problem {
        cx.report(&GENERATED, class.name.range, Found::new(problem).help("remove the metaclass or the base"));
    }
}

fn register_call(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Attribute(method) = &*call.func else {
        return;
    };
    if method.attr.as_str() != "register" || !uses_dispatch(cx) {
        return;
    }
    // `register(cls)` and `register(cls, function)`; a function in the first place is evaluated.
    let first = cx.argument(call, 0, "cls");
    let is_class = first.is_some_and(|first| {
        let values = cx.values(first);
        let known = values
            .known
            .iter()
            .all(|value| matches!(value, Value::Class(_) | Value::Member(_) | Value::None));
        values.complete && known && !values.known.is_empty()
            || matches!(first, Expr::Call(call) if is_type_of_none(call))
    });
    let library = cx.values(&call.func).members().next().is_some();
    if !library && (!is_class || cx.spreads(call)) {
        cx.report(
            &REGISTER,
            call.range(),
            Found::new("what is registered is not surely a class").help(REGISTER.fix),
        );
    }
}

/// `f.register` that is kept for later.
fn register_value(attribute: &ast::ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let kept = attribute.attr.as_str() == "register"
        && attribute.ctx == ast::ExprContext::Load
        && uses_dispatch(cx)
        && cx.module.called_by(expr).is_none()
        && !matches!(cx.module.parent(expr), Parent::Decorator(Stmt::FunctionDef(_)));
    if kept {
        cx.report(
            &REGISTER,
            attribute.attr.range,
            Found::new("`register` is used without calling it").help(REGISTER.fix),
        );
    }
}

fn is_type_of_none(call: &ExprCall) -> bool {
    matches!(&*call.func, Expr::Name(name) if name.id == "type")
        && matches!(call.arguments.args.first(), Some(Expr::NoneLiteral(_)))
}

pub(super) fn uses_dispatch(cx: &Context<'_, '_>) -> bool {
    cx.mentions("functools.singledispatch") || cx.mentions("functools.singledispatchmethod")
}

fn register_statement(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let Stmt::FunctionDef(function) = stmt else {
        return;
    };
    if !uses_dispatch(cx) {
        return;
    }
    let registers = function.decorator_list.iter().any(|decorator| {
        matches!(&decorator.expression, Expr::Attribute(attribute) if attribute.attr.as_str() == "register")
    });
    if !registers {
        return;
    }
    let annotations = function.parameters.iter().filter_map(|parameter| parameter.annotation());
    for annotation in annotations.chain(function.returns.as_deref()) {
        if !is_type(annotation, cx) {
            cx.report(
                &REGISTER,
                annotation.range(),
                Found::new("the annotation of a registered function is not surely a type").help(REGISTER.fix),
            );
        }
    }
}

/// Surely a type: names of classes, subscripts and unions of them, constants.
fn is_type(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match expr {
        Expr::StringLiteral(literal) => {
            let parsed = parse::parse_expression(literal.value.to_str(), cx.policy.target());
            parsed.is_some_and(|parsed| !holds_code(&parsed))
        }
        Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) => true,
        Expr::Name(_) | Expr::Attribute(_) => {
            let values = cx.values(expr);
            !values.known.is_empty()
                && values.complete
                && values
                    .known
                    .iter()
                    .all(|value| matches!(value, Value::Class(_) | Value::Member(_) | Value::None))
        }
        Expr::Subscript(subscript) => is_type(&subscript.value, cx) && is_type(&subscript.slice, cx),
        Expr::Tuple(tuple) => tuple.elts.iter().all(|inner| is_type(inner, cx)),
        Expr::List(list) => list.elts.iter().all(|inner| is_type(inner, cx)),
        Expr::BinOp(operation) => {
            operation.op == ast::Operator::BitOr
                && is_type(&operation.left, cx)
                && is_type(&operation.right, cx)
        }
        _ => false,
    }
}
