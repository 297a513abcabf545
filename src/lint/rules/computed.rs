//! PC501 to PC503 and PC509: attributes whose names are made at run time. A name must be a constant, one
//! of a finite set of constants, or begin with a harmless constant.

use ruff_python_ast::{Expr, ExprCall, ExprContext, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::upper_case::is_upper_case;
use super::{generated, library};
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::instances;
use crate::lint::names;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Function, Parent, Value, Values};

pub(super) static COMPUTED: Rule = Rule {
    code: "PC501",
    name: "computed-attribute",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`getattr` with a name that is neither a constant, nor from a finite set of constants, nor begins with a \
           constant that no dangerous name begins with.",
    why: "Whoever chooses the name reaches everything that the object leads to.",
    refused: "import json\ndef f(x):\n    return getattr(x, json.loads(input()))\n",
    passes: "class V:\n    def visit(self, node):\n        return getattr(self, 'visit_' + node)\n    def visit_a(self):\n        \
             return [getattr(self, n) for n in ('x', 'y')]\n",
    fix: "Use a dictionary of functions, or a constant prefix such as `'do_' + name`.",
    on: &[On::Call(reflection)],
};

pub(super) static DENIED_NAME: Rule = Rule {
    code: "PC502",
    name: "denied-attribute-name",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`getattr` or `setattr` with a constant name that may not be used with a dot either.",
    why: "It is the same access.",
    refused: "def f(): ...\nprint(getattr(f, '__co' + 'de__'))\n",
    passes: "import math\nprint(getattr(math, 'pi'))\n",
    fix: "See the rule about the attribute itself.",
    on: &[],
};

pub(super) static COMPUTED_GETTER: Rule = Rule {
    code: "PC503",
    name: "computed-attrgetter",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`operator.attrgetter` or `methodcaller` with a name that is not a constant.",
    why: "It is `getattr` with a computed name.",
    refused: "from operator import attrgetter\nprint(attrgetter(input())(1))\n",
    passes: "from operator import attrgetter\nprint(sorted([1, 2], key=attrgetter('real')))\n",
    fix: "Write the name out, or use `itemgetter` on a dictionary.",
    on: &[On::LibraryCall(getter)],
};

pub(super) static COMPUTED_STORE: Rule = Rule {
    code: "PC509",
    name: "computed-store",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`setattr` with a computed name on something other than `self`, in a file that also uses `dataclass`, \
           `singledispatch` or `doctest`.",
    why: "Together they turn the stored text into code.",
    refused: "from dataclasses import dataclass\ndef f(x, name):\n    setattr(x, name, {})\n@dataclass\nclass A:\n    \
              x: int\n",
    passes: "class A:\n    def __init__(self, **fields):\n        for name in fields:\n            setattr(self, name, \
             fields[name])\n",
    fix: "Keep a dictionary, or store on `self`.",
    on: &[],
};

/// `getattr` and its kin, as builtins and as methods, with the place of the name.
fn reflection(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let arguments = &call.arguments.args;
    let (reads, receiver, name) = match &*call.func {
        Expr::Name(name) => {
            let reads = match name.id.as_str() {
                "getattr" => true,
                "setattr" | "delattr" => false,
                _ => return,
            };
            if !cx.is_builtin(name, &call.func) {
                return;
            }
            (reads, arguments.first(), arguments.get(1))
        }
        Expr::Attribute(method) => {
            let (reads, from_end) = match method.attr.as_str() {
                "__getattribute__" | "__getattr__" => (true, 1),
                "__setattr__" => (false, 2),
                "__delattr__" => (false, 1),
                _ => return,
            };
            let name = arguments.len().checked_sub(from_end).and_then(|index| arguments.get(index));
            let receiver = if arguments.len() > from_end { arguments.first() } else { Some(&*method.value) };
            (reads, receiver, name)
        }
        _ => return,
    };
    if cx.spreads(call) {
        cx.report(
            &COMPUTED,
            call.range(),
            Found::new("the name of the attribute is spread into the call").help(COMPUTED.fix),
        );
        return;
    }
    let (Some(receiver), Some(name)) = (receiver, name) else {
        return;
    };
    let values = names_asked(name, cx);
    let texts: Vec<String> = values.texts().map(str::to_owned).collect();
    let mut denied = false;
    let site = receiver_site(call, cx);
    let modules: Vec<_> = cx.values(receiver).modules().cloned().collect();
    for text in &texts {
        for module in &modules {
            denied |= library::report_member(module, text, name.range(), Some(site), cx);
        }
        if modules.is_empty() {
            denied |= denied_name(text, name.range(), reads, cx);
        }
    }
    if denied || (values.complete && texts.len() == values.known.len() && !texts.is_empty()) {
        return;
    }
    if reads {
        if !is_log_level(call, cx) && !is_harmless_computed(receiver, name, cx) {
            let shown = cx.excerpt(name);
            cx.report(
                &COMPUTED,
                name.range(),
                Found::new(format!("the attribute name `{shown}` is computed"))
                    .name("builtins.getattr")
                    .help(COMPUTED.fix),
            );
        }
        return;
    }
    computed_store(call, receiver, name, cx);
}

