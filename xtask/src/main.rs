//! How is this workspace tested, and how are its generated files and its shipped binaries made?
//!
//! # Invariants
//! - Light: of the workspace only the crates that carry schemas are linked; all else is spawned.
//! - A server that was started is stopped, whatever ends the run: success, failure, panic, a signal.
//! - Nothing is skipped silently: what a run leaves out, it names.
//!
//! Start reading at [`suite::run`].

mod bench;
mod boundary;
mod certificate;
mod chaos;
mod dist;
mod error;
mod fuzz;
mod handler_types;
mod install;
mod manifest;
mod mariadb;
mod output;
mod postgres;
mod process;
mod schemas;
mod server;
mod services;
mod suite;
mod unprivileged;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::TaskError;
use crate::process::Interrupt;

/// Generated files, the test suite and the shipped binaries of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the whole suite, with database servers of its own
    Test(suite::Options),
    /// Write `schemas/` from the Rust types
    Schemas {
        /// Only compare, and fail when a file differs
        #[arg(long)]
        check: bool,
    },
    /// Measure the release runner beside its floors, on a durable database server of its own
    Bench(bench::Options),
    /// Strike the release binaries and their databases, and check that nothing is lost and nothing twice
    Chaos(chaos::Options),
    /// Mutate what strangers send, for a while
    Fuzz(fuzz::Options),
    /// Build the binaries as they are shipped; print path, size and digest of each
    Dist,
    /// Start the test servers, run one command with their addresses in its environment, stop them
    WithServices(services::Wrapped),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.verb) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode, TaskError> {
    let interrupt = Interrupt::install()?;
    match verb {
        Verb::Test(options) => suite::run(options, &interrupt),
        Verb::Schemas { check: true } => schemas::check(),
        Verb::Schemas { check: false } => schemas::write(),
        Verb::Bench(options) => bench::run(&options, &interrupt),
        Verb::Chaos(options) => chaos::run(&options, &interrupt),
        Verb::Fuzz(options) => fuzz::run(&options, &interrupt),
        Verb::Dist => dist::run(&interrupt),
        Verb::WithServices(wrapped) => services::run_wrapped(&wrapped, &interrupt),
    }
}
