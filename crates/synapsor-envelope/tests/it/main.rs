//! The envelope, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking")]

mod documented;
