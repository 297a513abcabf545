//! Sensitive paths wherever the library takes one, and their names in a source that opens files whose
//! names cannot be seen.

use std::borrow::Cow;

use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged;

use super::opening::OPENERS;
use super::{READ, report_read};
use crate::lint::context::Context;
use crate::lint::paths::{self, Guess};
use crate::lint::verdict::Found;
use crate::python::analysis::{Parent, Value};

/// Functions whose path arguments are read; of the others the first is.
const READERS: &[&str] = &[
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.stat",
    "os.lstat",
    "os.access",
    "glob.glob",
    "glob.iglob",
    "linecache.getline",
    "linecache.getlines",
    "fileinput.input",
    "xml.etree.ElementTree.parse",
    "xml.etree.ElementTree.iterparse",
    "xml.dom.minidom.parse",
    "configparser.ConfigParser.read",
    "configparser.RawConfigParser.read",
    "filecmp.cmp",
    "filecmp.dircmp",
    "zipfile.Path",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copyfile",
    "shutil.copytree",
    "shutil.disk_usage",
    "tomllib.load",
    "os.open",
    "os.path.exists",
    "os.path.isfile",
    "os.path.isdir",
    "os.path.getsize",
    "wave.Wave_read",
    "os.path.getmtime",
    "os.path.getatime",
    "os.path.getctime",
    "os.path.islink",
    "os.path.lexists",
    "os.path.realpath",
    "os.path.samefile",
    "os.path.ismount",
    "zoneinfo.ZoneInfo",
    "xml.etree.ElementTree.ElementTree",
    "xml.etree.ElementTree.ElementTree.parse",
    "zipfile.is_zipfile",
    "tarfile.is_tarfile",
    "pathlib.Path.rglob",
    "os.readlink",
    "zipfile.ZipFile.write",
    "tarfile.TarFile.add",
    "tarfile.open.add",
    "warnings.formatwarning",
    "warnings.warn_explicit",
    "filecmp.cmpfiles",
];

fn given(call: &ExprCall) -> impl Iterator<Item = &Expr> {
    call.arguments.args.iter().chain(call.arguments.keywords.iter().map(|keyword| &keyword.value))
}

/// `map(Path, names)`, `add_argument("--file", type=Path, default=…)`
pub(super) fn given_to_path(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let paths_around = cx.mentions("pathlib.Path") || cx.mentions("pathlib");
    if !paths_around || !given(call).any(|argument| cx.may_be(argument, "pathlib.Path")) {
        return;
    }
    for argument in given(call) {
        for guess in guesses(argument, cx) {
            report_read(argument, &guess, argument.range(), "pathlib.Path", cx);
        }
    }
}

/// A sensitive path, wherever the library takes one.
pub(super) fn path(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        let is_path = matches!(&**name, "pathlib.Path" | "pathlib.PosixPath");
        if !is_path && !READERS.contains(&&**name) {
            continue;
        }
        let name = name.to_string();
        if is_path {
            let Some(expr) = cx.module.expr_of(call) else {
                continue;
            };
            // A folder that is only looked at for its parts (`Path('/a/b').name`) is read by nobody,
            // but telling that apart is not worth a hole.
            let mut guess = paths::guess(expr, cx);
            guess.texts.retain(|known| known.text != "/" || !known.prefix);
            if guess.texts.iter().any(|known| known.text != "/") {
                report_read(expr, &guess, call.range(), &name, cx);
            }
            continue;
        }
        for argument in given(call) {
            for mut guess in guesses(argument, cx) {
                if name.starts_with("glob.") {
                    guess.texts.iter_mut().for_each(|known| known.text = fixed_part(&known.text));
                }
                report_read(argument, &guess, argument.range(), &name, cx);
            }
        }
    }
}

/// Folders and files whose names have no other use than to open them.
const KERNEL: [&str; 9] = [
    "/proc/",
    "/sys/",
    "/run/secrets",
    "/var/run/",
    "/root/.",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/etc/machine-id",
];

/// The name of such a file, in a source that opens files whose names cannot be seen.
pub(super) fn kernel_text(expr: &Expr, cx: &mut Context<'_, '_>) {
    let text = match expr {
        Expr::StringLiteral(literal) => Cow::Borrowed(literal.value.to_str()),
        Expr::BytesLiteral(literal) => {
            let bytes: Vec<u8> = literal.value.bytes().collect();
            Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
        }
        Expr::BinOp(_) | Expr::Call(_) | Expr::FString(_) => match cx.values(expr).as_text() {
            Some(text) => Cow::Owned(text.to_owned()),
            None => return,
        },
        _ => return,
    };
    if !text.starts_with('/')
        || !KERNEL.iter().any(|name| text.starts_with(name))
        || text.contains(char::is_whitespace)
    {
        return;
    }
    let documents = matches!(cx.module.parent(expr), Parent::Stmt(Stmt::Expr(_)));
    if !documents && !is_judged_as_path(expr, cx) && opens_computed_paths(cx) {
        cx.report(
            &READ,
            expr.range(),
            Found::new(format!("`{text}` stands in a source that opens files whose names are computed"))
                .help(READ.fix),
        );
    }
}

fn opens_computed_paths(cx: &Context<'_, '_>) -> bool {
    cx.module.all_exprs().iter().any(|info| {
        let Expr::Call(call) = info.expr else {
            return false;
        };
        if let Expr::Attribute(method) = &*call.func
            && matches!(method.attr.as_str(), "read_text" | "read_bytes" | "iterdir" | "open")
            && !paths::guess(&method.value, cx).complete
        {
            return true;
        }
        let values = cx.values(&call.func);
        values.members().any(|name| {
            let lazy = matches!(&**name, "argparse.FileType" | "fileinput.input");
            lazy || (takes_path(name)
                && call.arguments.args.first().is_none_or(|path| !paths::guess(path, cx).complete))
        })
    })
}

fn takes_path(name: &str) -> bool {
    name.starts_with("pathlib.")
        || READERS.contains(&name)
        || OPENERS.iter().any(|(known, ..)| *known == name)
}

/// Whether a text is an argument of a call that takes paths, where it was judged already.
fn is_judged_as_path(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    match cx.module.parent(expr) {
        Parent::Expr(Expr::Call(call)) => cx.values(&call.func).members().any(|name| takes_path(name)),
        _ => false,
    }
}

/// The folders of a pattern before the first one with a wildcard.
fn fixed_part(pattern: &str) -> String {
    match pattern.find(['*', '?', '[']).map(|wild| &pattern[..wild]) {
        None => pattern.to_owned(),
        Some(fixed) => fixed.rfind('/').map_or_else(String::new, |end| fixed[..=end].to_owned()),
    }
}

/// What an argument may be as a path, or its elements as paths.
fn guesses(argument: &Expr, cx: &Context<'_, '_>) -> Vec<Guess> {
    let values = cx.values(argument);
    match (values.exactly(), values.elements()) {
        (Some(Value::Sequence(_) | Value::Dict(_)), Some(elements)) => {
            elements.iter().filter_map(|element| element.as_text()).map(paths::of_text).collect()
        }
        _ => vec![paths::guess(argument, cx)],
    }
}
