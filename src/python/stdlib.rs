//! What the standard library holds and what of it agents may touch: embedded tables.

/// Every embedded table, for the policy's digest.
pub(crate) fn data_files() -> [&'static str; 1] {
    [include_str!("../../stdlib_list/policy.toml")]
}
