//! What the standard library holds and what of it agents may touch: the embedded tables of
//! `stdlib_list/`, read once.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::PythonVersion;

const POLICY: &str = include_str!("../../stdlib_list/stdlib_policy.tsv");
const API: &str = include_str!("../../stdlib_list/stdlib_api.tsv");
const LEAKS: &str = include_str!("../../stdlib_list/stdlib_leaks.tsv");
const DEPUTIES: &str = include_str!("../../stdlib_list/stdlib_deputies.tsv");
const MEMBERS: &str = include_str!("../../stdlib_list/members.tsv");

const DUNDERS: &str = include_str!("../../stdlib_list/dunders.txt");

const NAMES: [(u8, &str); 7] = [
    (8, include_str!("../../stdlib_list/3.8.txt")),
    (9, include_str!("../../stdlib_list/3.9.txt")),
    (10, include_str!("../../stdlib_list/3.10.txt")),
    (11, include_str!("../../stdlib_list/3.11.txt")),
    (12, include_str!("../../stdlib_list/3.12.txt")),
    (13, include_str!("../../stdlib_list/3.13.txt")),
    (14, include_str!("../../stdlib_list/3.14.txt")),
];

/// Every embedded table, for the policy's digest.
pub(crate) fn data_files() -> impl Iterator<Item = &'static str> {
    [POLICY, API, LEAKS, DEPUTIES, MEMBERS, DUNDERS]
        .into_iter()
        .chain(NAMES.into_iter().map(|(_, text)| text))
}

/// What is wrong with a module or a member: which rule speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Process,
    Network,
    Native,
    Serialisation,
    Evaluator,
    Machinery,
    System,
    Files,
    Frame,
    Hook,
    Reflection,
    Module,
    Private,
    Other,
}

/// What a table says of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModuleRuling {
    Allowed,
    Denied {
        kind: Kind,
        why: &'static str,
    },
    /// Not of the standard library of the target version.
    Unknown,
}

/// What a table says of a member of an allowed module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberRuling {
    Allowed,
    /// Allowed as a callee whose arguments a rule looks at.
    Called {
        kind: Kind,
        why: &'static str,
    },
    Denied {
        kind: Kind,
        why: &'static str,
    },
    /// Another module that the module imported for itself.
    Leak(&'static str),
    Private,
    Unknown,
}

#[derive(Debug, Default)]
struct Tables {
    modules: FxHashMap<&'static str, ModuleEntry>,
    api: FxHashMap<&'static str, FxHashSet<&'static str>>,
    leaks: FxHashMap<(&'static str, &'static str), &'static str>,
    only: FxHashMap<&'static str, (Kind, &'static str, FxHashSet<&'static str>)>,
    members: FxHashMap<(&'static str, &'static str), MemberRuling>,
    /// Packages and modules that have a part which is a module.
    parents: FxHashSet<&'static str>,
    versions: FxHashMap<u8, FxHashSet<&'static str>>,
    dunders: FxHashSet<&'static str>,
}

#[derive(Debug, Clone, Copy)]
struct ModuleEntry {
    denied: bool,
    kind: Kind,
    why: &'static str,
}

static TABLES: LazyLock<Tables> = LazyLock::new(read);

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

