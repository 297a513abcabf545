//! PC6xx: files. An agent runs in a folder of its own that is thrown away, so relative paths and
//! the temporary folder are its own; nothing else is.

use std::borrow::Cow;

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprContext, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::attributes;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::paths::{self, Guess};
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, Parent, Value};

pub(super) static WRITE: Rule = Rule {
    code: "PC601",
    name: "file-write",
    family: Family::Files,
    severity: Severity::Error,
    what: "A file opened for writing, or a folder made, outside of the working directory and the temporary folder.",
    why: "Whatever an agent leaves behind could reach the next one.",
    refused: "open('/dev/shm/out.txt', 'w')\n",
    passes: "with open('out.txt', 'w') as file:\n    file.write('x')\n",
    fix: "Write to a relative path, or below `tempfile.TemporaryDirectory()`.",
    on: &[On::Call(opened), On::Call(changed), On::Call(method)],
};

pub(super) static READ: Rule = Rule {
    code: "PC602",
    name: "sensitive-read",
    family: Family::Files,
    severity: Severity::Error,
    what: "A path below `/proc`, `/sys`, `/dev`, `/etc`, a home folder and the like, or the root itself.",
    why: "The machine that runs agents is none of their business.",
    refused: "print(open('/etc/passwd').read())\n",
    passes: "print(open('/dev/stdin').read())\n",
    fix: "Everything that an agent may know comes with its arguments and its standard input.",
    on: &[On::Call(path), On::Expr(kernel_text)],
};

pub(super) static RAW: Rule = Rule {
    code: "PC603",
    name: "raw-file",
    family: Family::Files,
    severity: Severity::Error,
    what: "A file descriptor, an `opener`, unbuffered files, `.raw` and `.detach()`.",
    why: "They give the raw file class, which opens any path without `open`.",
    refused: "import sys\nprint(sys.stdout.buffer.raw)\n",
    passes: "import sys\nsys.stdout.buffer.write(b'x')\nprint(open(0).read())\n",
    fix: "Use `sys.stdin.buffer` and `sys.stdout.buffer`.",
    on: &[On::Attribute(raw), On::Attribute(method_value)],
};

pub(super) static UNREADABLE_CALL: Rule = Rule {
    code: "PC604",
    name: "spread-file-call",
    family: Family::Files,
    severity: Severity::Error,
    what: "`open(*args)`, `open(**options)` and the like.",
    why: "Neither the path nor the mode can be seen.",
    refused: "options = {'file': input()}\nopen(**options)\n",
    passes: "open(input(), encoding='utf-8')\n",
    fix: "Write the arguments out.",
    on: &[],
};

pub(super) static COMPUTED_WRITE: Rule = Rule {
    code: "PC605",
    name: "computed-write",
    family: Family::Files,
    severity: Severity::Warning,
    what: "A file opened for writing, removed or made, whose path is computed.",
    why: "Where it goes is seen only when it runs; the sandbox holds the wall then.",
    refused: "open(input(), 'w')\n",
    passes: "open('result.txt', 'w')\n",
    fix: "Write to a constant relative path, or below `tempfile.TemporaryDirectory()`.",
    on: &[],
};

pub(super) static EXTRACTION: Rule = Rule {
    code: "PC606",
    name: "archive-extraction",
    family: Family::Files,
    severity: Severity::Error,
    what: "`extract`, `extractall` of an archive, `symlink_to`, `hardlink_to`.",
    why: "Members of an archive and links lead out of the folder that they seem to be in.",
    refused: "import zipfile\nzipfile.ZipFile('a.zip').extractall('/usr')\n",
    passes: "import zipfile\nprint(zipfile.ZipFile('a.zip').read('b.txt'))\n",
    fix: "Read the members with `.read(name)`.",
    on: &[On::Call(extraction)],
};

/// Name, path, mode, and the mode that is meant without one.
type Opener = (&'static str, (usize, &'static str), (usize, &'static str), &'static str);

