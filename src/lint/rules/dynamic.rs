//! PC5xx: names and code that are made at run time. A name must be a constant, one of a finite set
//! of constants, or begin with a harmless constant; code must be written out.

use ruff_python_ast::{self as ast, Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::library;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::instances;
use crate::lint::names;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::lint::walk::walk_string;
use crate::python::analysis::{BindingKind, ScopeId, Value};

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
    on: &[On::Call(getter)],
};

pub(super) static CODE_TEXT: Rule = Rule {
    code: "PC504",
    name: "code-in-string",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "Text that the library runs as code (`timeit`, `doctest`) and that cannot be read in the source.",
    why: "Constant text is analysed like the rest of the source; other text could be anything.",
    refused: "import timeit\ntimeit.timeit(input())\n",
    passes: "import timeit\ntimeit.timeit('sum(range(9))')\ntimeit.timeit(lambda: sum(range(9)))\n",
    fix: "Pass a lambda.",
    on: &[On::Call(timed), On::Call(docstring_examples), On::Module(docstrings)],
};

pub(super) static ANNOTATION: Rule = Rule {
    code: "PC505",
    name: "code-in-annotation",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "An annotation that is a string and holds more than types: a call, a lambda, a walrus, a comprehension.",
    why: "`functools.singledispatch` and others evaluate such strings.",
    refused: "def f(x: \"print('hi')\"):\n    pass\n",
    passes: "def f(x: 'list[int]') -> 'Node | None':\n    pass\n",
    fix: "Annotate with a type.",
    on: &[On::Expr(annotation)],
};

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
    on: &[On::Call(dataclass_call), On::Stmt(dataclass_statement)],
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

