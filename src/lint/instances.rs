//! Which classes of the source nothing but their own bodies make, and which expressions are surely
//! instances of such, so that one step by a computed name leads nowhere.

use ruff_python_ast::{self as ast, Expr, ExprContext, Pattern};

use super::context::Context;
use super::names;
use crate::python::analysis::{BindingKind, ClassId, Function, Parent, Slot, Value, Values};

/// Library classes whose instances hold nothing of their own.
const EMPTY_BASES: [&str; 16] = [
    "builtins.object",
    "builtins.Exception",
    "builtins.ValueError",
    "builtins.RuntimeError",
    "builtins.dict",
    "builtins.list",
    "builtins.tuple",
    "builtins.str",
    "builtins.int",
    "abc.ABC",
    "typing.Generic",
    "typing.Protocol",
    "typing.NamedTuple",
    "enum.Enum",
    "argparse.Namespace",
    "types.SimpleNamespace",
];

/// Whether `expr` is the receiver of a method that nobody can call with another one, or was made by
/// calling a class right here.
pub(super) fn is_own(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let Expr::Name(name) = expr else {
        return false;
    };
    let scope = cx.scope(expr);
    if cx.module.is_receiver(&name.id, scope) {
        return cx.module.enclosing_function(scope).is_some_and(|id| {
            let function = cx.module.function(id);
            // Within a function inside the method the name is the method's own, or a parameter.
            function
                .class
                .is_some_and(|class| is_empty_class(class, cx, 0) && has_empty_subclasses(class, cx))
                && is_called_on_instances(function, cx)
        });
    }
    let bindings = cx.module.resolve(&name.id, scope, name.range.start()).bindings;
    !bindings.is_empty()
        && bindings.iter().all(|id| match &cx.module.binding(*id).kind {
            BindingKind::Assign { value: value @ Expr::Call(_), path } if path.is_empty() => {
                matches!(cx.values(value).exactly(), Some(Value::Object(class))
                    if is_empty_class(*class, cx, 0) && cx.module.class_bindings(*class, "__new__").is_empty())
            }
            _ => false,
        })
}

/// A class whose instances hold what this source put there and nothing else.
fn is_empty_class(class: ClassId, cx: &Context<'_, '_>, depth: u32) -> bool {
    let node = cx.module.class(class).node;
    depth < 8
        && node
            .keywords()
            .iter()
            .all(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() != "metaclass"))
        && node.bases().iter().all(|base| {
            let base = match base {
                Expr::Subscript(subscript) => &*subscript.value,
                other => other,
            };
            match cx.values(base).exactly() {
                Some(Value::Member(name)) => EMPTY_BASES.contains(&&**name),
                Some(Value::Class(inner)) => is_empty_class(*inner, cx, depth + 1),
                _ => false,
            }
        })
}

/// Whether an own class is plain and has no decorator, which could give its name to anything.
pub(super) fn is_plain_undecorated(class: ClassId, cx: &Context<'_, '_>) -> bool {
    let node = cx.module.class(class).node;
    node.decorator_list.is_empty() && is_plain_class(node, cx, 0)
}

/// A class that nothing but its own body and the library makes.
pub(super) fn is_plain_class(class: &ast::StmtClassDef, cx: &Context<'_, '_>, depth: u32) -> bool {
    if depth > 8 {
        return false;
    }
    let keywords = class.keywords().iter().all(|keyword| match &keyword.arg {
        Some(name) if name.as_str() == "metaclass" => cx.may_be(&keyword.value, "abc.ABCMeta"),
        Some(_) => true,
        None => false,
    });
    keywords
        && class.bases().iter().all(|base| {
            let base = match base {
                Expr::Subscript(subscript) => &*subscript.value,
                other => other,
            };
            let values = cx.values(base);
            !values.known.is_empty()
                && values.complete
                && values.known.iter().all(|value| match value {
                    Value::Member(name) => &**name != "builtins.type",
                    Value::Class(id) => {
                        let inner = cx.module.class(*id);
                        cx.module.class_bindings(*id, "__init_subclass__").is_empty()
                            && is_plain_class(inner.node, cx, depth + 1)
                    }
                    _ => false,
                })
        })
}

/// A method may be called on an instance of a class that is made from its own and something else.
fn has_empty_subclasses(class: ClassId, cx: &Context<'_, '_>) -> bool {
    cx.module.all_classes().all(|(id, other)| {
        let derived = other.node.bases().iter().any(|base| {
            let values = cx.values(base);
            !values.complete || values.known.contains(&Value::Class(class))
        });
        !derived || id == class || (is_empty_class(id, cx, 0) && !other.node.bases().is_empty())
    })
}