/// What a name may be, where a parameter is what every call of its function gives it.
pub(super) fn names_asked(name: &Expr, cx: &Context<'_, '_>) -> Values {
    let values = cx.values(name);
    if values.complete {
        return (*values).clone();
    }
    let closed = instances::closed_values(name, cx);
    if closed.complete {
        return closed;
    }
    // `for name in names`, where `names` is such a parameter.
    if let Expr::Name(variable) = name
        && let [only] =
            cx.module.resolve(&variable.id, cx.scope(name), variable.range.start()).bindings.as_ref()
        && let BindingKind::Element { iterable, path } = &cx.module.binding(*only).kind
        && path.is_empty()
    {
        let elements = instances::closed_values(iterable, cx).any_element();
        if elements.complete {
            return elements;
        }
    }
    (*values).clone()
}

/// Whether a constant name that is read or written is denied, and its report.
fn denied_name(text: &str, range: TextRange, reads: bool, cx: &mut Context<'_, '_>) -> bool {
    if names::must_be_called(text) && !cx.module.own_attributes.contains(text) && uses_such(text, cx) {
        cx.report(
            &DENIED_NAME,
            range,
            Found::new(format!("`{text}` must be written with a dot and called"))
                .name(text)
                .help("write the call out"),
        );
        return true;
    }
    if text == "__dict__" || (!reads && matches!(text, "__annotations__" | "__class__" | "__doc__")) {
        cx.report(&DENIED_NAME, range, Found::new(format!("`{text}` may not be used by name")).name(text));
        return true;
    }
    if !reads && text.starts_with('_') && !names::is_dunder(text) {
        return false;
    }
    let own = |name: &str| cx.module.own_attributes.contains(name);
    if names::wrong(text, own).is_none() {
        return false;
    }
    cx.report(
        &DENIED_NAME,
        range,
        Found::new(format!("the attribute name is `{text}`, which may not be used"))
            .name(text)
            .help(DENIED_NAME.fix),
    );
    true
}

/// Whether the file uses the part of the library that a method to be called belongs to.
fn uses_such(name: &str, cx: &Context<'_, '_>) -> bool {
    match name {
        "register" => generated::uses_dispatch(cx),
        "parse_args" => cx.mentions("argparse.ArgumentParser") || cx.mentions("optparse.OptionParser"),
        "_stream" => cx.mentions("contextlib.redirect_stdout") || cx.mentions("contextlib.redirect_stderr"),
        _ => true,
    }
}

/// The expression that stands for `module.name` in `getattr(module, "name")`.
fn receiver_site<'c>(call: &'c ExprCall, cx: &Context<'c, '_>) -> &'c Expr {
    cx.module.expr_of(call).unwrap_or(&call.func)
}

fn is_harmless_computed(receiver: &Expr, name: &Expr, cx: &Context<'_, '_>) -> bool {
    if is_upper_case(name, cx) && cx.values(receiver).modules().next().is_none() {
        return true;
    }
    if let Some(prefix) = cx.module.literal_prefix(name, 0)
        && !names::prefix_reaches_denied(&prefix)
    {
        return true;
    }
    // The names of a dataclass's fields are identifiers of this file.
    if let Expr::Attribute(attribute) = name
        && attribute.attr.as_str() == "name"
        && is_dataclass_field(&attribute.value, cx)
    {
        return true;
    }
    // One step from an instance of a plain class of this file reaches nothing that a second step,
    // which has to be written out, could go on from.
    if instances::is_own(receiver, cx) {
        return !cx.module.all_functions().iter().any(|function| delegates(function, cx));
    }
    if is_delegation(name, cx) || is_flat_module(receiver, cx) {
        return true;
    }
    if instances::is_descriptor_name(name, cx) {
        return true;
    }
    // The result of parsing arguments holds options and nothing else.
    let values = instances::closed_values(receiver, cx);
    matches!(values.exactly(), Some(Value::Instance(name)) if &**name == "argparse.ArgumentParser.parse_args")
}

