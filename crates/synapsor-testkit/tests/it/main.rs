//! The testkit against a real server and real programs.

mod fault_proxy;
mod mysql;
mod postgres;
mod program;
mod sqlite;