pub(super) static TESTS: Rule = Rule {
    code: "PC508",
    name: "tests-by-name",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "`unittest.main` with a module or with arguments that name tests.",
    why: "It imports and calls what the names say.",
    refused: "import unittest\nunittest.main(argv=['x', 'os.abort'])\n",
    passes: "import unittest\nunittest.main(argv=['agent'], exit=False)\n",
    fix: "Write `unittest.main()`.",
    on: &[On::Call(unittest_main)],
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

pub(super) static DEPUTY: Rule = Rule {
    code: "PC510",
    name: "attribute-deputy",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "An argument that makes the library read or write attributes by name: `functools.wraps(assigned=…)`, \
           `parse_args(namespace=…)`.",
    why: "It is `getattr` in disguise.",
    refused: "import functools\n@functools.wraps(print, assigned=('__self__',))\ndef f(): ...\n",
    passes: "import functools\n@functools.wraps(print)\ndef f(): ...\n",
    fix: "Leave the argument out.",
    on: &[On::Call(deputy)],
};

pub(super) static EVALUATING_ARGUMENT: Rule = Rule {
    code: "PC511",
    name: "evaluating-argument",
    family: Family::Dynamic,
    severity: Severity::Error,
    what: "An argument that makes the library evaluate text, such as `inspect.signature(f, eval_str=True)`.",
    why: "It is `eval` by another name.",
    refused: "import inspect\ndef f(x: 'int'): ...\ninspect.signature(f, eval_str=True)\n",
    passes: "import inspect\ndef f(x): ...\nprint(inspect.signature(f))\n",
    fix: "Leave the argument out.",
    on: &[On::Call(evaluating)],
};

/// `getattr` and its kin, as builtins and as methods, with the place of the name.
fn reflection(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let arguments = &call.arguments.args;
    let (reads, receiver, name) = match &*call.func {
        Expr::Name(name) if cx.is_builtin(name, &call.func) => match name.id.as_str() {
            "getattr" => (true, arguments.first(), arguments.get(1)),
            "setattr" | "delattr" => (false, arguments.first(), arguments.get(1)),
            _ => return,
        },
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
    let values = cx.values(name);
    let texts: Vec<String> = values.texts().map(str::to_owned).collect();
    let mut denied = false;
    let modules: Vec<_> = cx.values(receiver).modules().cloned().collect();
    for text in &texts {
        for module in &modules {
            denied |=
                library::report_member(module, text, name.range(), Some(receiver_site(call, receiver)), cx);
        }
        if modules.is_empty() {
            denied |= denied_name(text, name.range(), reads, cx);
        }
    }
    if denied || (values.complete && texts.len() == values.known.len() && !texts.is_empty()) {
        return;
    }
    if reads {
        if !is_harmless_computed(receiver, name, cx) {
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
        "register" => uses_dispatch(cx),
        "parse_args" => cx.mentions("argparse.ArgumentParser") || cx.mentions("optparse.OptionParser"),
        "_stream" => cx.mentions("contextlib.redirect_stdout") || cx.mentions("contextlib.redirect_stderr"),
        _ => true,
    }
}

/// The expression that stands for `module.name` in `getattr(module, "name")`.
fn receiver_site<'c>(call: &'c ExprCall, _: &Expr) -> &'c Expr {
    &call.func
}

fn is_harmless_computed(receiver: &Expr, name: &Expr, cx: &Context<'_, '_>) -> bool {
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
        return true;
    }
    if instances::is_descriptor_name(name, cx) {
        return true;
    }
    // The result of parsing arguments holds options and nothing else.
    let values = instances::closed_values(receiver, cx);
    matches!(values.exactly(), Some(Value::Instance(name)) if &**name == "argparse.ArgumentParser.parse_args")
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

fn computed_store(call: &ExprCall, receiver: &Expr, name: &Expr, cx: &mut Context<'_, '_>) {
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
    let Some(evaluator) = evaluators.into_iter().find(|name| cx.mentions(name)) else {
        return;
    };
    let hooked = cx.module.functions.iter().any(|function| function.name() == "__set_name__");
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

/// Text that is run: each constant is analysed as code, anything else is refused.
fn run_text(argument: &Expr, what: &'static str, cx: &mut Context<'_, '_>) {
    let values = cx.values(argument);
    let callable = values.known.iter().any(|value| {
        matches!(
            value,
            Value::Function(_)
                | Value::Class(_)
                | Value::Member(_)
                | Value::Partial(_)
                | Value::None
                | Value::Object(_)
        )
    });
    let texts: Vec<String> = values.texts().map(str::to_owned).collect();
    for text in &texts {
        run(text, argument.range(), what, cx);
    }
    let one_kind = if callable { texts.is_empty() } else { values.complete && !texts.is_empty() };
    let constant = callable && values.complete;
    if !one_kind && !constant {
        cx.report(
            &CODE_TEXT,
            argument.range(),
            Found::new(format!("text that cannot be read here is run as code ({what})")).help(CODE_TEXT.fix),
        );
    }
}

fn run(text: &str, range: TextRange, what: &'static str, cx: &mut Context<'_, '_>) {
    let span = cx.span(range);
    if walk_string(text, span, what, cx).is_err() {
        cx.report(
            &CODE_TEXT,
            range,
            Found::new(format!("text that is run as code cannot be parsed ({what})")).help(CODE_TEXT.fix),
        );
    }
}

fn timed(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    if !values.members().any(|name| matches!(&**name, "timeit.timeit" | "timeit.repeat" | "timeit.Timer")) {
        return;
    }
    if cx.spreads(call) {
        cx.report(
            &CODE_TEXT,
            call.range(),
            Found::new("the code to time is spread into the call").help(CODE_TEXT.fix),
        );
    }
    for (index, name) in ["stmt", "setup"].into_iter().enumerate() {
        if let Some(argument) = cx.argument(call, index, name) {
            run_text(argument, "in code that timeit runs", cx);
        }
    }
}

fn docstring_examples(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    let doctest = values.members().any(|name| name.starts_with("doctest."));
    if doctest && values.members().any(|name| &**name == "doctest.run_docstring_examples") {
        let known = call.arguments.args.first().is_some_and(|object| {
            cx.values(object).known.iter().any(|value| matches!(value, Value::Function(_) | Value::Class(_)))
        });
        if !known || cx.spreads(call) {
            cx.report(
                &CODE_TEXT,
                call.range(),
                Found::new("examples are run that are not docstrings of this file")
                    .help("name a function of this file"),
            );
        }
    }
    let property = matches!(&*call.func, Expr::Name(name) if name.id == "property");
    if property
        && cx.mentions("doctest.testmod")
        && let Some(doc) = cx.argument(call, 3, "doc")
        && !doc.is_string_literal_expr()
    {
        cx.report(
            &CODE_TEXT,
            doc.range(),
            Found::new("a computed docstring in a file that runs its docstrings"),
        );
    }
}

/// The examples of every docstring, where the file runs them.
fn docstrings(cx: &mut Context<'_, '_>) {
    if cx.depth > 0 || !(cx.mentions("doctest.testmod") || cx.mentions("doctest.run_docstring_examples")) {
        return;
    }
    let module = cx.module;
    let bodies = std::iter::once(module.body)
        .chain(module.classes.iter().map(|class| &class.node.body[..]))
        .chain(module.functions.iter().filter_map(|function| match function.node {
            crate::python::analysis::FunctionNode::Def(def) => Some(&def.body[..]),
            crate::python::analysis::FunctionNode::Lambda(_) => None,
        }));
    for body in bodies {
        if let Some(Stmt::Expr(first)) = body.first()
            && let Expr::StringLiteral(docstring) = &*first.value
        {
            let examples = examples(docstring.value.to_str());
            let whole = examples.join("\n");
            let span = cx.span(docstring.range);
            let what = "in a docstring example";
            // All together, so that later examples know the names of earlier ones.
            if !whole.is_empty() && walk_string(&whole, span, what, cx).is_err() {
                for example in &examples {
                    run(example, docstring.range, what, cx);
                }
            }
        }
    }
}

/// Source of the examples in a docstring, as `doctest` finds it.
fn examples(docstring: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut continued = None;
    for line in docstring.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if let Some(code) = bare.strip_prefix(">>>") {
            found.push(code.strip_prefix(' ').unwrap_or(code).to_owned());
            continued = Some(indent);
        } else if let (Some(code), Some(at), Some(last)) =
            (bare.strip_prefix("..."), continued, found.last_mut())
            && indent == at
        {
            last.push('\n');
            last.push_str(code.strip_prefix(' ').unwrap_or(code));
        } else {
            continued = None;
        }
    }
    found
}

/// A string within an annotation.
fn annotation(expr: &Expr, cx: &mut Context<'_, '_>) {
    let Expr::StringLiteral(literal) = expr else {
        return;
    };
    if !is_annotation(expr, cx) {
        return;
    }
    let text = literal.value.to_str();
    let Some(parsed) = crate::python::parse::parse_expression(text, cx.policy.target()) else {
        // Not an expression: nothing can evaluate it.
        return;
    };
    if holds_code(&parsed) {
        cx.report(&ANNOTATION, expr.range(), Found::new("the annotation holds code").help(ANNOTATION.fix));
        return;
    }
    // Names in it are judged like names anywhere. A depth error means that it is nested in another
    // string of code, which no library evaluates.
    let _ = walk_string(&format!("({text})"), cx.span(expr.range()), "in an annotation", cx);
}

/// Whether `expr` stands within an annotation, looking through subscripts, unions and tuples, and
/// not within `Literal[…]` or `Annotated[…]`.
fn is_annotation(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    use crate::python::analysis::Parent;
    match cx.module.parent(expr) {
        Parent::Annotation => true,
        Parent::Expr(parent) => match cx.module.node(parent) {
            Some(outer @ Expr::Subscript(subscript)) => {
                let literal = matches!(&*subscript.value, Expr::Name(name) if name.id == "Literal")
                    || matches!(&*subscript.value, Expr::Attribute(name) if name.attr.as_str() == "Literal");
                !literal && is_annotation(outer, cx)
            }
            Some(outer @ (Expr::Tuple(_) | Expr::BinOp(_) | Expr::List(_))) => is_annotation(outer, cx),
            _ => false,
        },
        _ => false,
    }
}

fn holds_code(expr: &Expr) -> bool {
    use ruff_python_ast::visitor::{self, Visitor};
    struct Code(bool);
    impl<'a> Visitor<'a> for Code {
        fn visit_expr(&mut self, expr: &'a Expr) {
            self.0 |= matches!(
                expr,
                Expr::Call(_)
                    | Expr::Lambda(_)
                    | Expr::Named(_)
                    | Expr::ListComp(_)
                    | Expr::SetComp(_)
                    | Expr::DictComp(_)
                    | Expr::Generator(_)
                    | Expr::Await(_)
                    | Expr::Yield(_)
                    | Expr::YieldFrom(_)
                    | Expr::FString(_)
            );
            visitor::walk_expr(self, expr);
        }
    }
    let mut code = Code(false);
    code.visit_expr(expr);
    code.0
}

fn dataclass_call(call: &ExprCall, cx: &mut Context<'_, '_>) {
    use crate::python::analysis::Parent;
    let values = cx.values(&call.func);
    let Some(expr) = cx.module.id_of_call(call).and_then(|id| cx.module.node(id)) else {
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
                    Parent::Expr(parent) => match cx.module.node(parent) {
                        Some(
                            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_),
                        ) => true,
                        Some(Expr::Call(outer)) => {
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
                let class_body = matches!(
                    cx.module.scope(cx.scope(expr)).kind,
                    crate::python::analysis::ScopeKind::Class(_)
                );
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

fn is_constant_field(field: &crate::python::analysis::Values) -> bool {
    match field.exactly() {
        Some(Value::Str(_)) => true,
        Some(Value::Sequence(parts)) => parts.first().is_some_and(|name| name.as_text().is_some()),
        _ => false,
    }
}

/// Whether the loop variable over this call is used for nothing but reading attributes.
fn fields_are_only_read(fields: &Expr, cx: &Context<'_, '_>) -> bool {
    use crate::python::analysis::Parent;
    let module = cx.module;
    module.exprs.iter().all(|info| {
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
                Parent::Expr(parent) => matches!(module.node(parent),
                    Some(Expr::Attribute(attribute)) if attribute.ctx == ast::ExprContext::Load),
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

/// A class that nothing but its own body and the library makes.
pub(in crate::lint) fn is_plain_class(class: &ast::StmtClassDef, cx: &Context<'_, '_>, depth: u32) -> bool {
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
    use crate::python::analysis::Parent;
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

fn uses_dispatch(cx: &Context<'_, '_>) -> bool {
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
            let parsed = crate::python::parse::parse_expression(literal.value.to_str(), cx.policy.target());
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

fn unittest_main(call: &ExprCall, cx: &mut Context<'_, '_>) {
    if !cx.may_be(&call.func, "unittest.main") {
        return;
    }
    let harmless = call.arguments.args.is_empty()
        && call.arguments.keywords.iter().all(|keyword| match keyword.arg.as_ref().map(|arg| arg.as_str()) {
            Some("exit" | "verbosity" | "failfast" | "buffer" | "catchbreak" | "warnings" | "testRunner") => {
                true
            }
            Some("argv") => cx.values(&keyword.value).elements().is_some_and(|elements| elements.len() == 1),
            Some("module") => {
                matches!(&keyword.value, Expr::StringLiteral(text) if text.value.to_str() == "__main__")
            }
            _ => false,
        });
    let tampered = cx.module.exprs.iter().any(|info| match info.expr {
        Expr::Attribute(attribute) if attribute.attr.as_str() == "argv" => {
            let stored = attribute.ctx != ast::ExprContext::Load;
            stored || is_changed_in_place(info.expr, cx)
        }
        _ => false,
    });
    if !harmless || tampered {
        cx.report(
            &TESTS,
            call.range(),
            Found::new("tests are loaded by names that the source does not fix")
                .name("unittest.main")
                .help(TESTS.fix),
        );
    }
}

/// `sys.argv.append(…)`, `sys.argv[1:] = …`
fn is_changed_in_place(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    use crate::python::analysis::Parent;
    match cx.module.parent(expr) {
        Parent::Expr(parent) => match cx.module.node(parent) {
            Some(Expr::Subscript(subscript)) => subscript.ctx != ast::ExprContext::Load,
            Some(outer @ Expr::Attribute(_)) => cx.module.called_by(outer).is_some(),
            Some(Expr::Compare(_) | Expr::BoolOp(_) | Expr::UnaryOp(_)) => false,
            Some(Expr::Call(call)) => !matches!(&*call.func, Expr::Name(name) if name.id == "len"),
            Some(_) => true,
            None => false,
        },
        Parent::Stmt(_) => true,
        _ => false,
    }
}

fn deputy(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let keyword = |names: &[&str]| {
        call.arguments
            .keywords
            .iter()
            .any(|keyword| keyword.arg.as_ref().is_none_or(|arg| names.contains(&arg.as_str())))
    };
    let values = cx.values(&call.func);
    for name in values.members() {
        let (most, wrong): (usize, &[&str]) = match &**name {
            "functools.wraps" => (1, &["assigned", "updated"]),
            "functools.update_wrapper" => (2, &["assigned", "updated"]),
            "copy.replace" => (1, &[]),
            "warnings.catch_warnings" => (0, &["module"]),
            _ => continue,
        };
        if call.arguments.args.len() > most || keyword(wrong) || cx.spreads(call) {
            let name = name.to_string();
            cx.report(
                &DEPUTY,
                call.range(),
                Found::new(format!("`{name}` with an argument that names attributes"))
                    .name(name)
                    .help(DEPUTY.fix),
            );
        }
    }
    // A docstring that `update_wrapper` copies from any object would be run.
    let runs = cx.mentions("doctest.testmod") || cx.mentions("doctest.run_docstring_examples");
    if runs && values.members().any(|name| matches!(&**name, "functools.update_wrapper" | "functools.wraps"))
    {
        let parameter = call.arguments.args.first().is_some_and(|first| {
            matches!(first, Expr::Name(name) if cx
                .module
                .resolve(&name.id, cx.scope(first), name.range.start())
                .bindings
                .iter()
                .all(|id| matches!(cx.module.binding(*id).kind, BindingKind::Parameter { .. } | BindingKind::Function(_))))
        });
        if !parameter || values.members().any(|name| &**name == "functools.update_wrapper") {
            cx.report(
                &DEPUTY,
                call.range(),
                Found::new("a docstring is copied in a file that runs its docstrings")
                    .help("use `@functools.wraps(function)`"),
            );
        }
    }
    if let Expr::Attribute(method) = &*call.func
        && matches!(
            method.attr.as_str(),
            "parse_args" | "parse_known_args" | "parse_intermixed_args" | "parse_known_intermixed_args"
        )
    {
        let library = cx.mentions("argparse.ArgumentParser") || cx.mentions("optparse.OptionParser");
        let namespace = cx.argument(call, 1, "namespace").or_else(|| cx.argument(call, 1, "values"));
        let harmless = namespace.is_none_or(|namespace| {
            matches!(namespace, Expr::NoneLiteral(_))
                || matches!(cx.values(namespace).exactly(),
                    Some(Value::Instance(name)) if matches!(&**name, "argparse.Namespace" | "types.SimpleNamespace"))
        });
        if library && (!harmless || cx.spreads(call)) {
            cx.report(
                &DEPUTY,
                call.range(),
                Found::new("arguments are stored on an object by name").help("leave `namespace` out"),
            );
        }
    }
}

fn evaluating(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        if matches!(&**name, "inspect.getsource" | "inspect.getsourcelines") {
            let own = call.arguments.args.first().is_some_and(|object| {
                let values = cx.values(object);
                let known = |value: &Value| matches!(value, Value::Function(_) | Value::Class(_));
                !values.known.is_empty() && values.known.iter().all(known)
            });
            if !own {
                let name = name.to_string();
                cx.report(
                    &DEPUTY,
                    call.range(),
                    Found::new(format!("`{name}` of something that this file does not define")).name(name),
                );
            }
        }
        let wrong: &[&str] = match &**name {
            "inspect.signature" | "inspect.Signature.from_callable" => &["eval_str", "globals", "locals"],
            "warnings.warn_explicit" => &["module_globals"],
            "traceback.TracebackException" => &["capture_locals"],
            _ => continue,
        };
        let found = call
            .arguments
            .keywords
            .iter()
            .find(|keyword| keyword.arg.as_ref().is_none_or(|arg| wrong.contains(&arg.as_str())));
        if found.is_some() {
            let name = name.to_string();
            cx.report(
                &EVALUATING_ARGUMENT,
                call.range(),
                Found::new(format!("an argument makes `{name}` evaluate text"))
                    .name(name)
                    .help(EVALUATING_ARGUMENT.fix),
            );
        }
    }
}
