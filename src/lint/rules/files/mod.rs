//! PC6xx: files. An agent runs in a folder of its own that is thrown away, so relative paths and
//! the temporary folder are its own; nothing else is.

mod changing;
mod extraction;
mod opening;
mod raw;
mod reading;

use ruff_python_ast::Expr;
use ruff_text_size::TextRange;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::paths::Guess;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::Value;

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
    on: &[On::Call(opening::opened), On::Call(changing::changed), On::Call(changing::method)],
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
    on: &[On::Call(reading::path), On::Expr(reading::kernel_text)],
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

pub(super) fn report_write(guess: &Guess, range: TextRange, name: &str, cx: &mut Context<'_, '_>) {
    if let Some(path) = guess.unwritable() {
        let found = Found::new(format!("`{path}` is written, which is not the agent's own"));
        cx.report(&WRITE, range, found.name(name).help(WRITE.fix));
    } else if let Some(path) = guess.shadowing() {
        let found = Found::new(format!("`{path}` is written, which the interpreter may import as code"));
        cx.report(
            &WRITE,
            range,
            found.name(name).help("name the file after no module of the standard library"),
        );
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

pub(super) fn report_read(guess: &Guess, range: TextRange, name: &str, cx: &mut Context<'_, '_>) {
    if let Some(path) = guess.sensitive() {
        let found = Found::new(format!("`{path}` is read, which is none of an agent's business"));
        cx.report(&READ, range, found.name(name).help(READ.fix));
    }
}

/// Whether an expression may be an open file instead of a path.
pub(super) fn is_stream(expr: &Expr, cx: &Context<'_, '_>) -> bool {
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
