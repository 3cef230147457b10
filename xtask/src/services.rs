//! Which servers do the tests get, and how do they learn of them?
//!
//! A test reads the variables below through `synapsor-testkit` and fails when there is neither an
//! address nor the explicit word that servers are left out.

use std::panic::resume_unwind;
use std::process::{Command, ExitCode};
use std::thread;

use clap::Args;

use crate::error::TaskError;
use crate::install::{self, Install};
use crate::output;
use crate::process::{Interrupt, run_in_foreground};
use crate::server::{Durability, Server};
use crate::workspace::forget_ourselves;
use crate::{mariadb, postgres};

/// The URL of a superuser of the throw-away PostgreSQL server.
const POSTGRES_URL: &str = "SYNAPSOR_TEST_POSTGRES_URL";

/// A PEM file with the authority that signed that server's certificate.
const POSTGRES_CA: &str = "SYNAPSOR_TEST_POSTGRES_CA";

/// The URL of a superuser of the throw-away MariaDB server.
const MYSQL_URL: &str = "SYNAPSOR_TEST_MYSQL_URL";

/// A PEM file with the authority that signed that server's certificate.
const MYSQL_CA: &str = "SYNAPSOR_TEST_MYSQL_CA";

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
    Running(Box<Servers>),
    LeftOut,
}

/// One server of each kind.
pub(crate) struct Servers {
    postgres: Server,
    mariadb: Server,
    versions: [String; 2],
}

impl Services {
    /// Makes the data folders of all servers at the same time, and starts them.
    pub(crate) fn start(install: Install, durability: Durability, interrupt: &Interrupt) -> Result<Self, TaskError> {
        // One after the other: apt-get lets nobody else install.
        let (first, second) = (install::postgres(install, interrupt)?, install::mariadb(install, interrupt)?);
        let versions = [first.version()?, second.version()?];
        let (postgres, mariadb) = thread::scope(|scope| {
            let postgres = scope.spawn(|| postgres::Prepared::make(first, durability));
            let mariadb = mariadb::Prepared::make(second, durability);
            (postgres.join().unwrap_or_else(|panic| resume_unwind(panic)), mariadb)
        });
        // Not in the threads above: what a thread started would be told that its parent is gone when the thread ends.
        let (postgres, mariadb) = (postgres?.start(interrupt)?, mariadb?.start(interrupt)?);
        Ok(Self::Running(Box::new(Servers { postgres, mariadb, versions })))
    }

    /// Tells a child where the servers are.
    pub(crate) fn announce(&self, command: &mut Command) {
        match self {
            Self::Running(servers) => command
                .env_remove(NO_SERVICES)
                .env(POSTGRES_URL, servers.postgres.url("postgres", "postgres"))
                .env(POSTGRES_CA, servers.postgres.authority())
                .env(MYSQL_URL, servers.mariadb.url("mysql", ""))
                .env(MYSQL_CA, servers.mariadb.authority()),
            Self::LeftOut => [POSTGRES_URL, POSTGRES_CA, MYSQL_URL, MYSQL_CA]
                .into_iter()
                .fold(command.env(NO_SERVICES, "1"), |command, name| command.env_remove(name)),
        };
    }

    /// An error if a server ended though nobody asked it to: whatever failed meanwhile failed for that.
    pub(crate) fn check(&mut self) -> Result<(), TaskError> {
        match self {
            Self::Running(servers) => servers.postgres.check().and_then(|()| servers.mariadb.check()),
            Self::LeftOut => Ok(()),
        }
    }

    /// Starts anew whatever has ended; true if something had.
    pub(crate) fn revive(&mut self) -> Result<bool, TaskError> {
        match self {
            // Both, whatever the first says.
            Self::Running(servers) => Ok(servers.postgres.revive()? | servers.mariadb.revive()?),
            Self::LeftOut => Ok(false),
        }
    }

    /// The processes of the servers, one in a line.
    pub(crate) fn pids(&self) -> String {
        match self {
            Self::Running(servers) => format!("postgres {}\nmariadb {}\n", servers.postgres.pid(), servers.mariadb.pid()),
            Self::LeftOut => String::new(),
        }
    }

    /// What runs, for a line of progress.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Running(servers) => {
                let [first, second] = &servers.versions;
                format!("{first} on port {}, {second} on port {}", servers.postgres.port(), servers.mariadb.port())
            }
            Self::LeftOut => "no servers".to_owned(),
        }
    }
}

/// Starts the servers, runs the command in the foreground, stops them; its exit code becomes ours.
pub(crate) fn run_wrapped(wrapped: &Wrapped, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    install::languages(wrapped.install(), interrupt)?;
    let mut services = Services::start(wrapped.install(), Durability::Off, interrupt)?;
    output::line(&services.summary());
    let mut command = Command::new(&wrapped.command[0]);
    command.args(&wrapped.command[1..]);
    forget_ourselves(&mut command);
    services.announce(&mut command);
    let status = run_in_foreground(&mut command, interrupt)?;
    services.check()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
