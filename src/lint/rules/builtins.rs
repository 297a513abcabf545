//! PC2xx: builtins that run text, open namespaces or hide what they do. Loading one is enough: a
//! name that is loaded can be called anywhere.

use ruff_python_ast::{Expr, ExprCall, ExprContext, ExprName};
use ruff_text_size::Ranged;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Parent, ScopeKind, Value};

pub(super) static DANGEROUS: Rule = Rule {
    code: "PC201",
    name: "dangerous-builtin",
    family: Family::Builtins,
    severity: Severity::Error,
    what: "`eval`, `exec`, `compile`, `__import__`, `globals`, `breakpoint`, `help` and their kin, called or not, \
           under their own name or another.",
    why: "They turn text into code or open the namespace of the program, so that what the source says and what it \
          does part ways.",
    refused: "e = eval\nprint(e('1 + 1'))\n",
    passes: "import ast\nprint(ast.literal_eval('[1, 2]'))\n",
    fix: "Read data with `ast.literal_eval` or `json.loads`; choose functions from a dictionary.",
    on: &[On::Name(dangerous), On::Call(aliased)],
};

pub(super) static INTERPRETER_NAME: Rule = Rule {
    code: "PC202",
    name: "interpreter-name",
    family: Family::Builtins,
    severity: Severity::Error,
    what: "`__builtins__`, `__loader__`, `__spec__` and other names that the interpreter puts into a module.",
    why: "They are handles on every builtin and on the import system.",
    refused: "print(__builtins__)\n",
    passes: "if __name__ == '__main__':\n    print(__file__)\n",
    fix: "Use the builtin itself.",
    on: &[On::Name(interpreter_name)],
};

pub(super) static OPEN_VALUE: Rule = Rule {
    code: "PC203",
    name: "open-as-value",
    family: Family::Builtins,
    severity: Severity::Error,
    what: "`open` that is stored or passed instead of called.",
    why: "Called somewhere else its mode and path cannot be checked.",
    refused: "save = open\n",
    passes: "def load(path):\n    with open(path) as file:\n        return file.read()\n",
    fix: "Call `open` where it is named, or pass a function of your own.",
    on: &[],
};

pub(super) static NAMESPACE: Rule = Rule {
    code: "PC204",
    name: "module-namespace",
    family: Family::Builtins,
    severity: Severity::Error,
    what: "`vars()` or `locals()` without arguments outside of a function.",
    why: "There it is `globals()`, which holds `__builtins__`.",
    refused: "print(vars())\n",
    passes: "def f(a):\n    return locals()\n",
    fix: "Keep your own dictionary of what you want to look up.",
    on: &[On::Call(namespace)],
};

pub(super) static REFLECTION_VALUE: Rule = Rule {
    code: "PC205",
    name: "reflection-as-value",
    family: Family::Builtins,
    severity: Severity::Error,
    what: "`getattr`, `setattr`, `delattr`, `vars` or `locals` that is stored or passed instead of called.",
    why: "Called somewhere else the name of the attribute cannot be checked.",
    refused: "read = getattr\n",
    passes: "class P:\n    x = 1\nprint(getattr(P, 'x'))\n",
    fix: "Use `operator.attrgetter('name')` or a lambda.",
    on: &[],
};

pub(super) static SITE_BUILTIN: Rule = Rule {
    code: "PC206",
    name: "site-builtin",
    family: Family::Builtins,
    severity: Severity::Warning,
    what: "`exit` or `quit`.",
    why: "The module `site` adds them for interactive use. Agents run without it (`python3 -I -S`), so they end with \
          a `NameError`.",
    refused: "exit(2)\n",
    passes: "import sys\nsys.exit(2)\n",
    fix: "Write `sys.exit()`, or `raise SystemExit`.",
    on: &[],
};

/// With the honest alternative to each.
const DANGEROUS_NAMES: [(&str, &str, &str); 10] = [
    ("eval", "runs text as code", "use `ast.literal_eval` or `json.loads` to read data"),
    ("exec", "runs text as code", "write the code out, or choose a function from a dictionary"),
    ("compile", "turns text into code", "use `ast.parse` to look at source"),
    ("__import__", "turns text into a module", "write `import name`"),
    ("breakpoint", "starts a debugger", "remove it"),
    ("help", "starts a pager and imports what it is asked for", "remove it"),
    ("globals", "opens the namespace of the module", "keep your own dictionary"),
    ("__build_class__", "builds classes out of anything", "use a class statement"),
    ("license", "is an object that reads files", "remove it"),
    ("credits", "is an object that reads files", "remove it"),
];

/// Builtins that may be called, or read, in some ways only.
const JUDGED_BY_USE: [&str; 8] = ["open", "getattr", "setattr", "delattr", "vars", "locals", "exit", "quit"];

fn why_dangerous(name: &str) -> Option<(&'static str, &'static str)> {
    let name = if name == "copyright" { "license" } else { name };
    DANGEROUS_NAMES.iter().find(|(known, ..)| *known == name).map(|(_, why, instead)| (*why, *instead))
}

