//! PC3xx: ways from one object to everything else. The names are judged on any receiver, because
//! any receiver may be the one that has them.

use ruff_python_ast::{self as ast, Expr, ExprAttribute, ExprContext, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::{computed, generated};
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

fn own<'c>(cx: &'c Context<'_, '_>) -> impl Fn(&str) -> bool + 'c {
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
    if names::wrong(name, own(cx)) == Some(Wrong::Private) && instances::is_own(&attribute.value, cx) {
        return;
    }
    if !report_name(name, range, "", false, cx) {
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

fn report_dictionary(range: TextRange, cx: &mut Context<'_, '_>) {
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
fn is_harmless_dictionary_use(expr: &Expr, owner: Option<&Expr>, cx: &Context<'_, '_>) -> bool {
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

/// Surely a class of this file that nothing but its body and plain bases made.
fn is_own_class(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.values(expr).exactly() {
        Some(Value::Class(class)) => {
            let node = cx.module.class(*class).node;
            node.decorator_list.is_empty() && generated::is_plain_class(node, cx, 0)
        }
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

fn is_receiver(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    matches!(expr, Expr::Name(name) if cx.module.is_receiver(&name.id, cx.scope(expr)))
}

/// `self.__dict__ == other.__dict__` hands the dictionary to the other operand, so it is left to
/// the method that is there for it.
fn in_comparison_method(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    cx.module
        .enclosing_function(cx.scope(expr))
        .is_some_and(|function| matches!(cx.module.function(function).name(), "__eq__" | "__ne__" | "__lt__"))
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
    if !put_together {
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
                Found::new(format!("the string is put together to `{text}`")).name(text).help(TEXT.fix),
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