fn read() -> Tables {
    let mut tables = Tables::default();
    for row in rows(POLICY).skip(1) {
        if let [name, policy, why, ..] = row.as_slice() {
            let entry = ModuleEntry { denied: *policy == "deny", kind: kind_of_reason(why), why };
            tables.modules.insert(name, entry);
        }
    }
    for row in rows(API).skip(1) {
        if let [module, name, ..] = row.as_slice() {
            tables.api.entry(module).or_default().insert(name);
        }
    }
    for row in rows(LEAKS).skip(1) {
        if let [module, name, kind, leaked, visibility, ..] = row.as_slice() {
            // Its own public functions are ruled one by one; others that it shows are borrowed.
            if *kind == "module" || *visibility != "in __all__" {
                tables.leaks.insert((module, name), leaked);
            } else {
                tables.api.entry(module).or_default().insert(name);
            }
        }
    }
    for row in rows(MEMBERS) {
        let [module, ruling, kind, names, why] = row.as_slice() else {
            continue;
        };
        let kind = kind_of_word(kind);
        if *ruling == "only" {
            // Also where nothing of it is open.
            tables.only.entry(module).or_insert_with(|| (kind, why, FxHashSet::default()));
        }
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            match *ruling {
                "allow" => drop(tables.members.insert((module, name), MemberRuling::Allowed)),
                "deny" => drop(tables.members.insert((module, name), MemberRuling::Denied { kind, why })),
                "call" => drop(tables.members.insert((module, name), MemberRuling::Called { kind, why })),
                _ => {
                    let only = tables.only.entry(module).or_insert_with(|| (kind, why, FxHashSet::default()));
                    only.2.insert(name);
                }
            }
        }
    }
    let parents = tables.api.keys().chain(&PACKAGES).filter_map(|name| Some(name.rsplit_once('.')?.0));
    tables.parents = parents.collect();
    tables.dunders = DUNDERS.lines().filter(|line| !line.starts_with('#')).collect();
    for (minor, text) in NAMES {
        tables.versions.insert(minor, text.lines().filter(|line| !line.starts_with('#')).collect());
    }
    tables
}

fn kind_of_word(word: &str) -> Kind {
    match word {
        "process" => Kind::Process,
        "network" => Kind::Network,
        "evaluator" => Kind::Evaluator,
        "system" => Kind::System,
        "files" => Kind::Files,
        "frame" => Kind::Frame,
        "hook" => Kind::Hook,
        "reflection" => Kind::Reflection,
        "module" => Kind::Module,
        _ => Kind::Other,
    }
}

/// The reasons of `stdlib_policy.tsv`, as kinds.
fn kind_of_reason(reason: &str) -> Kind {
    const REASONS: [(&str, Kind); 16] = [
        ("private", Kind::Private),
        ("internals", Kind::Private),
        ("internal path module", Kind::Module),
        ("evaluates", Kind::Evaluator),
        ("executes", Kind::Serialisation),
        ("network", Kind::Network),
        ("starts programs", Kind::Process),
        ("import machinery", Kind::Machinery),
        ("builtins namespace", Kind::Machinery),
        ("native memory", Kind::Native),
        ("signals", Kind::System),
        ("account", Kind::System),
        ("file access", Kind::Files),
        ("SQL", Kind::Files),
        ("file formats", Kind::Files),
        ("terminal", Kind::Other),
    ];
    REASONS.iter().find(|(word, _)| reason.contains(word)).map_or(Kind::Other, |(_, kind)| *kind)
}

/// Whether CPython or its library gives a name with two underscores a meaning. Another such name is an
/// attribute of nothing but what a source makes itself.
pub(crate) fn is_known_dunder(name: &str) -> bool {
    TABLES.dunders.contains(name)
}

/// What may be done with a module, by its full name.
pub(crate) fn module(name: &str, version: PythonVersion) -> ModuleRuling {
    let tables = &*TABLES;
    let root = name.split('.').next().unwrap_or(name);
    if !tables.versions.get(&version.minor()).is_some_and(|names| names.contains(root)) {
        return ModuleRuling::Unknown;
    }
    let Some(entry) = tables.modules.get(root) else {
        // Newer than the table: nobody has looked at it.
        return ModuleRuling::Denied { kind: Kind::Other, why: "nobody has ruled on it yet" };
    };
    if entry.denied {
        return ModuleRuling::Denied { kind: entry.kind, why: entry.why };
    }
    if root == name || is_module(name) {
        return ModuleRuling::Allowed;
    }
    let kind = match root {
        "concurrent" | "multiprocessing" => Kind::Process,
        "urllib" | "http" | "xmlrpc" => Kind::Network,
        "logging" | "unittest" | "xml" => Kind::Evaluator,
        _ => Kind::Module,
    };
    ModuleRuling::Denied { kind, why: "of its package only other parts are open" }
}

