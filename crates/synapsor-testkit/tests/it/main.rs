//! The testkit against a real server and real programs.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod fault_proxy;
mod mysql;
mod postgres;
mod program;
mod sqlite;
