#!/usr/bin/env python3
"""Makes the tables about CPython's standard library that the gate embeds.

    generate.py names                  3.8.txt to 3.14.txt: what can be imported from each version
    generate.py dunders                dunders.txt: names with two underscores that CPython gives a meaning to
    generate.py tables [PYTHON ...]    stdlib_api.tsv, stdlib_leaks.tsv, stdlib_deputies.tsv
    generate.py check                  does the interpreter that runs this agree with the tables?

`names` asks the CPythons it finds (pyenv's, and pythonX.Y on the PATH) for
`sys.stdlib_module_names`, and PyPI's `stdlib-list` for a version that is not at hand or too old to
say (before 3.10). `tables` asks each PYTHON, or the one that runs this; they must be of the minor
version that runs the agents. Patch releases differ by a few names, so several can be given: a row
that not all have says which do, in its last column. Which modules are looked at is decided in
stdlib_policy.tsv and in SUBMODULES below.

What is a fact of the interpreter is made here. What agents may do with it is decided by people, in
stdlib_policy.tsv and policy.toml.
"""

import ast
import glob
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import types
import warnings
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
TARGET = (3, 11)

# Submodules of allowed or restricted packages that agents may import by their own name.
SUBMODULES = """
    asyncio.queues collections.abc concurrent.futures concurrent.futures.thread email.message
    email.mime.text email.parser email.policy email.utils html.entities html.parser http.cookies
    json.decoder json.encoder os.path unittest.case urllib.error urllib.parse xml.dom.minidom
    xml.etree.ElementTree xml.sax.saxutils
""".split()

# Packages that only hold submodules: their own names say nothing.
BARE_PACKAGES = {"concurrent", "urllib", "xml"}

# Objects that are dangerous in whatever module's namespace they are found.
DANGEROUS = """
    builtins.__import__ builtins.breakpoint builtins.compile builtins.eval builtins.exec
    builtins.globals builtins.input builtins.locals builtins.open builtins.vars
    _thread.start_new_thread importlib.import_module io.FileIO io.open_code
    operator.attrgetter operator.methodcaller
    os._exit os.chmod os.environ os.execv os.execve os.fork os.kill os.link os.listdir os.makedirs
    os.mkdir os.open os.popen os.posix_spawn os.putenv os.remove os.rename os.rmdir os.scandir
    os.stat os.symlink os.system os.unlink os.urandom os.write
    pickle.Unpickler pickle.loads runpy.run_path shutil.rmtree socket.socket subprocess.Popen
    sys._getframe sys.modules sys.setprofile sys.settrace
    types.CellType types.CodeType types.FunctionType types.ModuleType
""".split()

# Public names that a distributor brought into a patch release that does not have them upstream.
BACKPORTS = [["html.parser", "endtagopen", "Debian 3.11.2-6+deb12u6"]]

TABLES = {
    "stdlib_api.tsv": ["module", "public_attribute"],
    "stdlib_leaks.tsv": ["module", "attribute", "kind", "leaks", "visibility"],
    "stdlib_deputies.tsv": ["module", "function", "kind", "call", "line_in_3.11.7"],
}


# ---- names ----------------------------------------------------------------------------------


def interpreter(version):
    """The path of a CPython of `version`, or None."""
    candidates = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
    candidates += filter(None, [shutil.which(f"python{version}")])
    for candidate in candidates:
        found = ask(candidate, "import sys; print('%d.%d' % sys.version_info[:2])")
        if found == version:
            return candidate
    return None


def ask(python, code):
    done = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def names_of(version):
    """Where the names come from, and the names, sorted."""
    python = interpreter(version)
    if python and version not in ("3.8", "3.9"):
        patch, names = json.loads(ask(python, SAYS_ITSELF))
        return f"sys.stdlib_module_names of CPython {patch}", names
    source, names = names_of_pypi(version)
    if python:
        # The list of PyPI was taken on one platform; the folder of the library has a few more.
        patch, more = json.loads(ask(python, LIBRARY_FOLDER))
        return f"{source} and the library folder of CPython {patch}", sorted(names | set(more))
    return source, sorted(names)


