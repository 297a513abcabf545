//! Archives that are unpacked, and links.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::EXTRACTION;
use crate::lint::context::Context;
use crate::lint::paths;
use crate::lint::verdict::Found;

pub(super) fn extraction(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Attribute(method) = &*call.func else {
        return;
    };
    let name = method.attr.as_str();
    if !matches!(name, "extract" | "extractall" | "symlink_to" | "hardlink_to" | "link_to") {
        return;
    }
    let archives =
        ["zipfile.ZipFile", "tarfile.open", "tarfile.TarFile"].into_iter().any(|name| cx.mentions(name));
    let links = cx.mentions("pathlib.Path") && matches!(name, "symlink_to" | "hardlink_to" | "link_to");
    let extracts = archives && matches!(name, "extract" | "extractall");
    if !links && !extracts {
        return;
    }
    if !links {
        let at = usize::from(name == "extract");
        let target = cx.argument(call, at, "path").map(|path| paths::guess(path, cx));
        let inside = target.is_some_and(|target| {
            target.complete && !target.texts.is_empty() && target.unwritable().is_none()
        });
        let tar = cx.mentions("tarfile.open") || cx.mentions("tarfile.TarFile");
        let filtered = call
            .arguments
            .find_keyword("filter")
            .is_some_and(|keyword| cx.values(&keyword.value).as_text() == Some("data"));
        if inside && (!tar || filtered) {
            return;
        }
    }
    cx.report(
        &EXTRACTION,
        call.range(),
        Found::new(format!("`{name}` leads out of the folder that it seems to be in"))
            .name(name)
            .help(EXTRACTION.fix),
    );
}
