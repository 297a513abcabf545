//! What lies below a stream, and methods that change files taken as values.

use ruff_python_ast::{Expr, ExprAttribute, ExprContext, Stmt};

use super::RAW;
use super::changing::CHANGING_METHODS;
use crate::lint::context::Context;
use crate::lint::rules::attribute_dictionaries::is_parsed_arguments;
use crate::lint::verdict::Found;
use crate::python::analysis::Parent;

pub(super) fn raw(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let name = attribute.attr.as_str();
    if attribute.ctx != ExprContext::Load || !matches!(name, "raw" | "detach") {
        return;
    }
    let binary = cx.module.all_exprs().iter().any(|info| match info.expr {
        Expr::Attribute(attribute) => attribute.attr.as_str() == "buffer",
        _ => false,
    }) || [
        "builtins.open",
        "io.open",
        "codecs.open",
        "tempfile.TemporaryFile",
        "tempfile.NamedTemporaryFile",
        "gzip.open",
        "io.TextIOWrapper",
    ]
    .into_iter()
    .any(|name| cx.mentions(name));
    let library = ["weakref.finalize"].into_iter().any(|name| cx.mentions(name));
    let own = cx.module.own_attributes.contains(name);
    let known_own = own
        && matches!(&*attribute.value, Expr::Name(name) if cx.module.is_receiver(&name.id, cx.scope(expr)));
    // `stream.detach()` as a statement of its own leaves the file to its owner.
    let dropped = name == "detach"
        && matches!(cx.module.parent(expr), Parent::Expr(call)
            if call.is_call_expr() && matches!(cx.module.parent(call), Parent::Stmt(Stmt::Expr(_))));
    if (own && !binary)
        || dropped
        || is_parsed_arguments(&attribute.value, cx)
        || known_own
        || (library && name == "detach")
        || (name == "detach" && cx.module.called_by(expr).is_none())
    {
        return;
    }
    cx.report(
        &RAW,
        attribute.attr.range,
        Found::new(format!("`.{name}` may be the raw file below a stream")).name(name).help(RAW.fix),
    );
}

/// A method that changes files, taken without calling it.
pub(super) fn method_value(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let name = attribute.attr.as_str();
    let changes =
        CHANGING_METHODS.contains(&name) || matches!(name, "symlink_to" | "hardlink_to" | "extractall");
    let library =
        || cx.mentions("pathlib.Path") || cx.mentions("zipfile.ZipFile") || cx.mentions("tarfile.open");
    if attribute.ctx != ExprContext::Load || !changes || !library() || cx.module.own_attributes.contains(name)
    {
        return;
    }
    if cx.module.called_by(expr).is_none() {
        cx.report(
            &RAW,
            attribute.attr.range,
            Found::new(format!("`.{name}` is used without calling it"))
                .name(name)
                .help("call it where it is named"),
        );
    }
}
