//! PC4xx: what of an allowed module may be touched. Positive lists: a member that is not known to
//! be harmless is refused. Modules themselves are not values.

use ruff_python_ast::{Expr, ExprAttribute, ExprName, Stmt};
use ruff_text_size::TextRange;

use super::{computed, imports};
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::PythonVersion;
use crate::python::analysis::{BindingKind, Parent, Value};
use crate::python::stdlib::{self, Kind, MemberRuling, ModuleRuling};

pub(super) static MODULE_VALUE: Rule = Rule {
    code: "PC401",
    name: "module-as-value",
    family: Family::Library,
    severity: Severity::Error,
    what: "A module that is passed around, stored or put into a container, instead of being the left side of a dot.",
    why: "What happens to a module that travels cannot be followed, and `vars`, `format` and friends open it.",
    refused: "import json\ntools = [json]\n",
    passes: "import json\ntools = [json.dumps, json.loads]\n",
    fix: "Pass the functions that are needed.",
    on: &[On::LibraryName(name), On::Attribute(attribute)],
};

pub(super) static BORROWED: Rule = Rule {
    code: "PC402",
    name: "borrowed-module",
    family: Family::Library,
    severity: Severity::Error,
    what: "A module reached through another one that imported it for itself (`random._os`, `glob.os`).",
    why: "It goes round the list of modules.",
    refused: "import glob\nprint(glob.os.getpid())\n",
    passes: "import os\nprint(os.getpid())\n",
    fix: "Import the module itself, if it is allowed.",
    on: &[],
};

pub(super) static DENIED: Rule = Rule {
    code: "PC403",
    name: "denied-member",
    family: Family::Library,
    severity: Severity::Error,
    what: "A member of a module that agents may use only in part.",
    why: "The rest of the module reaches what an agent has no business with; the finding says what.",
    refused: "import sys\nprint(sys.abiflags)\n",
    passes: "import sys\nprint(sys.maxsize)\n",
    fix: "Use what the module offers without it.",
    on: &[],
};

pub(super) static UNKNOWN: Rule = Rule {
    code: "PC404",
    name: "unknown-member",
    family: Family::Library,
    severity: Severity::Warning,
    what: "A member that is not part of the public interface of its module in the Python that runs the agents.",
    why: "It does not exist there: using it raises `AttributeError` or `ImportError`, which is fine in a fallback \
          for other versions and a mistake elsewhere.",
    refused: "import math\nprint(math.sqroot(4))\n",
    passes: "import math\nprint(math.sqrt(4))\n",
    fix: "Look the name up in the documentation of that version.",
    on: &[],
};

pub(super) static PROCESS: Rule = Rule {
    code: "PC405",
    name: "process-call",
    family: Family::Library,
    severity: Severity::Error,
    what: "`os.system`, `os.fork`, `asyncio.create_subprocess_exec` and everything else that starts or signals a process.",
    why: "An agent is one process; what it starts escapes the limits of the task.",
    refused: "from os import system as notify\nnotify('date')\n",
    passes: "import time\nprint(time.strftime('%F'))\n",
    fix: "Do the work in the agent itself.",
    on: &[],
};

pub(super) static NETWORK: Rule = Rule {
    code: "PC406",
    name: "network-call",
    family: Family::Library,
    severity: Severity::Error,
    what: "A member of an allowed module that opens connections, such as `asyncio.open_connection`.",
    why: "Agents have no network.",
    refused: "import asyncio\nasyncio.open_connection('localhost', 80)\n",
    passes: "import asyncio\nasyncio.sleep(0)\n",
    fix: "Everything that an agent may know comes with its arguments and its standard input.",
    on: &[],
};

pub(super) static FRAME: Rule = Rule {
    code: "PC407",
    name: "frame-access",
    family: Family::Library,
    severity: Severity::Error,
    what: "A function that hands out frames: `sys._getframe`, `inspect.stack`, `threading.settrace` …",
    why: "A frame holds every namespace, those of the judge included.",
    refused: "import sys\nprint(sys._getframe())\n",
    passes: "import traceback\ntraceback.print_exc()\n",
    fix: "Use `traceback.print_exc()` to show an error.",
    on: &[],
};