/// `getattr(logging, name)` that is nothing but a level: `basicConfig(level=…)` and `setLevel(…)` of the
/// library raise an error for whatever is no number and no text, and hand it to nobody.
pub(super) fn is_log_level(call: &ExprCall, cx: &Context<'_, '_>) -> bool {
    let [receiver, name, ..] = &*call.arguments.args else {
        return false;
    };
    let site = receiver_site(call, cx);
    if cx.spreads(call)
        || name.is_string_literal_expr()
        || !matches!(&*call.func, Expr::Name(name) if name.id == "getattr" && cx.is_builtin(name, &call.func))
        || !matches!(cx.values(receiver).exactly(), Some(Value::Module(name)) if &**name == "logging")
    {
        return false;
    }
    if is_taken_as_level(site, cx) || is_upper_case(name, cx) {
        return true;
    }
    // `level = getattr(logging, name.upper(), None)`, and then nothing but such uses and checks.
    let Parent::Stmt(Stmt::Assign(assign)) = cx.module.parent(site) else {
        return false;
    };
    let [Expr::Name(variable)] = &*assign.targets else {
        return false;
    };
    cx.module.enclosing_function(cx.scope(site)).is_some()
        && ["locals", "vars"].into_iter().all(|name| cx.module.spelled(name).next().is_none())
        && cx.module.spelled(&variable.id).all(|info| match info.expr {
            Expr::Name(used) if used.ctx == ExprContext::Load => {
                is_taken_as_level(info.expr, cx) || is_checked_for_type(info.expr, cx)
            }
            Expr::Name(_) => true,
            _ => false,
        })
}

fn is_taken_as_level(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let is = |call: &ExprCall, name: &str| matches!(cx.values(&call.func).exactly(), Some(Value::Member(full)) if &**full == name);
    match cx.module.parent(expr) {
        Parent::Keyword(Some(call)) => {
            is(call, "logging.basicConfig")
                && call
                    .arguments
                    .find_keyword("level")
                    .is_some_and(|level| std::ptr::eq(&raw const level.value, expr))
        }
        Parent::Expr(Expr::Call(call)) => {
            matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "setLevel"
                && matches!(cx.values(&method.value).exactly(), Some(Value::Instance(name)) if name.starts_with("logging.")))
        }
        _ => false,
    }
}

fn is_checked_for_type(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.module.parent(expr) {
        Parent::Expr(parent) => match parent {
            Expr::Call(call) => {
                matches!(&*call.func, Expr::Name(name) if name.id == "isinstance" && cx.is_surely_builtin(name, &call.func))
            }
            Expr::Compare(compare) => compare
                .ops
                .iter()
                .all(|op| matches!(op, ruff_python_ast::CmpOp::Is | ruff_python_ast::CmpOp::IsNot)),
            _ => false,
        },
        _ => false,
    }
}

/// Modules of C functions and numbers: whatever name is asked of them, nothing leads on from there.
fn is_flat_module(receiver: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(cx.values(receiver).exactly(), Some(Value::Module(name)) if matches!(&**name, "math" | "cmath"))
}

/// `return getattr(self._target, name)` within `__getattr__(self, name)`: the interpreter calls it with
/// the names that follow a dot somewhere in this source, and each of those is judged there. What it
/// returns goes there too and nowhere else.
fn is_delegation(name: &Expr, cx: &Context<'_, '_>) -> bool {
    let Expr::Name(asked) = name else {
        return false;
    };
    let Some(id) = cx.module.enclosing_function(cx.scope(name)) else {
        return false;
    };
    let function = cx.module.function(id);
    let given = function.parameters().and_then(|parameters| parameters.args.get(1));
    let bindings = cx.module.resolve(&asked.id, cx.scope(name), asked.range.start()).bindings;
    let is_given = given.is_some_and(|given| given.parameter.name.as_str() == asked.id.as_str())
        && matches!(bindings.as_ref(), [only]
            if matches!(cx.module.binding(*only).kind, BindingKind::Parameter { .. }));
    let plain_class = function.class.is_some_and(|class| instances::is_plain_undecorated(class, cx));
    is_given
        && plain_class
        && function.name() == "__getattr__"
        && function.decorators().is_empty()
        && is_returned_at_once(name, cx)
        // Nobody calls it by name, with a name of his choice.
        && !cx.module.all_exprs().iter().any(|info| match info.expr {
            Expr::Attribute(attribute) => attribute.attr.as_str() == "__getattr__",
            Expr::Name(name) => name.id == "__getattr__" && name.ctx == ExprContext::Load,
            Expr::StringLiteral(text) => text.value.to_str() == "__getattr__",
            _ => false,
        })
}

