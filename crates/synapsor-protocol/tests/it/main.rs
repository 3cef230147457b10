//! Records of other writers, and what we write.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking")]

mod described;
mod drift;
mod fixtures;
mod handler;
mod records;
#[cfg(feature = "schemas")]
mod schemas;
