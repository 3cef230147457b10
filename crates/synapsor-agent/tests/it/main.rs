//! What a model can do, on a real SQLite database and a real ledger.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking")]

mod counter;
mod proposing;
mod reading;
mod records;
mod refusing;