pub(super) static HOOK: Rule = Rule {
    code: "PC408",
    name: "interpreter-hook",
    family: Family::Library,
    severity: Severity::Error,
    what: "A hook of the interpreter or of a library: `sys.excepthook`, `codecs.register`, `sys.addaudithook` …",
    why: "It changes what later code does, the judge's included.",
    refused: "import sys\nsys.excepthook = print\n",
    passes: "try:\n    print(1)\nexcept ValueError as error:\n    print(error)\n",
    fix: "Catch the exception where it happens.",
    on: &[],
};

pub(super) static EVALUATOR: Rule = Rule {
    code: "PC409",
    name: "evaluating-call",
    family: Family::Library,
    severity: Severity::Error,
    what: "A member of an allowed module that turns text or data into code: `typing.get_type_hints`, `types.FunctionType` …",
    why: "It is `eval` by another name.",
    refused: "import typing\ntyping.get_type_hints(int)\n",
    passes: "import typing\ntyping.get_args(list[int])\n",
    fix: "Look at `__annotations__` yourself, or dispatch over a dictionary of functions.",
    on: &[],
};

pub(super) static REFLECTION: Rule = Rule {
    code: "PC410",
    name: "reflective-call",
    family: Family::Library,
    severity: Severity::Error,
    what: "A member of an allowed module that reads attributes by computed names: `inspect.getmembers`, `gc.get_objects` …",
    why: "It is `getattr` by another name.",
    refused: "import inspect\ninspect.getmembers(int)\n",
    passes: "import inspect\ninspect.signature(print)\n",
    fix: "Name the attribute.",
    on: &[],
};

pub(super) static FILES: Rule = Rule {
    code: "PC411",
    name: "file-backdoor",
    family: Family::Library,
    severity: Severity::Error,
    what: "A member of an allowed module that opens files beside `open`: `io.FileIO`, `codecs.EncodedFile` …",
    why: "The rules about files look at `open`; other doors are closed.",
    refused: "import io\nio.FileIO('x')\n",
    passes: "open('x', encoding='utf-8')\n",
    fix: "Use `open`.",
    on: &[],
};

pub(super) static PRIVATE: Rule = Rule {
    code: "PC412",
    name: "private-member",
    family: Family::Library,
    severity: Severity::Error,
    what: "A private member of a module or a class of the standard library.",
    why: "Internals do what the public interface guards against, and change without notice.",
    refused: "import collections\nprint(collections._tuplegetter)\n",
    passes: "import collections\nprint(collections.Counter('abc'))\n",
    fix: "Use the public interface.",
    on: &[],
};

pub(super) static ALIAS: Rule = Rule {
    code: "PC413",
    name: "checked-function-as-value",
    family: Family::Library,
    severity: Severity::Error,
    what: "A function whose arguments must be looked at (`attrgetter`, `gzip.open`, `os.remove` …), used without \
           calling it on the spot.",
    why: "Called somewhere else its arguments cannot be checked.",
    refused: "import os\nclean = [os.remove]\n",
    passes: "import operator\nkey = operator.attrgetter('name')\n",
    fix: "Call it where it is named, or wrap the call in a function of your own.",
    on: &[],
};