SAYS_ITSELF = """
import json, sys
print(json.dumps([sys.version.split()[0], sorted(sys.stdlib_module_names)]))
"""
LIBRARY_FOLDER = """
import json, os, sys, sysconfig
folder = sysconfig.get_path("stdlib")
files = os.listdir(folder) + os.listdir(os.path.join(folder, "lib-dynload"))
names = {name.split(".")[0] for name in files if name.endswith((".py", ".so"))}
names |= {name for name in files if os.path.exists(os.path.join(folder, name, "__init__.py"))}
names -= {"test", "site-packages", "__pycache__"}
names = {name for name in names if not name.startswith("_sysconfigdata_") and "test" not in name}
print(json.dumps([sys.version.split()[0], sorted(names | set(sys.builtin_module_names))]))
"""


def names_of_pypi(version):
    """What PyPI's `stdlib-list` says; it lists submodules too, and `__main__`, which is no module."""
    try:
        import stdlib_list
    except ImportError:
        raise SystemExit(f"the names of {version} need: python3 -m pip install stdlib-list") from None
    names = {name.partition(".")[0] for name in stdlib_list.stdlib_list(version)}
    # One list was taken on a conda build and names its build configuration.
    names = {name for name in names if name != "__main__" and not name.startswith("_sysconfigdata_")}
    return f"PyPI stdlib-list {stdlib_list.__version__}", names


def write_names():
    for version in VERSIONS:
        source, names = names_of(version)
        text = f"# Top-level modules of CPython {version}. Source: {source}. Made by generate.py.\n"
        (HERE / f"{version}.txt").write_text(text + "".join(f"{name}\n" for name in names))
        print(f"{version}.txt: {len(names)} names, {source}")


# ---- facts of this interpreter ------------------------------------------------------------------


# ---- names with two underscores ---------------------------------------------------------------

DUNDER = re.compile(rb"(?<![A-Za-z0-9_])__[A-Za-z][A-Za-z0-9_]*__(?![A-Za-z0-9_])")

# What a compiler or a linker leaves in a binary, which differs from machine to machine.
LINKERS = {"__FRAME_END__", "__GNUC__", "__PRETTY_FUNCTION__", "__TMC_END__", "__gmon_start__"}

SAYS_WHERE = """
import json, sys, sysconfig
paths = {name: sysconfig.get_config_var(name) for name in ("LIBDIR", "LDLIBRARY")}
print(json.dumps([sys.version.split()[0], sys.executable, sysconfig.get_path("stdlib"), paths]))
"""


def dunders_of(python):
    """Every such name in the library and the binaries of one CPython, and which one it is."""
    patch, executable, library, paths = json.loads(ask(python, SAYS_WHERE))
    files = [Path(executable).resolve(), Path(paths["LIBDIR"] or "") / (paths["LDLIBRARY"] or "")]
    files += [file for ending in ("*.py", "*.so") for file in Path(library).rglob(ending)]
    names = set()
    for file in files:
        if file.is_file() and not {"site-packages", "dist-packages", "test"} & set(file.parts):
            names |= {name.decode() for name in DUNDER.findall(file.read_bytes())}
    return patch, names


def write_dunders():
    """Those of every CPython at hand: what stands nowhere there is no attribute of anything but what a
    source makes itself."""
    names, patches = set(), []
    for version in VERSIONS:
        if python := interpreter(version):
            patch, found = dunders_of(python)
            names |= found
            patches.append(patch)
    text = f"# Names with two underscores in CPython {', '.join(patches)}. Made by generate.py.\n"
    (HERE / "dunders.txt").write_text(text + "".join(f"{name}\n" for name in sorted(names)))
    print(f"dunders.txt: {len(names)} names of CPython {', '.join(patches)}")


def modules_in_reach():
    """The modules that stdlib_policy.tsv lets in, wholly or in part, sorted."""
    rows = (HERE / "stdlib_policy.tsv").read_text().splitlines()[1:]
    allowed = {row.split("\t")[0] for row in rows if row.split("\t")[1] in ("allow", "restricted")}
    in_reach = allowed - bare_imports() - BARE_PACKAGES
    return sorted([name for name in in_reach if name in sys.stdlib_module_names] + SUBMODULES)


