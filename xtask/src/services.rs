//! Which servers do the tests get, and how do they learn of them?
//!
//! A test reads the variables below through `synapsor-testkit` and fails when there is neither an
//! address nor the explicit word that servers are left out.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::TaskError;
use crate::install::{self, Install};
use crate::output;
use crate::postgres::{Durability, Server};
use crate::process::{Interrupt, run_in_foreground};
use crate::workspace::forget_ourselves;

/// The URL of a superuser of the throw-away server.
const POSTGRES_URL: &str = "SYNAPSOR_TEST_POSTGRES_URL";

/// A PEM file with the authority that signed the server's certificate.
const POSTGRES_CA: &str = "SYNAPSOR_TEST_POSTGRES_CA";

/// `1`: tests that need a server say that they were left out, and pass.
const NO_SERVICES: &str = "SYNAPSOR_TEST_NO_SERVICES";

/// A command that is run with servers around it.
#[derive(Debug, Args)]
pub(crate) struct Wrapped {
    /// Never install a missing server package
    #[arg(long)]
    no_install: bool,
    /// The command and its arguments, e.g. `cargo test -p synapsor-source`
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Wrapped {
    fn install(&self) -> Install {
        if self.no_install { Install::Forbidden } else { Install::Allowed }
    }
}

/// The servers of one run; dropping them stops them.
pub(crate) enum Services {
    Running { postgres: Server, version: String },
    LeftOut,
}

impl Services {
    /// Starts all servers.
    pub(crate) fn start(install: Install, durability: Durability, interrupt: &Interrupt) -> Result<Self, TaskError> {
        let programs = install::postgres(install, interrupt)?;
        let version = programs.version()?;
        let postgres = Server::start(&programs, durability, interrupt)?;
        Ok(Self::Running { postgres, version })
    }

    /// Tells a child where the servers are.
    pub(crate) fn announce(&self, command: &mut Command) {
        match self {
            Self::Running { postgres, .. } => {
                command.env_remove(NO_SERVICES).env(POSTGRES_URL, postgres.url()).env(POSTGRES_CA, postgres.authority())
            }
            Self::LeftOut => command.env(NO_SERVICES, "1").env_remove(POSTGRES_URL).env_remove(POSTGRES_CA),
        };
    }

    /// What runs, for a line of progress.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Running { postgres, version } => {
                format!("{version} on port {}", postgres.port())
            }
            Self::LeftOut => "no servers".to_owned(),
        }
    }
}

/// Starts the servers, runs the command in the foreground, stops them; its exit code becomes ours.
pub(crate) fn run_wrapped(wrapped: &Wrapped, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    let services = Services::start(wrapped.install(), Durability::Off, interrupt)?;
    output::line(&services.summary());
    let mut command = Command::new(&wrapped.command[0]);
    command.args(&wrapped.command[1..]);
    forget_ourselves(&mut command);
    services.announce(&mut command);
    let status = run_in_foreground(&mut command, interrupt)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
