//! How fast is the runner? Builds runner and bench as releases, starts database servers that are durable, and runs the bench.
//!
//! The measuring is done by the binary `bench` of `synapsor-testkit`, so that nothing of it is linked here.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::TaskError;
use crate::install::Install;
use crate::output;
use crate::process::{Interrupt, run_in_foreground};
use crate::server::Durability;
use crate::services::Services;
use crate::workspace::{self, cargo, forget_ourselves};

/// Both binaries in one build, so that they are of one state of the sources.
const BUILD: &str = "build --quiet --locked --release -p synapsor-runner -p synapsor-testkit --features synapsor-testkit/bench \
    --bin synapsor-runner --bin bench";

/// What is measured, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Shorter rounds, fewer of them, smaller ledgers
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Never install a missing server package
    #[arg(long)]
    no_install: bool,
    /// reads, proposals, commits, applies, handlers, engines, start, memory, growth, lookups; all of them if none is named
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
}

/// Builds, starts the servers, measures, stops the servers.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    let mut build = cargo(&BUILD.split_whitespace().collect::<Vec<_>>());
    build.arg("--target-dir").arg(workspace::target());
    if !run_in_foreground(&mut build, interrupt)?.success() {
        interrupt.check()?;
        return Err(TaskError::Failed { program: format!("cargo {BUILD}"), output: String::new() });
    }
    let install = if options.no_install { Install::Forbidden } else { Install::Allowed };
    let services = Services::start(install, Durability::On, interrupt)?;
    if !options.json {
        output::line(&services.summary());
    }
    let mut bench = command(options);
    services.announce(&mut bench);
    let status = run_in_foreground(&mut bench, interrupt)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn command(options: &Options) -> Command {
    let mut command = Command::new(workspace::target().join("release/bench"));
    forget_ourselves(&mut command);
    // The ledgers lie beside what was built: on a disk.
    command.arg("--folder").arg(workspace::target());
    let flags = [("--quick", options.quick), ("--json", options.json)];
    command.args(flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag)).args(&options.rows);
    command
}
