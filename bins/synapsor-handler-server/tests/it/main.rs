//! The program as an operator runs it: a file in, signed requests over HTTP, log lines out.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod checked;
mod conformance;
mod documented;
mod ending;
mod example;
mod log;
mod network;
mod readiness;
mod requests;
mod shop;