fn dangerous(name: &ExprName, expr: &Expr, cx: &mut Context<'_, '_>) {
    let text = name.id.as_str();
    let danger = why_dangerous(text);
    // By name first: most names are none of these, and who they mean is the longer question.
    let judged = danger.is_some() || JUDGED_BY_USE.contains(&text);
    if !judged || name.ctx != ExprContext::Load || !cx.is_builtin(name, expr) {
        return;
    }
    if let Some((why, instead)) = danger {
        if text == "globals" && is_given_to_timeit(expr, cx) {
            return;
        }
        cx.report(
            &DANGEROUS,
            expr.range(),
            Found::new(format!("`{text}` is the builtin that {why}"))
                .name(format!("builtins.{text}"))
                .help(instead),
        );
        return;
    }
    let called = cx.module.called_by(expr).is_some();
    let bound = !cx.module.resolve(text, cx.scope(expr), name.range.start()).bindings.is_empty();
    match text {
        "open" if !called => cx.report(
            &OPEN_VALUE,
            expr.range(),
            Found::new("`open` is used without calling it").name("builtins.open").help(OPEN_VALUE.fix),
        ),
        "getattr" | "setattr" | "delattr" | "vars" | "locals" if !called => cx.report(
            &REFLECTION_VALUE,
            expr.range(),
            Found::new(format!("`{text}` is used without calling it"))
                .name(format!("builtins.{text}"))
                .help(REFLECTION_VALUE.fix),
        ),
        "exit" | "quit" if !bound => cx.report(
            &SITE_BUILTIN,
            expr.range(),
            Found::new(format!("`{text}` does not exist where agents run")).help("write `sys.exit()`"),
        ),
        _ => {}
    }
}

/// `timeit.timeit("f(1)", globals=globals())`: the text is judged as if it stood in the source
/// (PC504), so the names of the source are what it sees anyway, and nobody else gets the dictionary.
fn is_given_to_timeit(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let Some(call) = cx.module.called_by(expr).filter(|call| call.arguments.is_empty()) else {
        return false;
    };
    let Some(Parent::Keyword(Some(timed))) = cx.module.expr_of(call).map(|call| cx.module.parent(call))
    else {
        return false;
    };
    timed
        .arguments
        .find_keyword("globals")
        .is_some_and(|keyword| matches!(&keyword.value, Expr::Call(given) if std::ptr::eq(given, call)))
        && matches!(cx.values(&timed.func).exactly(), Some(Value::Member(name))
        if matches!(&**name, "timeit.timeit" | "timeit.repeat" | "timeit.Timer"))
}

/// A call through another name, an element or an attribute: what is called, and how it got there.
fn aliased(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for value in &values.known {
        let (Value::Member(full) | Value::Instance(full)) = value else {
            continue;
        };
        let Some(builtin) = full.strip_prefix("builtins.") else {
            continue;
        };
        let Some((why, instead)) = why_dangerous(builtin) else {
            continue;
        };
        if matches!(&*call.func, Expr::Name(name) if name.id == builtin) {
            continue;
        }
        let full = full.to_string();
        let shown = cx.excerpt(&*call.func);
        let notes = cx.chain(&call.func, &full);
        cx.report(
            &DANGEROUS,
            call.func.range(),
            Found {
                notes,
                ..Found::new(format!("`{shown}` is `{full}`, which {why}")).name(full).help(instead)
            },
        );
    }
}

/// Names with two underscores that may be loaded: they are text, or the class around.
const HARMLESS: [&str; 17] = [
    "__name__",
    "__file__",
    "__doc__",
    "__debug__",
    "__class__",
    "__all__",
    "__version__",
    "__author__",
    "__date__",
    "__license__",
    "__copyright__",
    "__credits__",
    "__email__",
    "__status__",
    "__maintainer__",
    "__qualname__",
    "__slots__",
];

/// Names that may not even be bound, because the interpreter or the library reads them.
const READ_BY_OTHERS: [&str; 12] = [
    "__builtins__",
    "__loader__",
    "__spec__",
    "__cached__",
    "__path__",
    "__package__",
    "__import__",
    "__build_class__",
    "__annotations__",
    "__dict__",
    "__test__",
    "__warningregistry__",
];

fn interpreter_name(name: &ExprName, expr: &Expr, cx: &mut Context<'_, '_>) {
    let text = name.id.as_str();
    if !(text.starts_with("__") && text.ends_with("__") && text.len() > 4) || HARMLESS.contains(&text) {
        return;
    }
    // To read it is to read text, or `None`.
    if text == "__package__" && name.ctx == ExprContext::Load {
        return;
    }
    let read_by_others = READ_BY_OTHERS.contains(&text);
    let own = || {
        let resolution = cx.module.resolve(text, cx.scope(expr), name.range.start());
        resolution.bindings.iter().any(|id| !matches!(cx.module.binding(*id).kind, BindingKind::Declared))
    };
    if why_dangerous(text).is_some() && name.ctx == ExprContext::Load {
        return;
    }
    if read_by_others || (name.ctx == ExprContext::Load && !own()) {
        cx.report(
            &INTERPRETER_NAME,
            expr.range(),
            Found::new(format!("`{text}` belongs to the interpreter")).name(text).help(INTERPRETER_NAME.fix),
        );
    }
}

fn namespace(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Name(name) = &*call.func else {
        return;
    };
    if !matches!(name.id.as_str(), "vars" | "locals") || !cx.is_builtin(name, &call.func) {
        return;
    }
    let empty = call.arguments.args.is_empty() && call.arguments.keywords.is_empty();
    let mut scope = cx.scope(&call.func);
    // A comprehension runs in a function of its own, which sees only its own names.
    while cx.module.scope(scope).kind == ScopeKind::Comprehension {
        match cx.module.scope(scope).parent {
            Some(parent) => scope = parent,
            None => break,
        }
    }
    let in_function = matches!(cx.module.scope(scope).kind, ScopeKind::Function(_));
    if (empty || cx.spreads(call)) && !in_function {
        cx.report(
            &NAMESPACE,
            call.range(),
            Found::new(format!("`{}()` outside of a function is the namespace itself", name.id))
                .name(format!("builtins.{}", name.id))
                .help(NAMESPACE.fix),
        );
    }
}
