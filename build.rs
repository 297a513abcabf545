//! Rebuilds when a built-in task was added or removed: `include_dir!` only sees changed files.

fn main() {
    use std::io::Write as _;
    // Cargo reads instructions from the script's standard output; without them it always rebuilds.
    let _ = writeln!(std::io::stdout(), "cargo::rerun-if-changed=tasks");
}
