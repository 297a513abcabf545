//! PC301 to PC303, PC306, PC307 and PC309: ways from one object to everything else. The names are judged
//! on any receiver, because any receiver may be the one that has them.

use ruff_python_ast::{Expr, ExprAttribute, ExprContext, Pattern};
use ruff_text_size::{Ranged, TextRange};

use super::attribute_dictionaries::{
    is_harmless_dictionary_use, is_parsed_arguments, is_receiver, report_dictionary,
};
use super::computed;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::instances;
use crate::lint::names::{self, Wrong};
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{Parent, Value};

pub(super) static FRAME: Rule = Rule {
    code: "PC301",
    name: "frame-attribute",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "An attribute of a frame, generator, coroutine, traceback, code object or cell (`f_globals`, `gi_frame` …).",
    why: "A frame holds every namespace, and code objects can be rewritten.",
    refused: "def g():\n    yield 1\nprint(g().gi_frame)\n",
    passes: "def g():\n    yield 1\nprint(next(g()))\n",
    fix: "Pass what you need as an argument.",
    on: &[On::Attribute(attribute)],
};

pub(super) static DUNDER: Rule = Rule {
    code: "PC302",
    name: "dunder-attribute",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "An attribute with two underscores that is not on the list of harmless ones: `__globals__`, `__subclasses__`, \
           `__mro__`, `__code__`, `__self__` …",
    why: "They lead from any object to every class, every module and every builtin.",
    refused: "print(().__class__.__base__)\n",
    passes: "class A:\n    def __repr__(self):\n        return self.__class__.__name__\n",
    fix: "Use `type(x)`, `isinstance` or `super()`.",
    on: &[],
};

pub(super) static PATTERN: Rule = Rule {
    code: "PC303",
    name: "pattern-attribute",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "A class pattern that reads such an attribute: `case object(__class__=c)`.",
    why: "It reads an attribute without a dot.",
    refused: "match 1:\n    case object(__subclasses__=s):\n        print(s)\n",
    passes: "match 1:\n    case int(real=r):\n        print(r)\n",
    fix: "Match on public attributes.",
    on: &[On::Pattern(pattern)],
};

pub(super) static FOREIGN_PRIVATE: Rule = Rule {
    code: "PC306",
    name: "foreign-private-attribute",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "An attribute that begins with an underscore and that nothing in this file defines.",
    why: "It belongs to somebody else's object: library objects keep modules, sockets and raw files in such attributes.",
    refused: "import random\nprint(random.Random()._randbelow(3))\n",
    passes: "class A:\n    def __init__(self):\n        self._x = 1\nprint(A()._x)\n",
    fix: "Use the public interface.",
    on: &[],
};

pub(super) static OUTWARD: Rule = Rule {
    code: "PC307",
    name: "outward-method",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "A method that imports, evaluates or connects, on any object: `load_module`, `exec_module`, `mro`, \
           `subprocess_exec`, `create_server` …",
    why: "Loaders, event loops and the like can be reached in many ways; their methods are refused on whatever they are \
          called.",
    refused: "async def f(loop):\n    await loop.subprocess_exec(None, 'ls')\n",
    passes: "async def f(loop):\n    return loop.time()\n",
    fix: "There is no honest use in an agent.",
    on: &[],
};

pub(super) static COMPARISON: Rule = Rule {
    code: "PC309",
    name: "unbound-comparison",
    family: Family::Attributes,
    severity: Severity::Error,
    what: "`X.__eq__` and its kin taken from anything but `super()`.",
    why: "Called with arguments of the caller's choice they hand an object's inside to the other operand.",
    refused: "print(int.__eq__(1, 1))\n",
    passes: "print(1 == 1)\n",
    fix: "Use the operator.",
    on: &[],
};

pub(super) fn own<'c>(cx: &'c Context<'_, '_>) -> impl Fn(&str) -> bool + 'c {
    |name| {
        cx.module.own_attributes.contains(name)
            || cx.module.outer.is_some_and(|o| o.own_attributes.contains(name))
    }
}

