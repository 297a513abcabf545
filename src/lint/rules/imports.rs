//! PC1xx: what may be imported. A module that is not on the list is refused, whatever it is; the
//! rules differ in what they say.

use ruff_python_ast::Stmt;
use ruff_text_size::{Ranged, TextRange};

use super::library;
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::ScopeId;
use crate::python::stdlib::{self, Kind, ModuleRuling};

pub(super) static THIRD_PARTY: Rule = Rule {
    code: "PC101",
    name: "third-party-import",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module that is not part of the standard library of the Python that runs the agents.",
    why: "Agents run with the bare standard library: nothing else is installed, and the import would fail. A \
          name that nobody knows could also be a file that the agent wrote itself.",
    refused: "import numpy\n",
    passes: "import statistics\n",
    fix: "Use the standard library, or write the part that you need into the agent.",
    on: &[On::Stmt(check)],
};

pub(super) static PRIVATE: Rule = Rule {
    code: "PC102",
    name: "private-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of an implementation module of the standard library (`_posixsubprocess`, `sre_parse`).",
    why: "These are the public modules without their checks, under names that a list of dangerous modules forgets.",
    refused: "import _posixsubprocess\n",
    passes: "import heapq\n",
    fix: "Import the public module.",
    on: &[],
};

pub(super) static PROCESS: Rule = Rule {
    code: "PC103",
    name: "process-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module that starts programs or processes: `subprocess`, `multiprocessing`, `pty` …",
    why: "An agent is one process. Whatever it started would run beside the limits of the task.",
    refused: "import subprocess\n",
    passes: "from concurrent.futures import ThreadPoolExecutor\n",
    fix: "Do the work in the agent itself; threads are allowed.",
    on: &[],
};

pub(super) static NETWORK: Rule = Rule {
    code: "PC104",
    name: "network-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module that opens connections: `socket`, `urllib.request`, `http.client`, `ssl` …",
    why: "Agents have no network. A connection could only be used to leak the task or to fetch an answer.",
    refused: "import urllib.request\n",
    passes: "import urllib.parse\n",
    fix: "Everything that an agent may know comes with its arguments and its standard input.",
    on: &[],
};

pub(super) static NATIVE: Rule = Rule {
    code: "PC105",
    name: "native-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module that reaches native code or raw memory: `ctypes`, `mmap`.",
    why: "Native code is not bound by anything that Python promises.",
    refused: "import ctypes\n",
    passes: "import struct\n",
    fix: "Use `struct`, `array` and `memoryview` for binary data.",
    on: &[],
};

pub(super) static SERIALISATION: Rule = Rule {
    code: "PC106",
    name: "unsafe-deserialisation",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module whose decoding runs code: `pickle`, `marshal`, `shelve`, `copyreg`.",
    why: "A pickle is a program. Loading one runs whatever it names.",
    refused: "import pickle\n",
    passes: "import json\n",
    fix: "Use `json`, `csv` or `struct`; for a deep copy use `copy.deepcopy`.",
    on: &[],
};

pub(super) static EVALUATOR: Rule = Rule {
    code: "PC107",
    name: "evaluator-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module that compiles, evaluates or traces source: `code`, `codeop`, `bdb`, `runpy` …",
    why: "They are `exec` by another name.",
    refused: "import code\n",
    passes: "import ast\n",
    fix: "Read data with `ast.literal_eval` or `json`, and dispatch over a dictionary of functions.",
    on: &[],
};

pub(super) static MACHINERY: Rule = Rule {
    code: "PC108",
    name: "import-machinery",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of what imports: `importlib`, `runpy`, `pkgutil`, `zipimport`, `builtins` …",
    why: "They turn a string into a module, and a string can be anything.",
    refused: "import importlib\n",
    passes: "import json\n",
    fix: "Write `import name`; for an optional module use `try: import name` with `except ImportError`.",
    on: &[],
};

pub(super) static SYSTEM: Rule = Rule {
    code: "PC109",
    name: "system-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module about the machine: signals, limits, accounts, descriptors, terminals.",
    why: "An agent that ignores signals or raises its limits fights its judge; accounts are none of its business.",
    refused: "import signal\n",
    passes: "import time\n",
    fix: "For a deadline of your own look at `time.monotonic()` in the loop.",
    on: &[],
};

