//! The sandbox against hostile programs, on real engines.
