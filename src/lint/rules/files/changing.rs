//! Functions and methods that change the file system: they remove, rename, make and write.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

use super::{
    RAW, READ, UNREADABLE_CALL, WRITE, is_stream, may_write, report_read, report_unreadable, report_write,
};
use crate::lint::context::Context;
use crate::lint::paths;
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Value};

/// Functions that change the file system: positions of the paths that they change.
const CHANGERS: &[(&str, &[usize])] = &[
    ("os.mkdir", &[0]),
    ("os.makedirs", &[0]),
    ("os.remove", &[0]),
    ("os.unlink", &[0]),
    ("os.rmdir", &[0]),
    ("os.removedirs", &[0]),
    ("os.rename", &[0, 1]),
    ("os.renames", &[0, 1]),
    ("os.replace", &[0, 1]),
    ("shutil.rmtree", &[0]),
    ("shutil.copy", &[1]),
    ("shutil.copy2", &[1]),
    ("shutil.copyfile", &[1]),
    ("shutil.copytree", &[1]),
    ("shutil.move", &[0, 1]),
    ("xml.etree.ElementTree.ElementTree.write", &[0]),
    ("xml.etree.ElementTree.parse.write", &[0]),
];

/// Methods of paths that change what is there.
pub(super) const CHANGING_METHODS: [&str; 8] =
    ["write_text", "write_bytes", "touch", "unlink", "rmdir", "mkdir", "chmod", "lchmod"];

pub(super) fn changed(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        if let Some((name, positions)) = CHANGERS.iter().find(|(known, _)| *known == &**name) {
            if cx.spreads(call) {
                report_unreadable(call, name, cx);
            }
            for position in *positions {
                let keywords: &[&str] =
                    if *position == 1 { &["dst", "name"] } else { &["path", "src", "name"] };
                let argument = keywords.iter().find_map(|keyword| cx.argument(call, *position, keyword));
                if let Some(argument) = argument
                    && !is_stream(argument, cx)
                {
                    changes(argument, argument.range(), name, cx);
                }
            }
        }
        match &**name {
            "os.open" => cx.report(
                &RAW,
                call.range(),
                Found::new("a file is opened as a bare descriptor").name("os.open").help("use `open`"),
            ),
            "os.write" if !call.arguments.args.first().is_some_and(|fd| is_open_file(fd, cx)) => cx.report(
                &RAW,
                call.range(),
                Found::new("a descriptor is written that is not a standard stream")
                    .name("os.write")
                    .help(RAW.fix),
            ),
            "argparse.FileType" => {
                let mode = cx.argument(call, 0, "mode").map(|mode| cx.values(mode));
                let reads = mode.is_none_or(|mode| {
                    mode.complete && mode.texts().count() == mode.known.len() && !may_write(mode)
                });
                if !reads || cx.spreads(call) || cx.argument(call, 1, "bufsize").is_some() {
                    cx.report(
                        &WRITE,
                        call.range(),
                        Found::new("an argument of the command line is opened for writing")
                            .name("argparse.FileType")
                            .help(WRITE.fix),
                    );
                }
            }
            "argparse.ArgumentParser" => {
                let prefix = call.arguments.find_keyword("fromfile_prefix_chars");
                if let Some(prefix) = prefix.filter(|keyword| !keyword.value.is_none_literal_expr()) {
                    cx.report(
                        &READ,
                        prefix.range(),
                        Found::new("arguments name files that are read")
                            .name("argparse.ArgumentParser")
                            .help("leave `fromfile_prefix_chars` out"),
                    );
                }
            }
            "fileinput.input" => {
                let wrong = ["inplace", "openhook", "backup", "mode"];
                let found = call
                    .arguments
                    .keywords
                    .iter()
                    .any(|keyword| keyword.arg.as_ref().is_none_or(|arg| wrong.contains(&arg.as_str())));
                if found || call.arguments.args.len() > 1 {
                    cx.report(
                        &WRITE,
                        call.range(),
                        Found::new("files are rewritten in place")
                            .name("fileinput.input")
                            .help("read with `fileinput.input(files)`"),
                    );
                }
            }
            other if other.starts_with("tempfile.") => temporary(call, cx),
            _ => {}
        }
    }
}