def bare_imports():
    """The modules that may be imported and of which no member may be used: nothing in them is in reach."""
    rows = [row.split("\t") for row in (HERE / "members.tsv").read_text().splitlines() if not row.startswith("#")]
    opened = {row[0] for row in rows if row[1] in ("only", "call", "allow") and row[3].strip()}
    return {row[0] for row in rows if row[1] == "only"} - opened


def load(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def dangerous_objects():
    found = {}
    for path in DANGEROUS:
        module, _, attribute = path.rpartition(".")
        found.setdefault(id(getattr(load(module), attribute)), path)
    return found


def public_name(module):
    """What a module is called in source: `os.path`, not `posixpath`'s user."""
    return {"_collections_abc": "collections.abc"}.get(module, module)


def leaks_and_api():
    dangerous = dangerous_objects()
    api, leaks = [], []
    for name in modules_in_reach():
        module = load(name)
        listed = set(getattr(module, "__all__", ()))
        for attribute in sorted(set(vars(module)) | listed):
            if is_dunder(attribute) or not hasattr(module, attribute):
                continue
            value = getattr(module, attribute)
            private = attribute.startswith("_")
            visibility = "in __all__" if attribute in listed else "private" if private else "public-looking"
            if isinstance(value, types.ModuleType):
                own_child = value.__name__ == f"{name}.{attribute}" and not private
                documented = name == "os" and attribute == "path"
                if not own_child and not documented and value is not module:
                    leaks.append([name, attribute, "module", public_name(value.__name__), visibility])
            elif id(value) in dangerous:
                leaks.append([name, attribute, "callable", dangerous[id(value)], visibility])
            elif not private:
                api.append([name, attribute])
    return api, leaks


def is_dunder(name):
    return name.startswith("__") and name.endswith("__")


# ---- deputies: library code that turns a string into an attribute, a module or code -----------------


ATTRIBUTE_READS, ATTRIBUTE_WRITES = {"getattr", "hasattr"}, {"setattr", "delattr"}
CODE, IMPORTS = {"eval", "exec", "compile"}, {"__import__", "import_module"}


class Deputies(ast.NodeVisitor):
    def __init__(self, module, builtin_names):
        self.module, self.stack, self.rows = module, [], []
        self.shadowed = builtin_names

    def scoped(self, node):
        self.stack.append(node.name)
        self.generic_visit(node)
        self.stack.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = scoped

    def visit_Call(self, node):
        kind = self.kind(node)
        if kind:
            call = " ".join(ast.unparse(node).split("\n"))[:160]
            self.rows.append([self.module, ".".join(self.stack) or "<module>", kind, call, str(node.lineno)])
        self.generic_visit(node)

    def kind(self, node):
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "import_module":
            return "import"
        if not isinstance(function, ast.Name) or function.id in self.shadowed:
            return None
        name = function.id
        position = {**dict.fromkeys(ATTRIBUTE_READS | ATTRIBUTE_WRITES, 1)}.get(name, 0)
        constant = len(node.args) > position and isinstance(node.args[position], ast.Constant)
        if constant:
            return None
        if name in ATTRIBUTE_READS:
            return "getattr" if name == "getattr" else None
        if name in ATTRIBUTE_WRITES:
            return "setattr"
        if name in CODE:
            return "code"
        return "import" if name in IMPORTS else None


def shadowed_builtins(tree):
    """Names such as `compile` that the module defines itself, as `re` does."""
    return {
        node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    } & (ATTRIBUTE_READS | ATTRIBUTE_WRITES | CODE | IMPORTS)


def source_files():
    """Module name and file of everything that an allowed or restricted package consists of."""
    tops = sorted({name.partition(".")[0] for name in modules_in_reach()} | BARE_PACKAGES)
    for top in tops:
        module = load(top)
        origin = getattr(module, "__file__", None) or ""
        if not origin.endswith(".py"):
            continue
        if hasattr(module, "__path__"):
            folder = Path(origin).parent
            for path in sorted(folder.rglob("*.py")):
                parts = list(path.relative_to(folder).with_suffix("").parts)
                if parts[-1] == "__init__":
                    parts.pop()
                if not {"test", "tests", "__pycache__", "__main__"} & set(parts):
                    yield ".".join([top, *parts]), path
        else:
            yield top, Path(origin)


def deputies():
    rows = []
    for name, path in source_files():
        tree = ast.parse(path.read_bytes())
        visitor = Deputies(name, shadowed_builtins(tree))
        visitor.visit(tree)
        rows += visitor.rows
    return rows


# ---- tables ---------------------------------------------------------------------------------


def facts():
    api, leaks = leaks_and_api()
    return {"stdlib_api.tsv": api, "stdlib_leaks.tsv": leaks, "stdlib_deputies.tsv": deputies()}


def facts_of(python):
    """The patch release of an interpreter, and its facts."""
    done = subprocess.run([python, "-I", __file__, "facts"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{python} cannot say: {done.stderr.strip()}")
    patch, tables = json.loads(done.stdout)
    if tuple(map(int, patch.split(".")[:2])) != TARGET:
        raise SystemExit(f"{python} is CPython {patch}; the agents run on {'%d.%d' % TARGET}")
    return patch, tables


def by_identity(table, rows):
    """Each row under what makes it the same in another patch release, where line numbers differ.
    Equal calls in one function are told apart by counting them."""
    found, seen = {}, Counter()
    for row in rows:
        identity = tuple(row[:4]) if table == "stdlib_deputies.tsv" else tuple(row)
        found[(*identity, seen[identity])] = row
        seen[identity] += 1
    return found


def write_tables(pythons):
    found = dict(facts_of(python) for python in pythons)
    patches = sorted(found, key=lambda patch: [int(part) for part in patch.split(".")])
    for table, columns in TABLES.items():
        rows, holders = {}, {}
        for patch in patches:
            for key, row in by_identity(table, found[patch][table]).items():
                rows[key] = row
                holders.setdefault(key, []).append(patch)
        for *row, where in (row for row in BACKPORTS if table == "stdlib_api.tsv"):
            rows[*row, 0], holders[*row, 0] = row, [where]
        lines = ["\t".join([*columns, "only_in"])]
        for key, row in sorted(rows.items()):
            only_in = "" if holders[key] == patches else ", ".join(holders[key])
            lines.append("\t".join([*row, only_in]))
        (HERE / table).write_text("".join(f"{line}\n" for line in lines))
        print(f"{table}: {len(rows)} rows of CPython {', '.join(patches)}")


def check():
    """0 where the tables say what this interpreter says, 1 and the differences where not. A row
    that only some patch releases have may be there or not."""
    patch = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info[:2] != TARGET:
        print(f"skipped: this is CPython {patch}, the tables are about {'%d.%d' % TARGET}")
        return 0
    differences = []
    for table, rows in facts().items():
        here = set(by_identity(table, rows))
        lines = [line.split("\t") for line in (HERE / table).read_text().splitlines()[1:]]
        everywhere = set(by_identity(table, [row for *row, only_in in lines if not only_in]))
        anywhere = set(by_identity(table, [row for *row, _ in lines]))
        for title, rows in (("new in", here - anywhere), ("not in", everywhere - here)):
            differences += [f"{table}: {title} CPython {patch}: {' '.join(row[:-1])}" for row in sorted(rows)]
    # Names that only other versions have stand there too, so it is asked only whether one is missing.
    listed = set((HERE / "dunders.txt").read_text().splitlines())
    missing = dunders_of(sys.executable)[1] - listed - LINKERS
    for difference in differences + [f"dunders.txt: new in CPython {patch}: {name}" for name in sorted(missing)]:
        print(difference)
    if differences:
        print(f"the tables are out of date: stdlib_list/generate.py tables {sys.executable} ...")
    if missing:
        print("the names with two underscores are out of date: stdlib_list/generate.py dunders")
    return 1 if differences or missing else 0


def main():
    match sys.argv[1:]:
        case ["names"]:
            write_names()
        case ["dunders"]:
            write_dunders()
        case ["tables", *pythons]:
            write_tables(pythons or [sys.executable])
        case ["check"]:
            raise SystemExit(check())
        case ["facts"]:
            print(json.dumps(["%d.%d.%d" % sys.version_info[:3], facts()]))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
