//! PC504, PC505 and PC508: text that the library runs as code. What is written out is analysed like the rest
//! of the source; everything else is refused.

use ruff_python_ast::{self as ast, Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{FunctionNode, Parent, Value};

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
    on: &[
        On::LibraryCall(timed),
        On::LibraryCall(docstring_examples),
        On::Call(computed_docstring),
        On::Module(docstrings),
    ],
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
    on: &[On::LibraryCall(unittest_main)],
};

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
    if cx.walk_code(text, span, what).is_err() {
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
}

/// `property(f, doc=text)`: what doctest would run of it.
fn computed_docstring(call: &ExprCall, cx: &mut Context<'_, '_>) {
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
            FunctionNode::Def(def) => Some(&def.body[..]),
            FunctionNode::Lambda(_) => None,
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
            if !whole.is_empty() && cx.walk_code(&whole, span, what).is_err() {
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
    let _ = cx.walk_code(&format!("({text})"), cx.span(expr.range()), "in an annotation");
}

/// Whether `expr` stands within an annotation, looking through subscripts, unions and tuples, and
/// not within `Literal[…]` or `Annotated[…]`.
fn is_annotation(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.module.parent(expr) {
        Parent::Annotation => true,
        Parent::Expr(parent) => match parent {
            outer @ Expr::Subscript(subscript) => {
                let literal = matches!(&*subscript.value, Expr::Name(name) if name.id == "Literal")
                    || matches!(&*subscript.value, Expr::Attribute(name) if name.attr.as_str() == "Literal");
                !literal && is_annotation(outer, cx)
            }
            outer @ (Expr::Tuple(_) | Expr::BinOp(_) | Expr::List(_)) => is_annotation(outer, cx),
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn holds_code(expr: &Expr) -> bool {
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
    let tampered = cx.module.all_exprs().iter().any(|info| match info.expr {
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
    match cx.module.parent(expr) {
        Parent::Expr(parent) => match parent {
            Expr::Subscript(subscript) => subscript.ctx != ast::ExprContext::Load,
            outer @ Expr::Attribute(_) => cx.module.called_by(outer).is_some(),
            Expr::Compare(_) | Expr::BoolOp(_) | Expr::UnaryOp(_) => false,
            Expr::Call(call) => !matches!(&*call.func, Expr::Name(name) if name.id == "len"),
            _ => true,
        },
        Parent::Stmt(_) => true,
        _ => false,
    }
}
