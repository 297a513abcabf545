//! PC7xx: what changes the library, or makes the library do something on its own.

use ruff_python_ast::{Expr, ExprAttribute, ExprContext, ExprName, Operator, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::names;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{Parent, ScopeId, ScopeKind, Value};

pub(super) static LIBRARY_STORE: Rule = Rule {
    code: "PC701",
    name: "library-store",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "An assignment to an attribute of a module or a class of the standard library, except `sys.stdin`, \
           `sys.stdout` and `sys.stderr`.",
    why: "It changes what the library does for everybody in the process.",
    refused: "import json\njson.loads = print\n",
    passes: "import io, sys\nsys.stdout = io.StringIO()\n",
    fix: "Write a function or a subclass of your own.",
    on: &[On::Attribute(store)],
};

pub(super) static REDUCE: Rule = Rule {
    code: "PC702",
    name: "reduce-hook",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "A class whose `__reduce__` or `__reduce_ex__` returns more than a constructor and its arguments.",
    why: "`copy` stores attributes by the names that they return, on whatever they make.",
    refused: "class A:\n    def __reduce__(self):\n        return (A, (), {'x': 1})\n",
    passes: "class A:\n    def __reduce__(self):\n        return (A, ())\n",
    fix: "Define `__copy__` or `__deepcopy__`.",
    on: &[On::Stmt(class_body), On::Name(class_name)],
};

pub(super) static METADATA: Rule = Rule {
    code: "PC703",
    name: "metadata-store",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "An assignment to what the library reads as code or as names of attributes: `__annotations__`, \
           `__match_args__`, `__dataclass_fields__`, `__module__`, and `__doc__` where docstrings are run.",
    why: "What is stored there becomes source text or the name of an attribute.",
    refused: "class A:\n    __match_args__ = tuple(input())\n",
    passes: "class A:\n    __match_args__ = ('x', 'y')\n",
    fix: "Leave them to Python.",
    on: &[],
};

pub(super) static ENVIRONMENT: Rule = Rule {
    code: "PC704",
    name: "environment-access",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "`os.environ` used for more than looking up a constant name.",
    why: "The environment may hold secrets, and what is stored there steers other programs.",
    refused: "import os\nprint(dict(os.environ))\n",
    passes: "import os\nprint(os.environ.get('HOME'), 'PATH' in os.environ)\n",
    fix: "Write `os.environ.get('NAME')`.",
    on: &[On::Attribute(environment), On::LibraryName(environment_name)],
};

pub(super) static NAMESPACE: Rule = Rule {
    code: "PC705",
    name: "class-namespace-hook",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "A metaclass with `__prepare__`.",
    why: "It puts names into the body of a class that no reader sees.",
    refused: "class M(type):\n    @classmethod\n    def __prepare__(mcs, name, bases):\n        return {}\n",
    passes: "class M(type):\n    def __new__(mcs, name, bases, namespace):\n        return super().__new__(mcs, name, bases, \
             namespace)\n",
    fix: "Class bodies keep their order by themselves.",
    on: &[],
};

pub(super) static REDIRECT: Rule = Rule {
    code: "PC706",
    name: "redirected-attribute",
    family: Family::Hooks,
    severity: Severity::Error,
    what: "An attribute `_stream` in a file that uses `contextlib.redirect_stdout`.",
    why: "It says which attribute of `sys` is read and replaced.",
    refused: "from contextlib import redirect_stdout\nr = redirect_stdout(None)\nr._stream = 'modules'\n",
    passes: "import io\nfrom contextlib import redirect_stdout\nwith redirect_stdout(io.StringIO()):\n    print(1)\n",
    fix: "Give your own attribute another name.",
    on: &[],
};

fn store(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let name = attribute.attr.as_str();
    if attribute.ctx == ExprContext::Load {
        return;
    }
    let values = cx.values(&attribute.value);
    for value in &values.known {
        let owner = match value {
            Value::Module(module) => {
                if &**module == "sys" && matches!(name, "stdin" | "stdout" | "stderr") {
                    continue;
                }
                // Arguments for a parser. Who reads more into them (`unittest.main`) looks for this.
                if &**module == "sys" && name == "argv" && assigned_value(expr, cx).is_some_and(is_list) {
                    continue;
                }
                module
            }
            // The library's manual says to set these before threads begin.
            Value::Member(member)
                if matches!(
                    &**member,
                    "decimal.DefaultContext" | "decimal.BasicContext" | "decimal.ExtendedContext"
                ) && matches!(name, "prec" | "rounding" | "Emin" | "Emax" | "capitals" | "clamp") =>
            {
                continue;
            }
            Value::Member(member) => member,
            _ => continue,
        };
        let full = format!("{owner}.{name}");
        cx.report(
            &LIBRARY_STORE,
            expr.range(),
            Found::new(format!("`{full}` belongs to the library")).name(full).help(LIBRARY_STORE.fix),
        );
    }
    stored_name(name, attribute.attr.range, assigned_value(expr, cx), cx);
}

/// Surely a new list of the source: a display, a sum with one, a text that is split, a copy.
fn is_list(value: &Expr) -> bool {
    match value {
        Expr::List(_) | Expr::ListComp(_) => true,
        Expr::BinOp(sum) => sum.op == Operator::Add && is_list(&sum.left) && is_list(&sum.right),
        Expr::Subscript(part) => part.slice.is_slice_expr(),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) => method.attr.as_str() == "split",
            Expr::Name(name) => name.id == "list",
            _ => false,
        },
        _ => false,
    }
}

