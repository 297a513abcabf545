//! The gate's parser against CPython's. A fast part of what `scripts/differential` does whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis::python::PythonVersion;

use crate::support::cpython::{CPython, Comparison, compare};
use crate::support::mutate::Mutator;
use crate::support::project;

/// Folders of the library that together use every statement, and whose files are small.
const PARTS: [&str; 6] =
    ["json", "asyncio", "email", "test/test_patma.py", "test/test_fstring.py", "test/test_grammar.py"];

/// The library's folder, or the reason why there is nothing to compare with.
pub(crate) fn library() -> Result<PathBuf, String> {
    let code = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let asked =
        Command::new("python3").args(["-I", "-c", code]).output().map_err(|error| error.to_string())?;
    Ok(PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim()))
}

fn python_files(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            python_files(&entry.expect("an entry").path(), into);
        }
    } else if path.extension().is_some_and(|extension| extension == "py") {
        into.push(path.to_owned());
    }
}

/// Runs `test` where CPython 3.11 is, with room for trees as deep as their sources.
fn with_cpython(test: impl FnOnce(&mut CPython, &[Vec<u8>]) + Send + 'static) {
    let mut cpython = match CPython::start(&project("."), PythonVersion::DEFAULT) {
        Ok(cpython) => cpython,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let library = match library() {
        Ok(library) => library,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let mut files = Vec::new();
    // Debian leaves some of the library's tests out of its packages.
    PARTS.iter().for_each(|part| python_files(&library.join(part), &mut files));
    files.sort();
    assert!(files.len() > 50, "the library lies in {}", library.display());
    let sources: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file")).collect();
    let worker = std::thread::Builder::new().stack_size(1 << 30).spawn(move || test(&mut cpython, &sources));
    if let Err(panic) = worker.expect("a thread").join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn the_library_has_the_tree_that_cpython_sees() {
    with_cpython(|cpython, sources| {
        for source in sources {
            let answer = cpython.ask(source);
            let compared = compare(source, PythonVersion::DEFAULT, &answer);
            let both_refuse = compared == Comparison::BothRefuse;
            let head = String::from_utf8_lossy(&source[..source.len().min(80)]);
            assert!(both_refuse || compared == Comparison::SameTree, "{head}: {compared:?}");
        }
    });
}

#[test]
fn a_mutated_source_that_both_accept_is_the_same_program_to_both() {
    with_cpython(|cpython, sources| {
        let small: Vec<&[u8]> =
            sources.iter().map(|source| &source[..]).filter(|s| s.len() < 20_000).collect();
        let mut mutator = Mutator::new(311);
        let mut accepted = 0;
        for _ in 0..400 {
            let source = mutator.next(&small);
            let answer = cpython.ask(&source);
            let compared = compare(&source, PythonVersion::DEFAULT, &answer);
            accepted += u32::from(compared == Comparison::SameTree);
            let differs = matches!(compared, Comparison::DifferentTree { .. });
            assert!(!differs, "{}\n{compared:?}", String::from_utf8_lossy(&source));
        }
        assert!(accepted > 50, "only {accepted} of the mutated sources are Python");
    });
}

#[test]
fn what_hides_code_from_a_reader_is_refused_or_seen() {
    with_cpython(|cpython, _| {
        let sources: [&[u8]; 14] = [
            "\u{ff45}\u{ff56}\u{ff41}\u{ff4c}('1')\n".as_bytes(),
            "\u{1d41e}val('1')\n".as_bytes(),
            "x = 'a' f'b{c}' 'd'\n".as_bytes(),
            b"x = f'{a!r:>{w}}{b=}'\n",
            b"x = '\\N{LATIN SMALL LETTER E}val'\n",
            b"x = '\\ud800' '\\udc00'\n",
            b"x = 0xffff_ffff_ffff_ffff_ffff + 1e400 + 1_000j\n",
            b"if 1:\r\n\tx = '''a\r\nb'''\r\n",
            b"x = 1 \\\n+ 2\n",
            b"\xef\xbb\xbfx = 1\n",
            b"\x0cif 1:\n  pass\n",
            b"match x:\n  case {'a': [1, *_], **rest}: pass\n  case C(1, k=None) | D() as y if z: pass\n",
            b"class C:\n  def f(self, /, a=1, *b, c, d=2, **e) -> 'int': self.__x = lambda: (yield)\n",
            b"try:\n  pass\nexcept* (A, B) as e:\n  raise X from e\n",
        ];
        for source in sources {
            let answer = cpython.ask(source);
            let compared = compare(source, PythonVersion::DEFAULT, &answer);
            assert_eq!(compared, Comparison::SameTree, "{}", String::from_utf8_lossy(source));
        }
    });
}