/// Functions that open one path with a mode: the position of the path and the mode, their keywords,
/// and the mode that is meant without one.
const OPENERS: &[Opener] = &[
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

/// Methods of paths that change what is there.
const CHANGING_METHODS: [&str; 8] =
    ["write_text", "write_bytes", "touch", "unlink", "rmdir", "mkdir", "chmod", "lchmod"];

fn report_write(guess: &Guess, range: TextRange, name: &str, cx: &mut Context<'_, '_>) {
    if let Some(path) = guess.unwritable() {
        let found = Found::new(format!("`{path}` is written, which is not the agent's own"));
        cx.report(&WRITE, range, found.name(name).help(WRITE.fix));
    } else if !guess.complete
        || guess.texts.iter().any(|known| known.prefix && !known.text.starts_with("/tmp/"))
    {
        cx.report(
            &COMPUTED_WRITE,
            range,
            Found::new("the path that is written is computed").name(name).help(COMPUTED_WRITE.fix),
        );
    }
}

fn report_read(guess: &Guess, range: TextRange, name: &str, cx: &mut Context<'_, '_>) {
    if let Some(path) = guess.sensitive() {
        let found = Found::new(format!("`{path}` is read, which is none of an agent's business"));
        cx.report(&READ, range, found.name(name).help(READ.fix));
    }
}

/// Whether an expression may be an open file instead of a path.
fn is_stream(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    // What builtins return is text or a number, but for what `open` returns.
    let is_path = |name: &str| {
        name.starts_with("pathlib.")
            || name.starts_with("os.path")
            || name.starts_with("tempfile.mk")
            || (name.starts_with("builtins.") && name != "builtins.open")
    };
    let values = cx.values(expr);
    values.known.iter().any(|value| {
        matches!(value, Value::Instance(name) if !is_path(name))
            || matches!(value, Value::Member(name) if name.starts_with("sys."))
            || matches!(value, Value::Object(_))
    }) || matches!(expr, Expr::Call(call) if matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "fileno"))
}