/// Whether the call that `name` is an argument of is all that a `return` returns.
fn is_returned_at_once(name: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(cx.module.parent(name), Parent::Expr(call)
        if matches!(cx.module.parent(call), Parent::Stmt(Stmt::Return(_))))
}

/// Whether a function is a `__getattr__` that asks another object: a computed name would pass through.
fn delegates(function: &Function<'_>, cx: &Context<'_, '_>) -> bool {
    matches!(function.name(), "__getattr__" | "__getattribute__")
        && cx.module.all_exprs().iter().any(|info| {
            matches!(info.expr, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "getattr"))
                && cx.module.enclosing_function(info.scope).is_some_and(|id| {
                    cx.module.function(id).scope == function.scope
                })
        })
}

fn is_dataclass_field(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let Expr::Name(name) = expr else {
        return false;
    };
    let bindings = cx.module.resolve(&name.id, cx.scope(expr), name.range.start()).bindings;
    !bindings.is_empty()
        && bindings.iter().all(|id| match &cx.module.binding(*id).kind {
            BindingKind::Element { iterable: Expr::Call(call), .. } => {
                cx.may_be(&call.func, "dataclasses.fields")
            }
            _ => false,
        })
}

/// A part of the library that this source uses and that turns stored attributes into code.
pub(super) fn evaluator_of_stores(cx: &Context<'_, '_>) -> Option<&'static str> {
    let evaluators = [
        "dataclasses.dataclass",
        "dataclasses.make_dataclass",
        "functools.singledispatch",
        "functools.singledispatchmethod",
        "doctest.testmod",
        "doctest.run_docstring_examples",
        "contextlib.redirect_stdout",
        "contextlib.redirect_stderr",
    ];
    evaluators.into_iter().find(|name| cx.mentions(name))
}

fn computed_store(call: &ExprCall, receiver: &Expr, name: &Expr, cx: &mut Context<'_, '_>) {
    let Some(evaluator) = evaluator_of_stores(cx) else {
        return;
    };
    let hooked = cx.module.all_functions().iter().any(|function| function.name() == "__set_name__");
    let own = matches!(receiver, Expr::Name(name) if cx.module.is_receiver(&name.id, cx.scope(receiver)));
    let proxied =
        matches!(receiver, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "super"));
    let plain = matches!(cx.values(receiver).exactly(), Some(Value::Object(_)))
        && !matches!(receiver, Expr::Name(name) if name.id == "cls");
    let prefixed =
        cx.module.literal_prefix(name, 0).is_some_and(|prefix| !names::prefix_reaches_denied(&prefix));
    if prefixed || is_dataclass_name(name, cx) || ((own || plain || proxied) && !hooked) {
        return;
    }
    cx.report(
        &COMPUTED_STORE,
        call.range(),
        Found::new(format!("an attribute with a computed name is stored in a file that uses `{evaluator}`"))
            .name("builtins.setattr")
            .help(COMPUTED_STORE.fix),
    );
}

fn is_dataclass_name(name: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(name, Expr::Attribute(attribute) if attribute.attr.as_str() == "name" && is_dataclass_field(&attribute.value, cx))
}

fn getter(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    let Some(full) =
        values.members().find(|name| matches!(&***name, "operator.attrgetter" | "operator.methodcaller"))
    else {
        return;
    };
    let only_first = full.ends_with("methodcaller");
    let names = call.arguments.args.iter().take(if only_first { 1 } else { usize::MAX });
    for argument in names {
        let values = cx.values(argument);
        let texts: Vec<String> = values.texts().map(str::to_owned).collect();
        let finite = values.complete && texts.len() == values.known.len() && !texts.is_empty();
        for step in texts.iter().flat_map(|text| text.split('.')) {
            denied_name(step, argument.range(), true, cx);
        }
        if !finite || argument.is_starred_expr() {
            cx.report(
                &COMPUTED_GETTER,
                argument.range(),
                Found::new("the name is computed").name(full.to_string()).help(COMPUTED_GETTER.fix),
            );
        }
    }
}
