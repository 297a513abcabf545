//! What is known of a path: the texts that it may be, and whether that is all.

use ruff_python_ast::{self as ast, Expr, Operator};
use ruff_text_size::Ranged;

use super::context::Context;
use crate::python::analysis::{BindingKind, Value};
use crate::python::stdlib;

/// What a path may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Guess {
    /// Whole paths, and beginnings of paths where `prefix` says so.
    pub(super) texts: Vec<Known>,
    /// Whether it can be nothing else.
    pub(super) complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) text: String,
    /// More follows that is not known.
    pub(super) prefix: bool,
}

/// A folder that `tempfile` made.
const TEMPORARY: &str = "/tmp/<temporary>";

/// Where nothing of an agent's business lies.
const SENSITIVE: [&str; 12] =
    ["/proc", "/sys", "/dev", "/etc", "/root", "/home", "/var", "/run", "/boot", "/mnt", "/media", "/srv"];

/// Streams and sinks under `/dev` that honest programs name.
const STREAMS: [&str; 7] =
    ["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/0", "/dev/fd/1", "/dev/fd/2"];

impl Guess {
    fn one(text: impl Into<String>) -> Self {
        Self { texts: vec![Known { text: text.into(), prefix: false }], complete: true }
    }

    fn add(&mut self, other: Self) {
        self.complete &= other.complete;
        for known in other.texts {
            if self.texts.len() < 16 && !self.texts.contains(&known) {
                self.texts.push(known);
            }
        }
    }

    fn join(self, tail: &Self) -> Self {
        let mut joined = Self { texts: Vec::new(), complete: self.complete && tail.complete };
        for head in &self.texts {
            if head.prefix || tail.texts.is_empty() {
                joined.texts.push(Known { text: head.text.clone() + "/", prefix: true });
                continue;
            }
            for end in &tail.texts {
                let text = if end.text.starts_with('/') {
                    end.text.clone()
                } else {
                    format!("{}/{}", head.text.trim_end_matches('/'), end.text)
                };
                let text = if head.text.is_empty() { end.text.clone() } else { text };
                joined.texts.push(Known { text, prefix: end.prefix });
            }
        }
        if self.texts.is_empty() {
            // What follows an unknown folder may still be absolute.
            joined.texts.extend(tail.texts.iter().filter(|end| end.text.starts_with('/')).cloned());
        }
        joined.texts.truncate(16);
        joined
    }

    /// A path that an agent may not read, if it may be one.
    pub(super) fn sensitive(&self) -> Option<&str> {
        self.texts.iter().find(|known| is_sensitive(known)).map(|known| known.text.as_str())
    }

    /// A file that the interpreter imports where the agent, or the library, means another: `json.py`.
    pub(super) fn shadowing(&self) -> Option<&str> {
        self.texts.iter().find(|known| is_shadowing(known)).map(|known| known.text.as_str())
    }

    /// A path that an agent may not write, if it may be one.
    pub(super) fn unwritable(&self) -> Option<&str> {
        self.texts.iter().find(|known| !is_writable(known)).map(|known| known.text.as_str())
    }
}

fn normalise(path: &str) -> String {
    let path = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/root{rest}"),
        Some(rest) => format!("/home/{rest}"),
        None => path.to_owned(),
    };
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| *last != "..") {
                    parts.pop();
                } else if !absolute {
                    parts.push("..");
                }
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}

fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_sensitive(known: &Known) -> bool {
    let path = normalise(&known.text);
    if known.prefix && !known.text.contains('/') && !known.text.starts_with('~') {
        return false;
    }
    if STREAMS.contains(&path.as_str()) || path == "/dev/tty" {
        return false;
    }
    if path == "/" {
        return !known.prefix || known.text.trim_matches('/').is_empty() && known.text.starts_with('/');
    }
    // From somewhere below the root up to the root: the names behind the dots are from there.
    let from_root = path.strip_prefix("../").map(|rest| format!("/{}", rest.trim_start_matches("../")));
    let path = from_root.as_deref().unwrap_or(&path);
    SENSITIVE.iter().any(|folder| within(path, folder))
        && !within(path, "/var/tmp")
        && !within(path, "/dev/shm/<")
}