/// Whether every use of the method in this source goes through an instance: `x.m(…)` with no more
/// arguments than the method has beside its receiver, and no other mention of its name.
fn is_called_on_instances(function: &Function<'_>, cx: &Context<'_, '_>) -> bool {
    let Some(parameters) = function.parameters() else {
        return false;
    };
    let name = function.name();
    let receiver = parameters.posonlyargs.first().or_else(|| parameters.args.first());
    let Some(receiver) = receiver.map(|parameter| parameter.parameter.name.as_str()) else {
        return false;
    };
    let room = (parameters.posonlyargs.len() + parameters.args.len()).saturating_sub(1);
    let open_ended = parameters.vararg.is_some();
    if is_read_otherwise(name, cx) {
        return false;
    }
    cx.module.spelled(name).all(|info| match info.expr {
        Expr::Attribute(attribute) => {
            if attribute.ctx != ExprContext::Load {
                return false;
            }
            let through_super = matches!(&*attribute.value, Expr::Call(call)
                if matches!(&*call.func, Expr::Name(callee) if callee.id == "super"));
            let Some(call) = cx.module.called_by(info.expr) else {
                return false;
            };
            let named = call
                .arguments
                .keywords
                .iter()
                .any(|keyword| keyword.arg.as_ref().is_none_or(|arg| arg.as_str() == receiver));
            let on_self = matches!(&*attribute.value, Expr::Name(base)
                if cx.module.is_receiver(&base.id, info.scope) && base.id == receiver);
            if through_super {
                return true;
            }
            if open_ended && !on_self {
                return false;
            }
            let spread = call.arguments.args.iter().any(Expr::is_starred_expr);
            !named && (on_self || (!spread && call.arguments.args.len() <= room))
        }
        // Its name in the body of its class, or as text for `getattr` and friends.
        Expr::Name(other) if other.ctx == ExprContext::Load => {
            let resolution = cx.module.resolve(&other.id, info.scope, other.range.start());
            !resolution.bindings.iter().any(|id| {
                matches!(cx.module.binding(*id).kind, BindingKind::Function(inner)
                    if cx.module.function(inner).class.is_some())
            })
        }
        // `hasattr(x, "name")` only asks.
        Expr::StringLiteral(_) => match cx.module.parent(info.expr) {
            Parent::Expr(Expr::Call(call)) => matches!(&*call.func, Expr::Name(name)
                if name.id == "hasattr" && cx.is_surely_builtin(name, &call.func)),
            _ => false,
        },
        _ => true,
    })
}

/// Whether an attribute is read in a way that does not spell it: by a pattern, or by `getattr` with a
/// name that is put together.
fn is_read_otherwise(name: &str, cx: &Context<'_, '_>) -> bool {
    cx.module.fuel().spend_for(cx.module.patterns.len());
    let by_pattern = cx.module.patterns.iter().any(|(pattern, _)| match pattern {
        Pattern::MatchClass(class) => {
            class.arguments.keywords.iter().any(|keyword| keyword.attr.as_str() == name)
        }
        _ => false,
    });
    let by_text = |asked: &Expr| cx.values(asked).texts().any(|text| text == name);
    by_pattern
        || ["getattr", "attrgetter", "methodcaller", "__getattribute__"].into_iter().any(|reader| {
            cx.module.spelled(reader).any(|info| {
                cx.module.called_by(info.expr).is_some_and(|call| call.arguments.args.iter().any(by_text))
            })
        })
}

