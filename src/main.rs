//! The binary: hands over to [`portcullis::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A check and an upload make and drop many small values: the platform takes about a tenth more uploads
/// with this than with the allocator of the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    portcullis::cli::main()
}
