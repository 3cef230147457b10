//! The program as a person uses it: words in, exit code, stdout and stderr out.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod accounts;
mod altered;
mod answers;
mod arguments;
mod bad_sources;
mod bridge;
mod cancellation;
mod check_db;
mod command_handlers;
mod command_line;
mod damage;
mod dead_letters;
mod demo;
mod desk;
mod faults;
mod formats;
mod handlers;
mod http;
mod http_client;
mod jobs;
mod leases;
mod lookups;
mod loops;
mod mcp_client;
mod modes;
mod output;
mod proving;
mod records;
mod resources;
mod review;
mod rows;
mod sample_databases;
mod secrets;
mod shadow;
mod smoke;
mod start;
mod stdio;
mod store;
mod store_life;
mod templates;
mod versions;
mod worker;