/// The values of an expression, where a parameter has the values that every call of its function
/// gives it, if the function is used for nothing but calls.
pub(super) fn closed_values(expr: &Expr, cx: &Context<'_, '_>) -> Values {
    let Expr::Name(name) = expr else {
        return (*cx.values(expr)).clone();
    };
    let bindings = cx.module.resolve(&name.id, cx.scope(expr), name.range.start()).bindings;
    let [only] = &*bindings else {
        return (*cx.values(expr)).clone();
    };
    let BindingKind::Parameter { function, slot: slot @ (Slot::Plain(_) | Slot::Variadic) } =
        cx.module.binding(*only).kind
    else {
        return (*cx.values(expr)).clone();
    };
    let function = cx.module.function(function);
    if function.class.is_some() || !function.decorators().is_empty() {
        return Values::unknown();
    }
    let mentions = cx.module.spelled(function.name()).filter(|info| match info.expr {
        Expr::Name(other) => other.ctx == ExprContext::Load,
        other => other.is_attribute_expr(),
    });
    if mentions.count() != function.calls.len() {
        return Values::unknown();
    }
    let mut union = Values::nothing();
    for call in &function.calls {
        let Slot::Plain(index) = slot else {
            let plain = function.parameters().map_or(0, |p| p.posonlyargs.len() + p.args.len());
            if cx.spreads(call) {
                return Values::unknown();
            }
            let rest = call.arguments.args.iter().skip(plain);
            union.add(Values::sequence(rest.map(|argument| (*cx.values(argument)).clone()).collect()));
            continue;
        };
        match call.arguments.find_argument_value(&name.id, index) {
            Some(argument) if !cx.spreads(call) => union.add((*cx.values(argument)).clone()),
            _ => return Values::unknown(),
        }
    }
    if matches!(slot, Slot::Variadic) { union } else { cx.module.as_used(*only, union) }
}

/// `self.name` of a descriptor that stores nothing there but the name that `__set_name__` was given,
/// with an underscore before it or not: the name of a class attribute of this source.
pub(super) fn is_descriptor_name(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let Expr::Attribute(attribute) = expr else {
        return false;
    };
    if !matches!(&*attribute.value, Expr::Name(name) if cx.module.is_receiver(&name.id, cx.scope(expr))) {
        return false;
    }
    let stores = cx.module.attribute_stores.get(attribute.attr.as_str()).map_or(&[][..], Vec::as_slice);
    let mut underscores = 0;
    let harmless_stores = !stores.is_empty()
        && stores.iter().all(|store| {
            let target: &Expr = &store.target.value;
            let hook = cx.module.enclosing_function(cx.scope(target)).map(|id| cx.module.function(id));
            let Some(hook) = hook.filter(|hook| hook.name() == "__set_name__") else {
                return false;
            };
            let given = hook.parameters().and_then(|parameters| parameters.args.get(2));
            let given = given.map_or("", |parameter| parameter.parameter.name.as_str());
            let is_given = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == given);
            match store.value {
                Some(value) if is_given(value) => true,
                Some(Expr::BinOp(operation)) => {
                    underscores = 1;
                    matches!(&*operation.left, Expr::StringLiteral(text) if text.value.to_str() == "_")
                        && is_given(&operation.right)
                }
                Some(value @ Expr::FString(string)) => {
                    underscores = 1;
                    let fields = string.value.f_strings().flat_map(|part| part.elements.iter()).count();
                    fields == 2
                        && cx.module.literal_prefix(value, 0).as_deref() == Some("_")
                        && string
                            .value
                            .f_strings()
                            .flat_map(|part| part.elements.interpolations())
                            .all(|field| is_given(&field.expression) && field.format_spec.is_none())
                }
                _ => false,
            }
        });
    // Each is put together with its underscore and looked up, so it costs more than a look.
    cx.module.fuel().spend_for(cx.module.bindings.len());
    harmless_stores
        && cx.module.all_bindings().iter().all(|binding| {
            if names::is_dunder(&binding.name) {
                // With one more underscore it is no name that anything gives a meaning to.
                return underscores > 0 || names::wrong(&binding.name, |_| true).is_none();
            }
            let name = format!("{}{}", "_".repeat(underscores), binding.name);
            names::wrong(&name, |_| true).is_none()
        })
}

/// Builtin classes that a pattern may take apart by position, and what they yield: themselves.
const SELF_MATCHING: [&str; 11] =
    ["bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"];

/// Whether the positions of a class pattern read attributes that can be seen: `__match_args__` of
/// builtins and the library, or of a class of this source that nothing else takes part in making.
pub(super) fn has_known_match_args(class: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(class);
    values.complete
        && !values.known.is_empty()
        && values.known.iter().all(|value| match value {
            Value::Member(name) => match name.strip_prefix("builtins.") {
                Some(builtin) => SELF_MATCHING.contains(&builtin),
                None => true,
            },
            Value::Class(id) => {
                let class = cx.module.class(*id);
                is_plain_class(class.node, cx, 0)
                    && cx.module.class_bindings(*id, "__class_getitem__").is_empty()
            }
            // `P = namedtuple("P", "x y")`
            Value::Instance(name) => &**name == "collections.namedtuple" || &**name == "typing.NamedTuple",
            _ => false,
        })
}