/// Whether `name` is a module that agents may import, by its full name.
pub(crate) fn is_module(name: &str) -> bool {
    let tables = &*TABLES;
    if name.contains('.') {
        tables.api.contains_key(name) || PACKAGES.contains(&name)
    } else {
        tables.modules.get(name).is_some_and(|entry| !entry.denied)
    }
}

/// Whether `module.name` is a module that agents may import.
pub(crate) fn is_submodule(module: &str, name: &str) -> bool {
    // Nearly no module has parts, and it is asked of every member of one.
    (TABLES.parents.contains(module) || name.contains('.')) && is_module(&dotted(module, name))
}

/// `owner.name`
pub(crate) fn dotted(owner: &str, name: &str) -> String {
    let mut full = String::with_capacity(owner.len() + 1 + name.len());
    full.push_str(owner);
    full.push('.');
    full.push_str(name);
    full
}

/// Packages that hold nothing but other modules.
const PACKAGES: [&str; 6] = ["xml.etree", "xml.dom", "xml.sax", "email.mime", "concurrent", "urllib"];

/// Allowed packages with parts that the tables do not list. Of these a name that the tables do not
/// list may be such a part; of every other module it does not exist.
const OPEN_PACKAGES: [&str; 13] = [
    "asyncio",
    "concurrent",
    "email",
    "encodings",
    "html",
    "http",
    "json",
    "logging",
    "re",
    "unittest",
    "urllib",
    "xml",
    "zoneinfo",
];

/// What may be done with `module.name`.
pub(crate) fn member(module: &str, name: &str) -> MemberRuling {
    let tables = &*TABLES;
    if let Some(ruling) = tables.members.get(&(module, name)) {
        return *ruling;
    }
    if is_submodule(module, name) {
        return MemberRuling::Allowed;
    }
    if let Some(leaked) = tables.leaks.get(&(module, name)) {
        return MemberRuling::Leak(leaked);
    }
    if let Some((kind, why, names)) = tables.only.get(module) {
        if names.contains(name) {
            return MemberRuling::Allowed;
        }
        return MemberRuling::Denied { kind: *kind, why };
    }
    if name.starts_with('_') {
        return if matches!(name, "__name__" | "__doc__" | "__version__" | "__author__") {
            MemberRuling::Allowed
        } else {
            MemberRuling::Private
        };
    }
    let package = || module.split('.').next().unwrap_or(module);
    if tables.api.get(module).is_some_and(|api| api.contains(name)) {
        MemberRuling::Allowed
    } else if OPEN_PACKAGES.contains(&package()) {
        MemberRuling::Private
    } else {
        MemberRuling::Unknown
    }
}

/// The module that `module.name` is, where a module shows its own imports.
pub(crate) fn leaked_module(module: &str, name: &str) -> Option<&'static str> {
    TABLES.leaks.get(&(module, name)).copied()
}

/// Constants of the library that names are put together from.
pub(crate) fn constant(name: &str) -> Option<&'static str> {
    Some(match name {
        "os.sep" | "os.path.sep" => "/",
        "os.curdir" | "os.path.curdir" | "os.extsep" => ".",
        "os.pardir" | "os.path.pardir" => "..",
        "os.linesep" => "\n",
        "os.devnull" | "os.path.devnull" => "/dev/null",
        "string.ascii_lowercase" => "abcdefghijklmnopqrstuvwxyz",
        "string.ascii_uppercase" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "string.ascii_letters" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "string.digits" => "0123456789",
        "string.punctuation" => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        _ => return None,
    })
}

/// Whether `from module import *` brings `name`.
pub(crate) fn exports(module: &str, name: &str) -> bool {
    !name.starts_with('_') && TABLES.api.get(module).is_some_and(|api| api.contains(name))
}

/// Whether agents may import everything of a module with a star: its names are all known.
pub(crate) fn has_known_exports(module: &str) -> bool {
    TABLES.api.contains_key(module)
}

/// Whether only some members of a module are open, so that a star import would bring too much.
pub(crate) fn is_restricted(module: &str) -> bool {
    TABLES.only.contains_key(module)
}

