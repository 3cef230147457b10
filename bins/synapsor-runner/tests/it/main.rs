//! The program as a person uses it: words in, exit code, stdout and stderr out.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod accounts;
mod altered;
mod answers;
mod arguments;
mod bad_sources;
mod command_line;
mod demo;
mod desk;
mod faults;
mod http;
mod http_client;
mod loops;
mod mcp_client;
mod modes;
mod review;
mod rows;
mod start;
mod stdio;
mod store;
mod versions;
