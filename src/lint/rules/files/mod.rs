//! PC6xx: files. An agent runs in a folder of its own that is thrown away, so relative paths and
//! the temporary folder are its own; nothing else is.

mod changing;
mod extraction;
mod opening;
mod raw;
mod reading;

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::disguise;
use crate::lint::paths::Guess;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{Value, Values};

pub(in crate::lint::rules) static WRITE: Rule = Rule {
    code: "PC601",
    name: "file-write",
    family: Family::Files,
    severity: Severity::Error,
    what: "A file opened for writing, or a folder made, outside of the working directory and the temporary folder; or a \
           file that is named so that the interpreter imports it (`json.py`, `sitecustomize.py`, `x.pth`).",
    why: "Whatever an agent leaves behind could reach the next one; code that is written at run time was never looked at.",
    refused: "open('/dev/shm/out.txt', 'w')\n",
    passes: "with open('out.txt', 'w') as file:\n    file.write('x')\n",
    fix: "Write to a relative path, or below `tempfile.TemporaryDirectory()`.",
    on: &[On::LibraryCall(opening::opened), On::LibraryCall(changing::changed), On::Call(changing::method)],
};

pub(in crate::lint::rules) static READ: Rule = Rule {
    code: "PC602",
    name: "sensitive-read",
    family: Family::Files,
    severity: Severity::Error,
    what: "A path below `/proc`, `/sys`, `/dev`, `/etc`, a home folder and the like, or the root itself.",
    why: "The machine that runs agents is none of their business.",
    refused: "print(open('/etc/passwd').read())\n",
    passes: "print(open('/dev/stdin').read())\n",
    fix: "Everything that an agent may know comes with its arguments and its standard input.",
    on: &[On::Call(reading::given_to_path), On::LibraryCall(reading::path), On::Expr(reading::kernel_text)],
};

pub(in crate::lint::rules) static RAW: Rule = Rule {
    code: "PC603",
    name: "raw-file",
    family: Family::Files,
    severity: Severity::Error,
    what: "A file descriptor, an `opener`, unbuffered files, `.raw` and `.detach()`.",
    why: "They give the raw file class, which opens any path without `open`.",
    refused: "import sys\nprint(sys.stdout.buffer.raw)\n",
    passes: "import sys\nsys.stdout.buffer.write(b'x')\nprint(open(0).read())\n",
    fix: "Use `sys.stdin.buffer` and `sys.stdout.buffer`.",
    on: &[On::Attribute(raw::raw), On::Attribute(raw::method_value)],
};