fn is_writable(known: &Known) -> bool {
    let path = normalise(&known.text);
    if STREAMS.contains(&path.as_str()) || within(&path, "/tmp") || within(&path, "/var/tmp") {
        return true;
    }
    !path.starts_with('/') && !path.starts_with("..") && path != "/"
}

/// Files that the interpreter runs by itself.
const STARTED: [&str; 2] = ["sitecustomize", "usercustomize"];

fn is_shadowing(known: &Known) -> bool {
    if known.prefix {
        return false;
    }
    let path = normalise(&known.text);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
    // `json.cpython-311-x86_64-linux-gnu.so`
    let native = || file.split_once('.').filter(|_| file.ends_with(".so")).map(|(stem, _)| stem);
    let module = file.strip_suffix(".py").or_else(|| file.strip_suffix(".pyc")).or_else(native);
    let is_taken = |name: &str| STARTED.contains(&name) || stdlib::is_module(name);
    match module {
        // A package is a folder of the module's name.
        Some("__init__") => is_taken(folder.rsplit('/').next().unwrap_or(folder)),
        Some(name) => is_taken(name),
        None => file.ends_with(".pth"),
    }
}

/// A path that is written out.
pub(super) fn of_text(text: &str) -> Guess {
    Guess::one(text)
}

/// What `expr` may be as a path.
pub(super) fn guess(expr: &Expr, cx: &Context<'_, '_>) -> Guess {
    follow(expr, cx, 0)
}