/// A descriptor of a standard stream or of a file that `open` opened and judged.
fn is_open_file(fd: &Expr, cx: &Context<'_, '_>) -> bool {
    let is_fileno = |expr: &Expr| {
        matches!(cx.values(expr).exactly(), Some(Value::Int(1 | 2)))
            || matches!(expr, Expr::Call(call) if call.arguments.is_empty()
                && matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "fileno"))
    };
    match fd {
        _ if is_fileno(fd) => true,
        Expr::Attribute(attribute) => {
            let stores = cx.module.attribute_stores.get(attribute.attr.as_str());
            stores.is_some_and(|stores| stores.iter().all(|store| store.value.is_some_and(is_fileno)))
        }
        Expr::Name(name) => {
            let bindings = cx.module.resolve(&name.id, cx.scope(fd), name.range.start()).bindings;
            !bindings.is_empty()
                && bindings.iter().all(|id| match &cx.module.binding(*id).kind {
                    BindingKind::Assign { value, path } => path.is_empty() && is_fileno(value),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// `tempfile` makes files in the temporary folder unless it is told otherwise.
fn temporary(call: &ExprCall, cx: &mut Context<'_, '_>) {
    if cx.spreads(call) {
        cx.report(
            &UNREADABLE_CALL,
            call.range(),
            Found::new("a temporary file with arguments that are not written out"),
        );
    }
    // The first argument is a mode or a suffix; behind it come `buffering` and `dir`.
    if call.arguments.args.len() > 1 {
        cx.report(
            &WRITE,
            call.range(),
            Found::new("a temporary file is given arguments by position").help("name the arguments"),
        );
    }
    for keyword in &call.arguments.keywords {
        let Some(name) = keyword.arg.as_ref().map(|arg| arg.as_str()) else {
            continue;
        };
        let wrong = match name {
            "dir" => {
                let guess = paths::guess(&keyword.value, cx);
                !keyword.value.is_none_literal_expr()
                    && (guess.texts.is_empty() || guess.unwritable().is_some() || !guess.complete)
            }
            "prefix" | "suffix" => {
                let values = cx.values(&keyword.value);
                let harmless = cx
                    .module
                    .literal_prefix(&keyword.value, 0)
                    .is_some_and(|prefix| !prefix.contains('/') && values.complete);
                !(harmless || keyword.value.is_none_literal_expr())
            }
            "buffering" => true,
            _ => false,
        };
        if wrong {
            cx.report(
                &WRITE,
                keyword.range(),
                Found::new(format!("`{name}` takes the file out of the temporary folder"))
                    .help("leave the argument out"),
            );
        }
    }
}

pub(super) fn method(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Attribute(method) = &*call.func else {
        return;
    };
    let name = method.attr.as_str();
    let paths_around = cx.mentions("pathlib.Path") || cx.mentions("pathlib");
    if !paths_around {
        return;
    }
    let (path, place) = (&*method.value, method.attr.range);
    if matches!(name, "read_text" | "read_bytes" | "iterdir" | "open" | "glob" | "rglob" | "stat" | "lstat") {
        report_read(path, &paths::guess(path, cx), place, name, cx);
    }
    if CHANGING_METHODS.contains(&name) {
        if !matches!(cx.values(path).exactly(), Some(Value::Object(_))) {
            changes(path, place, name, cx);
        }
    } else if matches!(name, "rename" | "replace") {
        // Text has a `replace` too; a receiver that is surely a path is one made by `Path`.
        let is_path = cx
            .values(path)
            .known
            .iter()
            .any(|value| matches!(value, Value::Instance(name) if &**name == "pathlib.Path"));
        if is_path {
            changes(path, place, name, cx);
            if let Some(target) = call.arguments.args.first() {
                changes(target, target.range(), name, cx);
            }
        }
    } else if name == "open" && cx.values(&call.func).members().all(|name| &**name != "pathlib.Path.open") {
        let guess = paths::guess(path, cx);
        if cx.argument(call, 0, "mode").is_some_and(|mode| may_write(cx.values(mode)))
            && !guess.texts.is_empty()
        {
            report_write(path, &guess, place, name, cx);
        }
    }
}

/// Judges a path that a call changes.
fn changes(path: &Expr, place: TextRange, name: &str, cx: &mut Context<'_, '_>) {
    report_write(path, &paths::guess(path, cx), place, name, cx);
}
