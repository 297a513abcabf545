//! The one walk: every node of the analysed source to every rule that looks there.

use std::rc::Rc;
use std::sync::LazyLock;

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprContext, ExprName, Pattern, Stmt};

use super::context::{Context, Mentioned, Place};
use super::rule::On;
use super::verdict::Findings;
use super::{Policy, rules};
use crate::diagnostic::Span;
use crate::python::Source;
use crate::python::analysis::{Fuel, Module, ScopeId, Value, Values};

/// What all rules cost that look at one node, beside what the analysis itself counts.
const PER_NODE: u64 = 4;

/// Strings of code within strings of code that are followed.
const MAX_DEPTH: u32 = 3;

struct Name {
    check: fn(&ExprName, &Expr, &mut Context<'_, '_>),
    library: bool,
}

struct Call {
    check: fn(&ExprCall, &mut Context<'_, '_>),
    /// Whether it looks at calls of the library alone.
    library: bool,
}

#[derive(Default)]
struct Table {
    names: Vec<Name>,
    attributes: Vec<fn(&ExprAttribute, &Expr, &mut Context<'_, '_>)>,
    calls: Vec<Call>,
    exprs: Vec<fn(&Expr, &mut Context<'_, '_>)>,
    stmts: Vec<fn(&Stmt, ScopeId, &mut Context<'_, '_>)>,
    patterns: Vec<fn(&Pattern, &mut Context<'_, '_>)>,
    modules: Vec<fn(&mut Context<'_, '_>)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for on in rules().iter().flat_map(|rule| rule.on) {
        match on {
            On::Name(check) => table.names.push(Name { check: *check, library: false }),
            On::LibraryName(check) => table.names.push(Name { check: *check, library: true }),
            On::Attribute(check) => table.attributes.push(*check),
            On::Call(check) => table.calls.push(Call { check: *check, library: false }),
            On::LibraryCall(check) => table.calls.push(Call { check: *check, library: true }),
            On::Expr(check) => table.exprs.push(*check),
            On::Stmt(check) => table.stmts.push(*check),
            On::Pattern(check) => table.patterns.push(*check),
            On::Module(check) => table.modules.push(*check),
        }
    }
    table
});

/// Analyses a source and applies every rule to it.
pub(super) fn walk(
    body: &[Stmt],
    source: &Source,
    policy: &Policy,
    findings: &mut Findings,
    fuel: &Rc<Fuel>,
) {
    let module = Module::new(body, None, fuel);
    let mentioned = mentioned(&module);
    visit(&module, source.text(), policy, Place::Source(source), findings, &mentioned, 0);
}

/// A piece of code in a string, analysed as if it stood in the module of `outer`.
fn walk_string(text: &str, span: Span, what: &'static str, outer: &mut Context<'_, '_>) -> Result<(), ()> {
    if outer.depth >= MAX_DEPTH {
        return Err(());
    }
    let body = crate::python::parse::parse_module(text, outer.policy.target()).map_err(drop)?;
    let module = Module::new(&body, Some(outer.module), outer.module.fuel());
    let mut mentioned = mentioned(&module);
    outer.module.fuel().spend_for(outer.mentioned.len());
    outer.mentioned.iter().for_each(|name| mentioned.insert(name));
    visit(
        &module,
        text,
        outer.policy,
        Place::Within { span, what },
        outer.findings,
        &mentioned,
        outer.depth + 1,
    );
    Ok(())
}

fn visit(
    module: &Module<'_>,
    text: &str,
    policy: &Policy,
    place: Place<'_>,
    findings: &mut Findings,
    mentioned: &Mentioned,
    depth: u32,
) {
    let table = &*TABLE;
    let cx = &mut Context { module, text, policy, place, findings, mentioned, depth, walk_code: walk_string };
    for check in &table.modules {
        check(cx);
    }
    let fuel = module.fuel();
    for (stmt, scope) in &module.stmts {
        if fuel.is_spent() {
            return;
        }
        fuel.spend(PER_NODE);
        for check in &table.stmts {
            check(stmt, *scope, cx);
        }
    }
    for info in &module.exprs {
        if fuel.is_spent() {
            return;
        }
        fuel.spend(PER_NODE);
        match info.expr {
            Expr::Name(name) => {
                let library = name.ctx == ExprContext::Load && is_of_library(cx.values(info.expr));
                for rule in table.names.iter().filter(|rule| library || !rule.library) {
                    (rule.check)(name, info.expr, cx);
                }
                continue;
            }
            Expr::Attribute(attribute) => {
                for check in &table.attributes {
                    check(attribute, info.expr, cx);
                }
                continue;
            }
            Expr::Call(call) => {
                let library = cx.values(&call.func).members().next().is_some();
                for rule in table.calls.iter().filter(|rule| library || !rule.library) {
                    (rule.check)(call, cx);
                }
            }
            _ => {}
        }
        for check in &table.exprs {
            check(info.expr, cx);
        }
    }
    for (pattern, _) in &module.patterns {
        for check in &table.patterns {
            check(pattern, cx);
        }
    }
}

fn is_of_library(values: &Values) -> bool {
    values.known.iter().any(|value| matches!(value, Value::Member(_) | Value::Module(_)))
}

/// Every qualified name of the library that the source loads.
fn mentioned(module: &Module<'_>) -> Mentioned {
    let mut found = Mentioned::default();
    for info in &module.exprs {
        let load = match info.expr {
            Expr::Name(name) => name.ctx == ExprContext::Load,
            Expr::Attribute(attribute) => attribute.ctx == ExprContext::Load,
            // `getattr(module, "member")`
            Expr::Call(call) => matches!(&*call.func, Expr::Name(name) if name.id == "getattr"),
            _ => false,
        };
        if load {
            for value in &module.values(info.expr).known {
                if let Value::Member(name) | Value::Module(name) = value {
                    found.insert(name);
                }
            }
        }
    }
    found
}