pub(super) static OTHER: Rule = Rule {
    code: "PC110",
    name: "denied-module",
    family: Family::Imports,
    severity: Severity::Error,
    what: "An import of a module of the standard library that agents have no use for, or that nobody has ruled on.",
    why: "The list of modules is a list of what is known to be harmless; everything else is refused.",
    refused: "import turtle\n",
    passes: "import textwrap\n",
    fix: "See `portcullis rules --print-policy` for how an operator opens a module.",
    on: &[],
};

pub(super) static STAR: Rule = Rule {
    code: "PC111",
    name: "star-import",
    family: Family::Imports,
    severity: Severity::Error,
    what: "`from module import *`, where the module has names that agents may not use.",
    why: "A star brings names that no reader sees, and may replace builtins such as `open`.",
    refused: "from os import *\n",
    passes: "from math import *\n",
    fix: "Name what you need: `from os import path`.",
    on: &[],
};

pub(super) static RELATIVE: Rule = Rule {
    code: "PC112",
    name: "relative-import",
    family: Family::Imports,
    severity: Severity::Error,
    what: "`from . import name`.",
    why: "An agent is a single file without a package around it; the import would fail.",
    refused: "from . import helper\n",
    passes: "from math import gcd\n",
    fix: "Put everything into the one file.",
    on: &[],
};

fn check(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    match stmt {
        Stmt::Import(import) => {
            for alias in &import.names {
                module(&alias.name, alias.name.range, cx);
            }
        }
        Stmt::ImportFrom(import) => {
            if import.level > 0 {
                cx.report(&RELATIVE, import.range(), Found::new("a relative import in a single file"));
                return;
            }
            let Some(from) = &import.module else {
                return;
            };
            // Code that `timeit` runs takes its names from the agent itself.
            if cx.depth > 0 && from.as_str() == "__main__" {
                return;
            }
            if !module(from, from.range, cx) {
                return;
            }
            for alias in &import.names {
                let full = format!("{from}.{}", alias.name);
                if alias.name.as_str() == "*" {
                    let unseen = !stdlib::has_known_exports(from) || stdlib::is_restricted(from);
                    if unseen && !cx.policy.modules.allow.contains(from.as_str()) {
                        cx.report(
                            &STAR,
                            import.range(),
                            Found::new(format!("`{from}` has names that agents may not use"))
                                .name(format!("{from}.*"))
                                .help(format!("name what you need: `from {from} import …`")),
                        );
                    }
                } else if stdlib::is_module(&full) {
                    module(&full, alias.name.range, cx);
                } else {
                    library::report_member(from, &alias.name, alias.name.range, None, cx);
                }
            }
        }
        _ => {}
    }
}

/// Reports a module that may not be imported. Whether it may.
fn module(name: &str, range: TextRange, cx: &mut Context<'_, '_>) -> bool {
    let (rule, found) = match cx.module_ruling(name) {
        ModuleRuling::Allowed => return true,
        ModuleRuling::Unknown => (
            &THIRD_PARTY,
            Found::new(format!("`{name}` is not in the standard library of Python {}", cx.policy.target()))
                .help("agents run with the bare standard library"),
        ),
        ModuleRuling::Denied { kind, why } => {
            let rule = rule_of(kind);
            (rule, Found::new(format!("`{name}` may not be imported: {why}")).help(rule.fix))
        }
    };
    cx.report(rule, range, found.name(name));
    false
}

pub(super) const fn rule_of(kind: Kind) -> &'static Rule {
    match kind {
        Kind::Process => &PROCESS,
        Kind::Network => &NETWORK,
        Kind::Native => &NATIVE,
        Kind::Serialisation => &SERIALISATION,
        Kind::Evaluator => &EVALUATOR,
        Kind::Machinery => &MACHINERY,
        Kind::System => &SYSTEM,
        Kind::Private | Kind::Module => &PRIVATE,
        Kind::Files | Kind::Frame | Kind::Hook | Kind::Reflection | Kind::Other => &OTHER,
    }
}
