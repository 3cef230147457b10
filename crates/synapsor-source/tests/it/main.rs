//! The source against real databases: each behaviour runs once per engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod business;
mod catalog;
mod fences;
mod guarded;
mod postgres_faults;
mod postgres_only;
mod reads;
mod sqlite_only;