fn opened(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        let Some((name, (at, path), (mode_at, mode), default)) =
            OPENERS.iter().find(|(known, ..)| *known == &**name)
        else {
            continue;
        };
        if cx.spreads(call) && !name.starts_with("logging.") {
            cx.report(
                &UNREADABLE_CALL,
                call.range(),
                Found::new(format!("`{name}` with arguments that are not written out"))
                    .name(*name)
                    .help(UNREADABLE_CALL.fix),
            );
            continue;
        }
        descriptor_arguments(call, name, cx);
        let (writes, known_mode) = match cx.argument(call, *mode_at, mode) {
            None => (default.contains(['w', 'a']), true),
            Some(mode) => {
                let modes = cx.values(mode);
                let known = modes.complete && modes.texts().count() == modes.known.len();
                let writes = modes.texts().any(|mode| mode.contains(['w', 'a', 'x', '+']));
                (writes, known && !modes.known.is_empty())
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
        report_read(&guess, target.range(), name, cx);
        if writes || !known_mode {
            report_write(&guess, target.range(), name, cx);
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

fn changed(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        if let Some((name, positions)) = CHANGERS.iter().find(|(known, _)| *known == &**name) {
            if cx.spreads(call) {
                cx.report(
                    &UNREADABLE_CALL,
                    call.range(),
                    Found::new(format!("`{name}` with arguments that are not written out"))
                        .name(*name)
                        .help(UNREADABLE_CALL.fix),
                );
            }
            for position in *positions {
                let keyword = if *position == 1 { "dst" } else { "path" };
                let argument = cx
                    .argument(call, *position, keyword)
                    .or_else(|| cx.argument(call, *position, if *position == 1 { "dst" } else { "src" }))
                    .or_else(|| cx.argument(call, *position, "name"));
                if let Some(argument) = argument
                    && !is_stream(argument, cx)
                {
                    report_write(&paths::guess(argument, cx), argument.range(), name, cx);
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
                    mode.complete
                        && mode.texts().count() == mode.known.len()
                        && !mode.texts().any(|m| m.contains(['w', 'a', 'x', '+']))
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
            Found::new("arguments of a temporary file by position").help("name the arguments"),
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

fn method(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Attribute(method) = &*call.func else {
        return;
    };
    let name = method.attr.as_str();
    let paths_around = cx.mentions("pathlib.Path") || cx.mentions("pathlib");
    if !paths_around {
        return;
    }
    let guess = || paths::guess(&method.value, cx);
    if matches!(name, "read_text" | "read_bytes" | "iterdir" | "open" | "glob" | "rglob" | "stat" | "lstat") {
        report_read(&guess(), method.attr.range, name, cx);
    }
    let guess = || paths::guess(&method.value, cx);
    if CHANGING_METHODS.contains(&name) {
        let guess = guess();
        if !matches!(cx.values(&method.value).exactly(), Some(Value::Object(_))) {
            report_write(&guess, method.attr.range, name, cx);
        }
    } else if matches!(name, "rename" | "replace") {
        let guess = guess();
        // Text has a `replace` too; a receiver that is surely a path is one made by `Path`.
        let is_path = cx
            .values(&method.value)
            .known
            .iter()
            .any(|value| matches!(value, Value::Instance(name) if &**name == "pathlib.Path"));
        if is_path {
            report_write(&guess, method.attr.range, name, cx);
            if let Some(target) = call.arguments.args.first() {
                report_write(&paths::guess(target, cx), target.range(), name, cx);
            }
        }
    } else if name == "open" && cx.values(&call.func).members().all(|name| &**name != "pathlib.Path.open") {
        let guess = guess();
        let mode = cx.argument(call, 0, "mode").map(|mode| cx.values(mode));
        let writes = mode.is_some_and(|mode| mode.texts().any(|mode| mode.contains(['w', 'a', 'x', '+'])));
        if writes && !guess.texts.is_empty() {
            report_write(&guess, method.attr.range, name, cx);
        }
    }
}

/// A sensitive path, wherever the library takes one.
fn path(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let given = || call.arguments.args.iter().chain(call.arguments.keywords.iter().map(|k| &k.value));
    let paths_around = cx.mentions("pathlib.Path") || cx.mentions("pathlib");
    if paths_around && given().any(|argument| cx.may_be(argument, "pathlib.Path")) {
        // `map(Path, names)`, `add_argument("--file", type=Path, default=…)`
        for argument in given() {
            for guess in guesses(argument, cx) {
                report_read(&guess, argument.range(), "pathlib.Path", cx);
            }
        }
    }
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
                report_read(&guess, call.range(), &name, cx);
            }
            continue;
        }
        for argument in given() {
            for mut guess in guesses(argument, cx) {
                if name.starts_with("glob.") {
                    guess.texts.iter_mut().for_each(|known| known.text = fixed_part(&known.text));
                }
                report_read(&guess, argument.range(), &name, cx);
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
fn kernel_text(expr: &Expr, cx: &mut Context<'_, '_>) {
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
    if !KERNEL.iter().any(|name| text.starts_with(name)) || text.contains(char::is_whitespace) {
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

fn raw(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
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
        || attributes::is_parsed_arguments(&attribute.value, cx)
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
fn method_value(attribute: &ExprAttribute, expr: &Expr, cx: &mut Context<'_, '_>) {
    let name = attribute.attr.as_str();
    let changes =
        CHANGING_METHODS.contains(&name) || matches!(name, "symlink_to" | "hardlink_to" | "extractall");
    let library =
        cx.mentions("pathlib.Path") || cx.mentions("zipfile.ZipFile") || cx.mentions("tarfile.open");
    if attribute.ctx != ExprContext::Load || !changes || !library || cx.module.own_attributes.contains(name) {
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

fn extraction(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let Expr::Attribute(method) = &*call.func else {
        return;
    };
    let name = method.attr.as_str();
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