/// Reports a name that is wrong on any object, however it is spelled.
pub(super) fn report_name(
    name: &str,
    range: TextRange,
    how: &str,
    pattern: bool,
    cx: &mut Context<'_, '_>,
) -> bool {
    let Some(wrong) = names::wrong(name, own(cx)) else {
        return false;
    };
    let (rule, what) = match wrong {
        Wrong::Frame => (&FRAME, "reaches into frames and code"),
        Wrong::Dunder => (&DUNDER, "is not on the list of harmless names"),
        Wrong::Outward if names::is_module_name(name) => (&OUTWARD, "leads to modules"),
        Wrong::Outward => (&OUTWARD, "imports, evaluates or connects"),
        Wrong::Private => (&FOREIGN_PRIVATE, "is private to an object of somebody else"),
    };
    let rule = if pattern { &PATTERN } else { rule };
    cx.report(rule, range, Found::new(format!("{how}`{name}` {what}")).name(name).help(rule.fix));
    true
}

fn attribute(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let written = attribute.attr.as_str();
    let mangled = cx.module.mangled(written, cx.scope(expr));
    let name = mangled.as_deref().unwrap_or(written);
    let range = attribute.attr.range;
    match name {
        "__dict__" => {
            let harmless = if attribute.ctx == ExprContext::Load {
                is_harmless_dictionary_use(expr, Some(&attribute.value), cx)
                    || is_parsed_arguments(&attribute.value, cx)
            } else {
                // `self.__dict__ = shared`: what is in it was somebody's own before.
                attribute.ctx == ExprContext::Store
                    && is_receiver(&attribute.value, cx)
                    && computed::evaluator_of_stores(cx).is_none()
            };
            if !harmless {
                report_dictionary(expr.range(), cx);
            }
            return;
        }
        "__annotations__" => {
            if attribute.ctx != ExprContext::Load || !is_harmless_dictionary_use(expr, None, cx) {
                report_name("__annotations__", range, "", false, cx);
            }
            return;
        }
        "__eq__" | "__ne__" | "__lt__" | "__le__" | "__gt__" | "__ge__" | "__or__" | "__ror__" => {
            // Called with one argument it is the operator: a class of its own takes two.
            let operator = cx.module.called_by(expr).is_some_and(|call| {
                call.arguments.len() == 1
                    && call.arguments.args.first().is_some_and(|other| !other.is_starred_expr())
            });
            if attribute.ctx == ExprContext::Load
                && !operator
                && !is_super(&attribute.value, cx)
                && is_class(&attribute.value, cx)
            {
                cx.report(
                    &COMPARISON,
                    range,
                    Found::new(format!("`{name}` is taken from a class")).name(name).help(COMPARISON.fix),
                );
            }
            return;
        }
        // Classes of this file lead to each other and to bases that it names.
        "__subclasses__" | "__mro__" | "__bases__" | "__base__"
            if attribute.ctx == ExprContext::Load && is_own_class(&attribute.value, cx) =>
        {
            return;
        }
        // How many parameters a function has, and what they are called: numbers and text.
        "__code__" if is_base_of_count(expr, cx) => return,
        _ if COUNTS.contains(&name) && is_code_attribute(&attribute.value) => return,
        "__defaults__" if attribute.ctx == ExprContext::Load && is_own_function(&attribute.value, cx) => {
            return;
        }
        // `Point.__new__.__defaults__ = (None,) * 2`, from before `namedtuple` had `defaults`.
        "__defaults__"
            if attribute.ctx == ExprContext::Store && is_new_of_namedtuple(&attribute.value, cx) =>
        {
            return;
        }
        // What these read or write is looked at where they are called.
        "__getattribute__" | "__getattr__" | "__setattr__" | "__delattr__" => {
            let called = cx.module.called_by(expr);
            if called.is_none() || attribute.ctx != ExprContext::Load {
                cx.report(
                    &DUNDER,
                    range,
                    Found::new(format!("`{name}` is used without calling it")).name(name).help(DUNDER.fix),
                );
            }
            return;
        }
        _ => {}
    }
    // A denied member of a module was reported as that.
    if cx.values(&attribute.value).modules().next().is_some() {
        return;
    }
    if attribute.ctx != ExprContext::Load && !names::is_dunder(name) {
        // A store defines the name; only frames and the like stay wrong.
        if names::wrong(name, |_| true) != Some(Wrong::Frame) {
            return;
        }
    }
    // A name that nothing defines is on no instance of a class that this source alone has made.
    let wrong = names::wrong(name, own(cx));
    if wrong == Some(Wrong::Private) && instances::is_own(&attribute.value, cx) {
        return;
    }
    if wrong.is_none() || !report_name(name, range, "", false, cx) {
        private_member(attribute, name, cx);
    }
}

