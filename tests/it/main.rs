//! Fast offline tests: the library and the binary as their users meet them.

mod architecture;
mod diagnostic;
mod lint;
mod lint_cli;
mod support;
