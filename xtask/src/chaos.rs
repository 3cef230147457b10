//! Is nothing lost and nothing done twice, whatever dies? Builds the release binaries, starts durable servers, and runs the program
//! `chaos` of `synapsor-testkit`, which strikes all of them.
//!
//! A database server that it kills is started anew here, on the same port with the same data, as an init system would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::{TaskError, at};
use crate::install::{self, Install};
use crate::output;
use crate::process::{Interrupt, run_beside, run_in_foreground};
use crate::server::Durability;
use crate::services::Services;
use crate::workspace::{self, cargo, forget_ourselves};

/// All in one build, so that they are of one state of the sources.
const BUILD: &str = "build --quiet --locked --release -p synapsor-runner -p synapsor-handler-server -p synapsor-testkit \
    --features synapsor-testkit/chaos --bin synapsor-runner --bin synapsor-handler --bin chaos";

/// The file in which the program finds the process ids of the servers.
const PIDS: &str = "SYNAPSOR_CHAOS_SERVERS";

/// What is tried; `chaos` itself knows what the rest means.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Few trials of everything: at most five minutes on two cores
    #[arg(long)]
    pub(crate) quick: bool,
    /// The seed of every choice; printed, and the time if absent
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Only these: a, b, c or d, or the name of a part
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<String>,
    /// So many trials of each part instead of the usual number
    #[arg(long, value_name = "N")]
    pub(crate) trials: Option<u64>,
    /// The one trial with this number
    #[arg(long, value_name = "N")]
    pub(crate) trial: Option<u64>,
    /// Keep the folders of all trials
    #[arg(long)]
    pub(crate) keep: bool,
    /// Strike the programs in this folder, and build nothing
    #[arg(long, value_name = "FOLDER")]
    pub(crate) programs: Option<PathBuf>,
    /// Never install a missing package
    #[arg(long)]
    pub(crate) no_install: bool,
}

/// Builds, starts the servers, strikes, stops the servers.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    if options.programs.is_none() {
        build(&mut cargo(&[]), interrupt)?;
    }
    let install = if options.no_install { Install::Forbidden } else { Install::Allowed };
    install::chaos_tools(install, interrupt)?;
    let mut services = Services::start(install, Durability::On, interrupt)?;
    output::line(&services.summary());
    let folder = tempfile::tempdir().map_err(at("make a folder in", "/tmp"))?;
    let pids = folder.path().join("servers");
    tell(&services, &pids)?;
    let mut command = command(options);
    services.announce(&mut command);
    command.env(PIDS, &pids);
    let status = run_beside(&mut command, interrupt, || if services.revive()? { tell(&services, &pids) } else { Ok(()) })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn build(command: &mut Command, interrupt: &Interrupt) -> Result<(), TaskError> {
    command.args(BUILD.split_whitespace()).arg("--target-dir").arg(workspace::target());
    if run_in_foreground(command, interrupt)?.success() {
        return Ok(());
    }
    interrupt.check()?;
    Err(TaskError::Failed { program: format!("cargo {BUILD}"), output: String::new() })
}

/// Writes down which processes the servers are; in one step, as it is read while it is written.
fn tell(services: &Services, file: &Path) -> Result<(), TaskError> {
    let new = file.with_extension("new");
    fs::write(&new, services.pids()).map_err(at("write", &new))?;
    fs::rename(&new, file).map_err(at("write", file))
}

fn command(options: &Options) -> Command {
    let programs = options.programs.clone().unwrap_or_else(|| workspace::target().join("release"));
    let mut command = Command::new(programs.join("chaos"));
    forget_ourselves(&mut command);
    // Ledgers lie beside what was built: on a disk.
    command.arg("--folder").arg(workspace::target());
    let flags = [("--quick", options.quick), ("--keep", options.keep)];
    command.args(flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag));
    let numbers = [("--seed", options.seed), ("--trials", options.trials), ("--trial", options.trial)];
    for (flag, number) in numbers {
        if let Some(number) = number {
            command.arg(flag).arg(number.to_string());
        }
    }
    for part in &options.only {
        command.arg("--only").arg(part);
    }
    command
}