/// Reports `module.member` if it may not be used. `site` is the expression, where there is one.
pub(super) fn report_member(
    module: &str,
    member: &str,
    range: TextRange,
    site: Option<&Expr>,
    cx: &mut Context<'_, '_>,
) -> bool {
    let ruling = cx.member_ruling(module, member);
    if ruling == MemberRuling::Allowed {
        return false;
    }
    let full = stdlib::dotted(module, member);
    let found = |message: String| Found::new(message).name(full.clone());
    let (rule, found) = match ruling {
        MemberRuling::Allowed => return false,
        MemberRuling::Called { why, .. } => {
            let Some(site) = site else { return false };
            if is_used_in_place(site, cx) || (module == "pathlib" && is_converter(site, cx)) {
                return false;
            }
            (&ALIAS, found(format!("`{full}` must be called where it is named: {why}")).help(ALIAS.fix))
        }
        MemberRuling::Denied { kind, why } => {
            if site.is_some_and(|site| kind == Kind::Evaluator && is_type_check(&full, site, cx)) {
                return false;
            }
            // An import alone of a type that may be named in annotations is decided at its uses.
            if site.is_none() && full.starts_with("types.") {
                return false;
            }
            let rule = rule_of(kind);
            (rule, found(format!("`{full}` may not be used: {why}")).help(rule.fix))
        }
        MemberRuling::Leak(leaked) => (
            &BORROWED,
            found(format!("`{full}` is the module `{leaked}`, which `{module}` imported for itself"))
                .help(format!("write `import {leaked}`, if it is allowed")),
        ),
        MemberRuling::Private => {
            (&PRIVATE, found(format!("`{full}` is private to `{module}`")).help(PRIVATE.fix))
        }
        // The tables know every name of 3.11; a newer interpreter has names that nobody has ruled on.
        MemberRuling::Unknown if cx.policy.target() > PythonVersion::DEFAULT => (
            &DENIED,
            found(format!("nobody has ruled on `{full}` yet")).help("an operator can allow it by name"),
        ),
        MemberRuling::Unknown => {
            let found =
                found(format!("`{module}` has no public member `{member}` in Python {}", cx.policy.target()));
            let nearest = stdlib::nearest_member(module, member);
            (
                &UNKNOWN,
                match nearest {
                    Some(nearest) => found.help(format!("did you mean `{nearest}`?")),
                    None => found,
                },
            )
        }
    };
    cx.report(rule, range, found);
    true
}

const fn rule_of(kind: Kind) -> &'static Rule {
    match kind {
        Kind::Process => &PROCESS,
        Kind::Network => &NETWORK,
        Kind::Evaluator | Kind::Serialisation => &EVALUATOR,
        Kind::Frame => &FRAME,
        Kind::Hook => &HOOK,
        Kind::Reflection => &REFLECTION,
        Kind::Files => &FILES,
        Kind::Module | Kind::Private | Kind::Machinery => &PRIVATE,
        Kind::Native | Kind::System | Kind::Other => &DENIED,
    }
}

/// `isinstance(x, types.FunctionType)` and annotations do not make anything.
fn is_type_check(full: &str, site: &Expr, cx: &Context<'_, '_>) -> bool {
    full.starts_with("types.") && cx.is_only_looked_at(site)
}

/// Called on the spot, a decorator, a base class to look at, a type to check for, or the base of a
/// further attribute.
fn is_used_in_place(site: &Expr, cx: &Context<'_, '_>) -> bool {
    cx.module.called_by(site).is_some()
        || cx.is_only_looked_at(site)
        || matches!(
            cx.module.parent(site),
            Parent::Decorator(_) | Parent::Expr(Expr::Attribute(_)) | Parent::Pattern
        )
}

/// `type=Path`, `map(Path, names)`, `{"file": Path}`: what it is given is looked at with the call.
fn is_converter(site: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.module.parent(site) {
        Parent::Keyword(_) => true,
        Parent::Expr(parent) => {
            matches!(parent, Expr::Call(_) | Expr::Dict(_) | Expr::Tuple(_) | Expr::List(_))
        }
        _ => false,
    }
}

fn name(name: &ExprName, expr: &Expr, cx: &mut Context<'_, '_>) {
    let values = cx.values(expr);
    for value in &values.known {
        match value {
            Value::Module(module) => module_value(module, expr, cx),
            // What an import or a star brought under this name.
            Value::Member(full) => {
                if !is_plain_builtin(full)
                    && let Some((module, member)) = full.rsplit_once('.')
                    && came_by_import(name, expr, full, cx)
                {
                    from_import(module, member, expr, cx);
                }
            }
            _ => {}
        }
    }
}

/// `builtins.len`, and not `builtins.str.join`.
fn is_plain_builtin(full: &str) -> bool {
    full.strip_prefix("builtins.").is_some_and(|name| !name.contains('.'))
}