/// The nearest name that exists, for a typing mistake.
pub(crate) fn nearest_member(module: &str, name: &str) -> Option<&'static str> {
    let api = TABLES.api.get(module)?;
    let best = api
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), *known))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.85).then_some(best.1)
}

/// Every name that CPython 3.8 to 3.14 puts into `builtins`, with those that `site` adds.
const BUILTINS: &str = "\
ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError \
BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError \
ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup \
False FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError \
ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError \
MemoryError ModuleNotFoundError NameError None NotADirectoryError NotImplemented NotImplementedError OSError \
OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError \
ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning \
SystemError SystemExit TabError TimeoutError True TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError \
UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError __build_class__ \
__debug__ __import__ abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod \
compile complex copyright credits delattr dict dir divmod enumerate eval exec exit filter float format frozenset \
getattr globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max \
memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted \
staticmethod str sum super tuple type vars zip";

pub(crate) fn is_builtin(name: &str) -> bool {
    static NAMES: LazyLock<Builtins> = LazyLock::new(Builtins::default);
    NAMES.contains(name)
}

/// The builtins behind a filter of some bits: it is asked of every name, and most names are none.
struct Builtins {
    bits: [u64; 16],
    names: FxHashSet<&'static str>,
}

impl Default for Builtins {
    fn default() -> Self {
        let mut bits = [0; 16];
        for name in BUILTINS.split(' ') {
            let (word, bit) = Self::place(name);
            bits[word] |= bit;
        }
        Self { bits, names: BUILTINS.split(' ').collect() }
    }
}

impl Builtins {
    fn place(name: &str) -> (usize, u64) {
        let (first, last) = match name.as_bytes() {
            [first, .., last] => (usize::from(*first), usize::from(*last)),
            _ => (0, 0),
        };
        let place = 7 * name.len() + 37 * first + 101 * last;
        (place / 64 % 16, 1 << (place % 64))
    }

    fn contains(&self, name: &str) -> bool {
        let (word, bit) = Self::place(name);
        self.bits[word] & bit != 0 && self.names.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_module_is_denied_and_a_submodule_is_ruled_by_itself() {
        let at = |name| module(name, PythonVersion::DEFAULT);
        assert_eq!(at("json"), ModuleRuling::Allowed);
        assert_eq!(at("os.path"), ModuleRuling::Allowed);
        assert_eq!(at("numpy"), ModuleRuling::Unknown);
        assert!(matches!(at("subprocess"), ModuleRuling::Denied { kind: Kind::Process, .. }));
        assert!(matches!(at("_posixsubprocess"), ModuleRuling::Denied { kind: Kind::Private, .. }));
        assert!(matches!(at("logging.config"), ModuleRuling::Denied { .. }));
    }

    #[test]
    fn a_member_that_is_not_listed_is_not_allowed() {
        assert_eq!(member("math", "sqrt"), MemberRuling::Allowed);
        assert_eq!(member("math", "sqroot"), MemberRuling::Unknown);
        assert!(matches!(member("os", "system"), MemberRuling::Denied { kind: Kind::Process, .. }));
        assert_eq!(member("random", "_os"), MemberRuling::Leak("os"));
        assert!(matches!(member("sys", "_getframe"), MemberRuling::Denied { kind: Kind::Frame, .. }));
    }

    #[test]
    fn every_ruling_is_about_a_member_that_exists() {
        for row in rows(MEMBERS) {
            let [module, _, _, names, why] = row.as_slice() else {
                panic!("{row:?} has not five columns");
            };
            assert!(!why.is_empty(), "{module}");
            for name in names.split(' ').filter(|name| !name.is_empty()) {
                let known = TABLES.api.get(module).is_some_and(|api| api.contains(name))
                    || TABLES.leaks.contains_key(&(*module, name))
                    || is_module(&format!("{module}.{name}"))
                    || name.starts_with('_');
                // Newer than 3.11, or of another system.
                let elsewhere =
                    matches!(name, "settrace_all_threads" | "setprofile_all_threads" | "startfile");
                assert!(known || elsewhere, "{module}.{name}");
            }
        }
    }
}