fn follow(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> Guess {
    let fuel = cx.module.fuel();
    fuel.spend(4);
    if depth > 12 || fuel.is_spent() {
        return Guess::default();
    }
    let values = cx.values(expr);
    let mut found = Guess { texts: Vec::new(), complete: values.complete };
    for value in &values.known {
        match value {
            Value::Str(text) => found.texts.push(Known { text: text.to_string(), prefix: false }),
            Value::Bytes(bytes) => {
                found.texts.push(Known { text: String::from_utf8_lossy(bytes).into_owned(), prefix: false });
            }
            Value::Member(name) if name.starts_with("tempfile.") && name.ends_with(".name") => {
                found.texts.push(Known { text: TEMPORARY.to_owned(), prefix: false });
            }
            Value::Instance(name)
                if matches!(&**name, "tempfile.mkdtemp" | "tempfile.mkstemp" | "tempfile.mktemp") =>
            {
                found.texts.push(Known { text: TEMPORARY.to_owned(), prefix: false });
            }
            Value::Instance(name) if matches!(&**name, "os.getcwd" | "pathlib.Path.cwd") => {
                found.texts.push(Known { text: ".".to_owned(), prefix: false });
            }
            Value::Member(name) if matches!(&**name, "os.devnull") => {
                found.texts.push(Known { text: "/dev/null".to_owned(), prefix: false });
            }
            Value::Member(name) if matches!(&**name, "os.curdir") => {
                found.texts.push(Known { text: ".".to_owned(), prefix: false });
            }
            _ => found.complete = false,
        }
    }
    if !found.texts.is_empty() {
        return found;
    }
    structure(expr, cx, depth)
}

/// What the shape of the expression says, where its value is not known.
fn structure(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> Guess {
    match expr {
        Expr::BinOp(operation) if operation.op == Operator::Div => {
            follow(&operation.left, cx, depth + 1).join(&follow(&operation.right, cx, depth + 1))
        }
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            let head = follow(&operation.left, cx, depth + 1);
            let texts = head.texts.into_iter().map(|known| Known { prefix: true, ..known }).collect();
            Guess { texts, complete: false }
        }
        Expr::FString(_) => match cx.module.literal_prefix(expr, 0) {
            Some(text) if !text.is_empty() => {
                Guess { texts: vec![Known { text, prefix: true }], complete: false }
            }
            _ => Guess::default(),
        },
        Expr::Call(call) => called(call, cx, depth),
        Expr::Attribute(attribute) => match attribute.attr.as_str() {
            "root" | "anchor" if is_path(&attribute.value, cx) => Guess::one("/"),
            "parent" => {
                let mut base = follow(&attribute.value, cx, depth + 1);
                for known in &mut base.texts {
                    known.text = format!("{}/..", known.text);
                }
                base
            }
            _ => Guess::default(),
        },
        Expr::Subscript(subscript)
            if cx.may_be(&subscript.value, "os.environ")
                && cx.values(&subscript.slice).as_text() == Some("HOME") =>
        {
            Guess::one("/root")
        }
        // `path.parents[-1]`
        Expr::Subscript(subscript)
            if matches!(&*subscript.value, Expr::Attribute(a) if a.attr.as_str() == "parents")
                && matches!(cx.values(&subscript.slice).exactly(), Some(Value::Int(index)) if *index < 0) =>
        {
            Guess::one("/")
        }
        Expr::Subscript(subscript) if matches!(&*subscript.value, Expr::Attribute(a) if a.attr.as_str() == "parents") => {
            match &*subscript.value {
                Expr::Attribute(attribute) => {
                    let mut base = follow(&attribute.value, cx, depth + 1);
                    base.texts.iter_mut().for_each(|known| known.text.push_str("/.."));
                    base
                }
                _ => Guess::default(),
            }
        }
        Expr::Name(name) => {
            let resolution = cx.module.resolve(&name.id, cx.scope(expr), name.range.start());
            let mut union = Guess { texts: Vec::new(), complete: !resolution.bindings.is_empty() };
            for id in resolution.bindings.iter() {
                match &cx.module.binding(*id).kind {
                    BindingKind::Assign { value, path }
                        if path.is_empty() && value.range() != expr.range() =>
                    {
                        union.add(follow(value, cx, depth + 1));
                    }
                    BindingKind::With { context, path } if path.is_empty() => {
                        union.add(follow(context, cx, depth + 1));
                    }
                    BindingKind::Parameter { function, .. } => {
                        union.complete = false;
                        let binding = cx.module.binding(*id);
                        let function = cx.module.function(*function);
                        let index = function.parameters().and_then(|parameters| {
                            parameters.iter().position(|parameter| parameter.name().range == binding.range)
                        });
                        let bound = usize::from(function.class.is_some());
                        for call in function.calls.iter().take(16) {
                            let argument = index
                                .and_then(|index| index.checked_sub(bound))
                                .and_then(|index| call.arguments.find_argument_value(&name.id, index));
                            if let Some(argument) = argument {
                                let mut one = follow(argument, cx, depth + 4);
                                one.complete = false;
                                union.add(one);
                            }
                        }
                    }
                    _ => union.complete = false,
                }
            }
            union
        }
        _ => Guess::default(),
    }
}

/// `string.Template("/$a/b").substitute(a="…")`, with what is not known as an end that is not known.
fn substituted(template: &Expr, call: &ast::ExprCall, cx: &Context<'_, '_>) -> Guess {
    let made = match template {
        Expr::Call(made) if cx.may_be(&made.func, "string.Template") => made.arguments.args.first(),
        _ => None,
    };
    let values = made.map(|text| cx.values(text));
    let Some(text) = values.and_then(|values| values.as_text()) else {
        return Guess::default();
    };
    let mut text = text.to_owned();
    for keyword in &call.arguments.keywords {
        let value = cx.values(&keyword.value);
        if let (Some(name), Some(value)) = (&keyword.arg, value.as_text()) {
            text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
    }
    match text.split_once('$') {
        None => Guess::one(text),
        Some((known, _)) => {
            Guess { texts: vec![Known { text: known.to_owned(), prefix: true }], complete: false }
        }
    }
}

fn called(call: &ast::ExprCall, cx: &Context<'_, '_>, depth: u32) -> Guess {
    let values = cx.values(&call.func);
    let arguments = &call.arguments.args;
    let all = |cx: &Context<'_, '_>| {
        let mut joined: Option<Guess> = None;
        for argument in arguments {
            let part = follow(argument, cx, depth + 1);
            joined = Some(match joined {
                None => part,
                Some(head) => head.join(&part),
            });
        }
        joined.unwrap_or_else(|| Guess::one("."))
    };
    for name in values.members() {
        match &**name {
            "pathlib.Path"
            | "pathlib.PosixPath"
            | "pathlib.PurePath"
            | "pathlib.PurePosixPath"
            | "os.path.join" => {
                return all(cx);
            }
            "os.getenv" | "os.environ.get"
                if arguments.first().is_some_and(|name| cx.values(name).as_text() == Some("HOME")) =>
            {
                return Guess::one("/root");
            }
            "pathlib.Path.home" => return Guess::one("/root"),
            "pathlib.Path.cwd" | "os.getcwd" => return Guess::one("."),
            "os.path.expanduser" | "os.path.abspath" | "os.path.realpath" | "os.path.normpath"
            | "os.fspath" | "builtins.str" => {
                return arguments.first().map_or_else(Guess::default, |path| follow(path, cx, depth + 1));
            }
            // What an operator does, called as a function.
            "operator.truediv" => return all(cx),
            "functools.reduce" => {
                let joins = arguments.first().is_some_and(|with| {
                    cx.may_be(with, "operator.truediv") || cx.may_be(with, "os.path.join")
                });
                let parts =
                    arguments.get(1).and_then(|parts| cx.values(parts).elements()).unwrap_or_default();
                if joins && !parts.is_empty() {
                    let head = arguments.get(2).map(|head| follow(head, cx, depth + 1));
                    let parts =
                        parts.iter().map(|part| part.as_text().map_or_else(Guess::default, Guess::one));
                    return head
                        .into_iter()
                        .chain(parts)
                        .reduce(|head, part| head.join(&part))
                        .unwrap_or_default();
                }
            }
            "os.path.dirname" => {
                let mut base =
                    arguments.first().map_or_else(Guess::default, |path| follow(path, cx, depth + 1));
                base.texts.iter_mut().for_each(|known| known.text.push_str("/.."));
                return base;
            }
            _ => {}
        }
    }
    if let Expr::Attribute(method) = &*call.func {
        match method.attr.as_str() {
            "substitute" | "safe_substitute" => return substituted(&method.value, call, cx),
            "joinpath" => return follow(&method.value, cx, depth + 1).join(&all(cx)),
            "resolve" | "absolute" | "expanduser" | "with_suffix" | "as_posix" => {
                return follow(&method.value, cx, depth + 1);
            }
            "with_name" => {
                let mut base = follow(&method.value, cx, depth + 1);
                base.texts.iter_mut().for_each(|known| known.text.push_str("/.."));
                return base.join(&all(cx));
            }
            _ => {}
        }
    }
    Guess::default()
}

fn is_path(expr: &Expr, cx: &Context<'_, '_>) -> bool {
    let values = cx.values(expr);
    values.known.iter().any(|value| matches!(value, Value::Instance(name) if name.starts_with("pathlib.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Known {
        Known { text: text.to_owned(), prefix: false }
    }

    #[test]
    fn a_path_is_judged_by_where_it_leads() {
        for sensitive in [
            "/etc/passwd",
            "/proc/self/environ",
            "~/.ssh/id",
            "/tmp/../etc/x",
            "../../etc/passwd",
            "/",
            "//etc",
        ] {
            assert!(is_sensitive(&known(sensitive)), "{sensitive}");
        }
        for harmless in ["data.txt", "/tmp/x", "/dev/stdin", "./a/b", "../data.txt", "/usr/share/dict/words"]
        {
            assert!(!is_sensitive(&known(harmless)), "{harmless}");
        }
    }

    #[test]
    fn what_may_be_written_is_relative_or_temporary() {
        for writable in ["out.txt", "a/../b", "/tmp/x", "/dev/null"] {
            assert!(is_writable(&known(writable)), "{writable}");
        }
        for other in ["../x", "/tmp/../dev/shm/x", "/x", "~/x", "/dev/shm/x", "/"] {
            assert!(!is_writable(&known(other)), "{other}");
        }
    }
}