/// What a plain assignment stores in `target`.
fn assigned_value<'a>(target: &Expr, cx: &Context<'a, '_>) -> Option<&'a Expr> {
    match cx.module.parent(target) {
        Parent::Stmt(Stmt::Assign(assign)) => Some(&assign.value),
        Parent::Stmt(Stmt::AnnAssign(assign)) => assign.value.as_deref(),
        _ => None,
    }
}

/// A name that the library gives a meaning to, bound in a class body or stored on an object.
fn stored_name(name: &str, range: TextRange, value: Option<&Expr>, cx: &mut Context<'_, '_>) {
    let (rule, why) = match name {
        "__reduce__" | "__reduce_ex__" => {
            if returns_pairs(name, range, cx) {
                return;
            }
            (&REDUCE, "`copy` stores the attributes that it returns")
        }
        "__prepare__" => (&NAMESPACE, "it makes the namespace of a class"),
        "__annotations__"
        | "__dataclass_fields__"
        | "__dataclass_params__"
        | "__text_signature__"
        | "__signature__" => (&METADATA, "it becomes code or names of attributes"),
        "__match_args__" => {
            let constant = value.is_some_and(|value| {
                cx.values(value).elements().is_some_and(|names| {
                    names.iter().all(|name| {
                        name.as_text().is_some_and(|name| {
                            names::wrong(name, |_| true).is_none() && !names::is_dunder(name)
                        })
                    })
                })
            });
            if constant {
                return;
            }
            (&METADATA, "it names attributes that are read")
        }
        "_stream" => {
            if !cx.mentions("contextlib.redirect_stdout") && !cx.mentions("contextlib.redirect_stderr") {
                return;
            }
            (&REDIRECT, "it says which attribute of `sys` is redirected")
        }
        "__module__" => {
            let copied = value.is_some_and(|value| {
                matches!(value, Expr::Attribute(attribute) if attribute.attr.as_str() == "__module__")
                    || matches!(value, Expr::Name(name) if name.id == "__name__")
            });
            if copied {
                return;
            }
            (&METADATA, "it names a module that is looked up")
        }
        "__doc__" => {
            let run = cx.mentions("doctest.testmod") || cx.mentions("doctest.run_docstring_examples");
            if !run {
                return;
            }
            (&METADATA, "this file runs its docstrings")
        }
        _ => return,
    };
    cx.report(rule, range, Found::new(format!("`{name}` is set: {why}")).name(name).help(rule.fix));
}

/// A constructor and its arguments make an object and nothing else; a third part is a state, whose
/// attributes are stored by name.
fn returns_pairs(name: &str, range: TextRange, cx: &Context<'_, '_>) -> bool {
    let function = cx.module.all_functions().iter().find(|function| {
        function.name() == name
            && matches!(function.node, crate::python::analysis::FunctionNode::Def(def) if def.name.range == range)
    });
    function.is_some_and(|function| {
        !function.returns.is_empty()
            && function.returns.iter().all(|value| match value {
                Expr::Tuple(tuple) => tuple.elts.len() == 2 && !tuple.elts.iter().any(Expr::is_starred_expr),
                _ => false,
            })
    })
}

/// Definitions in the body of a class.
fn class_body(stmt: &Stmt, scope: ScopeId, cx: &mut Context<'_, '_>) {
    if !matches!(cx.module.scope(scope).kind, ScopeKind::Class(_)) {
        return;
    }
    match stmt {
        Stmt::FunctionDef(function) => stored_name(&function.name, function.name.range, None, cx),
        Stmt::ClassDef(class) => stored_name(&class.name, class.name.range, None, cx),
        Stmt::ImportFrom(import) => {
            for alias in &import.names {
                let name = alias.asname.as_ref().unwrap_or(&alias.name);
                stored_name(name, name.range, None, cx);
            }
        }
        _ => {}
    }
}

fn class_name(name: &ExprName, expr: &Expr, cx: &mut Context<'_, '_>) {
    if name.ctx == ExprContext::Load {
        return;
    }
    let scope = cx.scope(expr);
    if matches!(cx.module.scope(scope).kind, ScopeKind::Class(_)) {
        stored_name(&name.id, name.range, assigned_value(expr, cx), cx);
    }
}

fn environment(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    if attribute.attr.as_str() == "environ" {
        environment_use(expr, cx);
    }
}

fn environment_name(_: &ExprName, expr: &Expr, cx: &mut Context<'_, '_>) {
    environment_use(expr, cx);
}

fn environment_use(expr: &Expr, cx: &mut Context<'_, '_>) {
    if !cx.may_be(expr, "os.environ") {
        return;
    }
    let harmless = match cx.module.parent(expr) {
        Parent::Expr(parent) => match parent {
            outer @ Expr::Attribute(method) => {
                method.attr.as_str() == "get"
                    && cx.module.called_by(outer).is_some_and(|call| {
                        !cx.spreads(call) && call.arguments.args.first().is_some_and(|key| is_text(key, cx))
                    })
            }
            Expr::Subscript(subscript) => subscript.ctx == ExprContext::Load && is_text(&subscript.slice, cx),
            Expr::Compare(compare) => compare
                .ops
                .iter()
                .all(|op| matches!(op, ruff_python_ast::CmpOp::In | ruff_python_ast::CmpOp::NotIn)),
            _ => false,
        },
        _ => false,
    };
    if !harmless {
        cx.report(
            &ENVIRONMENT,
            expr.range(),
            Found::new("the environment is used as a whole").name("os.environ").help(ENVIRONMENT.fix),
        );
    }
}

fn is_text(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(expr);
    values.complete && !values.known.is_empty() && values.texts().count() == values.known.len()
}