/// A private attribute of what is known to be the library's, even if this file has one of that name.
fn private_member(attribute: &ExprAttribute, name: &str, cx: &mut Context<'_, '_>) {
    if !name.starts_with('_') || names::is_dunder(name) {
        return;
    }
    let base = cx.values(&attribute.value);
    let foreign = base.complete
        && !base.known.is_empty()
        && base.known.iter().all(|value| {
            matches!(value, Value::Member(name) | Value::Instance(name)
                if !name.starts_with("builtins.") && !name.ends_with("namedtuple") && !name.contains("Namespace"))
        });
    if foreign && names::wrong(name, |_| false).is_some() {
        let shown = cx.excerpt(&*attribute.value);
        cx.report(
            &FOREIGN_PRIVATE,
            attribute.attr.range,
            Found::new(format!("`{name}` is private to `{shown}`")).name(name).help(FOREIGN_PRIVATE.fix),
        );
    }
}

fn is_super(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(expr, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "super" && cx.is_builtin(name, &call.func)))
}

fn is_class(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(expr);
    !values.complete && !matches!(expr, Expr::Name(name) if name.id == "self")
        || values.known.iter().any(|value| matches!(value, Value::Member(_) | Value::Class(_)))
}

/// Surely a class of this file that nothing but its body and plain bases made.
fn is_own_class(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.values(expr).exactly() {
        Some(Value::Class(class)) => instances::is_plain_undecorated(*class, cx),
        _ => false,
    }
}

/// What of a code object is a number or a name.
const COUNTS: [&str; 6] =
    ["co_argcount", "co_kwonlyargcount", "co_posonlyargcount", "co_varnames", "co_name", "co_firstlineno"];

fn is_base_of_count(code: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(cx.module.parent(code), Parent::Expr(Expr::Attribute(outer))
        if outer.ctx == ExprContext::Load && COUNTS.contains(&outer.attr.as_str()))
}

fn is_code_attribute(expr: &Expr) -> bool {
    matches!(expr, Expr::Attribute(code) if code.attr.as_str() == "__code__")
}

fn is_own_function(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(cx.values(expr).exactly(), Some(Value::Function(_)))
}

fn is_new_of_namedtuple(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(expr, Expr::Attribute(new) if new.attr.as_str() == "__new__"
        && matches!(cx.values(&new.value).exactly(), Some(Value::Instance(name)) if &**name == "collections.namedtuple"))
}

fn pattern(pattern: &Pattern, cx: &mut Context<'_, '_>) {
    let Pattern::MatchClass(class) = pattern else {
        return;
    };
    if !class.arguments.patterns.is_empty() && !instances::has_known_match_args(&class.cls, cx) {
        cx.report(
            &PATTERN,
            class.cls.range(),
            Found::new("positions in this pattern read attributes that its class names")
                .help("match by keyword"),
        );
    }
    for keyword in &class.arguments.keywords {
        let name = keyword.attr.as_str();
        if name.starts_with("__") || matches!(name, "raw" | "detach") {
            cx.report(
                &PATTERN,
                keyword.attr.range,
                Found::new(format!("the pattern reads `{name}`")).name(name).help(PATTERN.fix),
            );
        } else {
            report_name(name, keyword.attr.range, "the pattern reads ", true, cx);
        }
    }
}
