//! The source against real databases: each behaviour runs once per engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod business;
mod catalog;
mod fences;
mod generate;
mod guarded;
mod guards;
mod mysql_faults;
mod mysql_only;
mod mysql_writes;
mod postgres_faults;
mod postgres_guards;
mod postgres_only;
mod reads;
mod round_trip;
mod samples;
mod sqlite_only;