pub(in crate::lint::rules) static UNREADABLE_CALL: Rule = Rule {
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

pub(in crate::lint::rules) static COMPUTED_WRITE: Rule = Rule {
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

pub(in crate::lint::rules) static EXTRACTION: Rule = Rule {
    code: "PC606",
    name: "archive-extraction",
    family: Family::Files,
    severity: Severity::Error,
    what: "`extract`, `extractall` of an archive, `symlink_to`, `hardlink_to`.",
    why: "Members of an archive and links lead out of the folder that they seem to be in.",
    refused: "import zipfile\nzipfile.ZipFile('a.zip').extractall('/usr')\n",
    passes: "import zipfile\nprint(zipfile.ZipFile('a.zip').read('b.txt'))\n",
    fix: "Read the members with `.read(name)`.",
    on: &[On::Call(extraction::extraction)],
};

pub(in crate::lint::rules) static DISGUISED: Rule = Rule {
    code: "PC607",
    name: "disguised-path",
    family: Family::Files,
    severity: Severity::Error,
    what: "A file opened, read or written whose path is made of constants of the source alone and still cannot be read in \
           it: decoded, decompressed, shuffled, or found by climbing from folder to folder.",
    why: "Whoever means `data.txt` writes it. A path that was given to the program is another matter.",
    refused: "import zlib\nhidden = zlib.decompress(b'x\\x9c\\xd3O-I.')\nprint(open(hidden.decode()).read())\n",
    passes: "import sys, zlib\nname = sys.argv[1]\nprint(zlib.decompress(open(name + '.z', 'rb').read()))\n",
    fix: "Write the path out.",
    on: &[],
};

/// Whether a mode of opening may be one for writing.
fn may_write(mode: &Values) -> bool {
    mode.texts().any(|mode| mode.contains(['w', 'a', 'x', '+']))
}

fn report_unreadable(call: &ExprCall, name: &str, cx: &mut Context<'_, '_>) {
    cx.report(
        &UNREADABLE_CALL,
        call.range(),
        Found::new(format!("`{name}` with arguments that are not written out"))
            .name(name)
            .help(UNREADABLE_CALL.fix),
    );
}

pub(super) fn report_write(
    target: &Expr,
    guess: &Guess,
    range: TextRange,
    name: &str,
    cx: &mut Context<'_, '_>,
) {
    if let Some(path) = guess.unwritable() {
        let found = Found::new(format!("`{path}` is written, which is not the agent's own"));
        cx.report(&WRITE, range, found.name(name).help(WRITE.fix));
        return;
    }
    if let Some(path) = guess.shadowing() {
        let found = Found::new(format!("`{path}` is written, which the interpreter may import as code"));
        cx.report(
            &WRITE,
            range,
            found.name(name).help("name the file after no module of the standard library"),
        );
        return;
    }
    let computed =
        !guess.complete || guess.texts.iter().any(|known| known.prefix && !known.text.starts_with("/tmp/"));
    if computed && !report_disguise(target, guess, range, name, cx) {
        cx.report(
            &COMPUTED_WRITE,
            range,
            Found::new("the path that is written is computed").name(name).help(COMPUTED_WRITE.fix),
        );
    }
}

pub(super) fn report_read(
    target: &Expr,
    guess: &Guess,
    range: TextRange,
    name: &str,
    cx: &mut Context<'_, '_>,
) {
    if let Some(path) = guess.sensitive() {
        let found = Found::new(format!("`{path}` is read, which is none of an agent's business"));
        cx.report(&READ, range, found.name(name).help(READ.fix));
    } else {
        report_disguise(target, guess, range, name, cx);
    }
}

fn report_disguise(
    target: &Expr,
    guess: &Guess,
    range: TextRange,
    name: &str,
    cx: &mut Context<'_, '_>,
) -> bool {
    // An element tree is made of elements, or reads `file`, whose name is judged as it is.
    let elements = name == "xml.etree.ElementTree.ElementTree";
    if guess.complete || elements || is_stream(target, cx) {
        return false;
    }
    let Some(why) = disguise::of_path(target, guess, name, cx) else {
        return false;
    };
    cx.report(&DISGUISED, range, Found::new(why).name(name).help(DISGUISED.fix));
    true
}

/// Calls of the library that return an open file, or what stands for one.
const STREAMS: [&str; 22] = [
    "builtins.open",
    "io.open",
    "io.StringIO",
    "io.BytesIO",
    "io.TextIOWrapper",
    "io.BufferedReader",
    "io.BufferedWriter",
    "codecs.open",
    "codecs.getreader",
    "gzip.open",
    "gzip.GzipFile",
    "bz2.open",
    "bz2.BZ2File",
    "lzma.open",
    "lzma.LZMAFile",
    "os.fdopen",
    "tempfile.TemporaryFile",
    "tempfile.NamedTemporaryFile",
    "tempfile.SpooledTemporaryFile",
    "zipfile.ZipFile.open",
    "tarfile.open.extractfile",
    "pathlib.Path.open",
];

/// Whether an expression may be an open file instead of a path.
pub(super) fn is_stream(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(expr);
    values.known.iter().any(|value| match value {
        Value::Instance(name) => STREAMS.contains(&&**name) || name.ends_with("Element"),
        Value::Member(name) => name.starts_with("sys.std") || name.starts_with("sys.__std"),
        Value::Object(class) => cx.module.methods(*class, "__fspath__").next().is_none(),
        _ => false,
    }) || matches!(expr, Expr::Call(call) if matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "fileno"))
}
