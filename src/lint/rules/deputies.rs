//! PC510 and PC511: arguments that make a harmless function of the library read attributes or evaluate text.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Value};

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
    on: &[On::LibraryCall(deputy), On::Call(parsed_arguments)],
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
    on: &[On::LibraryCall(evaluating)],
};

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
}

/// `parser.parse_args(namespace=x)` sets attributes of `x`.
fn parsed_arguments(call: &ExprCall, cx: &mut Context<'_, '_>) {
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