/// A name that an import binds is judged at the import, except for what depends on its use.
fn from_import(module: &str, member: &str, expr: &Expr, cx: &mut Context<'_, '_>) {
    let judged_at_use =
        matches!(cx.member_ruling(module, member), MemberRuling::Called { .. } | MemberRuling::Denied { .. });
    if judged_at_use {
        report_member(module, member, ruff_text_size::Ranged::range(expr), Some(expr), cx);
    }
}

fn came_by_import(name: &ExprName, expr: &Expr, full: &str, cx: &Context<'_, '_>) -> bool {
    let resolution = cx.module.resolve(&name.id, cx.scope(expr), name.range.start());
    resolution.bindings.is_empty()
        || resolution.bindings.iter().any(|id| match &cx.module.binding(*id).kind {
            BindingKind::ImportFrom { module, member } => {
                full.strip_prefix(&**module).and_then(|rest| rest.strip_prefix('.')) == Some(member)
            }
            _ => false,
        })
}

fn attribute(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let base = cx.values(&attribute.value);
    for module in base.modules() {
        let member = attribute.attr.as_str();
        let scope = cx.scope(expr);
        let mangled = cx.module.mangled(member, scope);
        let member = mangled.as_deref().unwrap_or(member);
        if stdlib::is_submodule(module, member) {
            let full = stdlib::dotted(module, member);
            if cx.module_ruling(&full) == ModuleRuling::Allowed {
                module_value(&full, expr, cx);
                continue;
            }
        }
        // A denied module was refused at its import; its members add nothing, unless it was
        // borrowed, which has no import.
        let ruling = cx.module_ruling(module);
        if ruling != ModuleRuling::Allowed {
            if let ModuleRuling::Denied { kind, why } = ruling
                && !matches!(&*attribute.value, Expr::Name(_))
            {
                cx.report(
                    imports::rule_of(kind),
                    attribute.attr.range,
                    Found::new(format!("`{module}.{member}` may not be used: {why}"))
                        .name(format!("{module}.{member}")),
                );
            }
            continue;
        }
        report_member(module, member, attribute.attr.range, Some(expr), cx);
    }
}

/// A module that stands anywhere but left of a dot.
fn module_value(module: &str, expr: &Expr, cx: &mut Context<'_, '_>) {
    let innocent = match cx.module.parent(expr) {
        Parent::Annotation => true,
        Parent::Expr(parent) => match parent {
            Expr::Attribute(_) => true,
            Expr::Compare(compare) => compare
                .ops
                .iter()
                .all(|op| matches!(op, ruff_python_ast::CmpOp::Is | ruff_python_ast::CmpOp::IsNot)),
            Expr::UnaryOp(unary) => unary.op == ruff_python_ast::UnaryOp::Not,
            Expr::Call(call) => {
                let first = call.arguments.args.first().is_some_and(|first| std::ptr::eq(first, expr));
                first
                    && matches!(&*call.func, Expr::Name(name)
                        if matches!(name.id.as_str(), "hasattr" | "getattr" | "bool" | "dir") && cx.is_surely_builtin(name, &call.func))
                    && (call.arguments.args.len() < 2
                        || matches!(module, "math" | "cmath")
                        || computed::is_log_level(call, cx)
                        || call.arguments.args.get(1).is_some_and(|name| {
                            let name = computed::names_asked(name, cx);
                            name.complete && name.texts().count() == name.known.len()
                        }))
            }
            _ => false,
        },
        Parent::Stmt(stmt) => matches!(stmt, Stmt::If(_) | Stmt::Expr(_) | Stmt::Delete(_) | Stmt::Assert(_)),
        _ => false,
    };
    if !innocent {
        let notes = cx.chain(expr, module);
        let shown = cx.excerpt(expr);
        cx.report(
            &MODULE_VALUE,
            ruff_text_size::Ranged::range(expr),
            Found {
                notes,
                ..Found::new(format!("`{shown}` is the module `{module}`, used as a value"))
                    .name(module)
                    .help("name the members that are needed: `module.member`")
            },
        );
    }
}
