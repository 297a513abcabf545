//! `open` and the like: which path, in which mode, and whether it is a path at all.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::{RAW, is_stream, may_write, report_read, report_unreadable, report_write};
use crate::lint::context::Context;
use crate::lint::paths;
use crate::lint::verdict::Found;
use crate::python::analysis::Value;

/// Name, path, mode, and the mode that is meant without one.
type Opener = (&'static str, (usize, &'static str), (usize, &'static str), &'static str);

/// Functions that open one path with a mode: the position of the path and the mode, their keywords,
/// and the mode that is meant without one.
pub(super) const OPENERS: &[Opener] = &[
    ("builtins.open", (0, "file"), (1, "mode"), "r"),
    ("io.open", (0, "file"), (1, "mode"), "r"),
    ("codecs.open", (0, "filename"), (1, "mode"), "r"),
    ("gzip.open", (0, "filename"), (1, "mode"), "r"),
    ("gzip.GzipFile", (0, "filename"), (1, "mode"), "r"),
    ("bz2.open", (0, "filename"), (1, "mode"), "r"),
    ("bz2.BZ2File", (0, "filename"), (1, "mode"), "r"),
    ("lzma.open", (0, "filename"), (1, "mode"), "r"),
    ("lzma.LZMAFile", (0, "filename"), (1, "mode"), "r"),
    ("wave.open", (0, "f"), (1, "mode"), "r"),
    ("wave.Wave_write", (0, "f"), (9, ""), "w"),
    ("tarfile.open", (0, "name"), (1, "mode"), "r"),
    ("tarfile.TarFile", (0, "name"), (1, "mode"), "r"),
    ("tarfile.TarFile.open", (0, "name"), (1, "mode"), "r"),
    ("zipfile.ZipFile", (0, "file"), (1, "mode"), "r"),
    ("os.fdopen", (0, "fd"), (1, "mode"), "r"),
    ("logging.FileHandler", (0, "filename"), (9, ""), "a"),
    ("logging.basicConfig", (9, "filename"), (9, ""), "a"),
    ("pathlib.Path.open", (9, ""), (0, "mode"), "r"),
];

pub(super) fn opened(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        let Some((name, (at, path), (mode_at, mode), default)) =
            OPENERS.iter().find(|(known, ..)| *known == &**name)
        else {
            continue;
        };
        if cx.spreads(call) && !name.starts_with("logging.") {
            report_unreadable(call, name, cx);
            continue;
        }
        descriptor_arguments(call, name, cx);
        let (writes, known_mode) = match cx.argument(call, *mode_at, mode) {
            None => (default.contains(['w', 'a']), true),
            Some(mode) => {
                let modes = cx.values(mode);
                let known = modes.complete && modes.texts().count() == modes.known.len();
                (may_write(modes), known && !modes.known.is_empty())
            }
        };
        let target = match (cx.argument(call, *at, path), &*call.func) {
            (Some(target), _) => target,
            (None, Expr::Attribute(method)) if name.starts_with("pathlib.") => &*method.value,
            (None, _) => continue,
        };
        if is_descriptor(target, name, cx) || is_stream(target, cx) {
            continue;
        }
        let guess = paths::guess(target, cx);
        report_read(target, &guess, target.range(), name, cx);
        if writes || !known_mode {
            report_write(target, &guess, target.range(), name, cx);
        }
    }
}

/// Opening a number: only the three standard streams. Whether it is one.
fn is_descriptor(target: &Expr, name: &str, cx: &mut Context<'_, '_>) -> bool {
    let values = cx.values(target);
    let numbers: Vec<i128> = values
        .known
        .iter()
        .filter_map(|value| match value {
            Value::Int(number) => Some(*number),
            Value::Bool(number) => Some(i128::from(*number)),
            _ => None,
        })
        .collect();
    if numbers.iter().any(|number| !(0..=2).contains(number)) {
        cx.report(
            &RAW,
            target.range(),
            Found::new("a file descriptor is opened that is not a standard stream").name(name).help(RAW.fix),
        );
    }
    !numbers.is_empty()
}

/// `opener=` and `buffering=0`.
fn descriptor_arguments(call: &ExprCall, name: &str, cx: &mut Context<'_, '_>) {
    if !matches!(name, "builtins.open" | "io.open" | "codecs.open" | "os.fdopen" | "pathlib.Path.open") {
        return;
    }
    let opener = cx.argument(call, 7, "opener").filter(|opener| !opener.is_none_literal_expr());
    let buffering = match name {
        "pathlib.Path.open" => 1,
        "codecs.open" => 4,
        _ => 2,
    };
    let unbuffered = cx.argument(call, buffering, "buffering").filter(|buffering| {
        let values = cx.values(buffering);
        !values.complete
            || values.known.iter().any(|value| matches!(value, Value::Int(0) | Value::Bool(false)))
    });
    for argument in [opener, unbuffered].into_iter().flatten() {
        cx.report(
            &RAW,
            argument.range(),
            Found::new("the raw file below `open` is asked for").name(name).help("leave the argument out"),
        );
    }
}
