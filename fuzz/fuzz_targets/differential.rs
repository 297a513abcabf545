//! What CPython 3.11 and the gate both accept is the same program to both.

#![no_main]

#[path = "../../tests/it/support/cpython.rs"]
mod cpython;

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use cpython::{CPython, Comparison, compare};
use libfuzzer_sys::fuzz_target;
use portcullis::python::PythonVersion;

static CPYTHON: LazyLock<Mutex<CPython>> = LazyLock::new(|| {
    let project = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    Mutex::new(CPython::start(project, PythonVersion::DEFAULT).expect("CPython 3.11"))
});

fuzz_target!(|source: &[u8]| {
    let answer = CPYTHON.lock().expect("no panic before").ask(source);
    let compared = compare(source, PythonVersion::DEFAULT, &answer);
    assert!(!matches!(compared, Comparison::DifferentTree { .. }), "{compared:?}");
});
