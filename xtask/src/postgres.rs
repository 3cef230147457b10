//! How does a run get a PostgreSQL server that nobody else uses?
//!
//! Its session defaults are hostile on purpose (another time zone, date style, isolation level): a
//! program that relies on defaults fails here and not at a user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::error::TaskError;
use crate::process::{Interrupt, output_of};
use crate::server::{Durability, Home, SUPERUSER, Server};
use crate::workspace;

/// Where Debian and Ubuntu put the programs of each major version.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";

/// PostgreSQL's immediate shutdown: nothing here is worth a checkpoint.
const DEATH: &str = "QUIT";

/// The settings of every run.
const SETTINGS: [&str; 13] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "ssl=on",
    "ssl_cert_file=../server.pem",
    "ssl_key_file=../server.key",
    "max_connections=200",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "timezone=Asia/Kathmandu",
    "datestyle=SQL, DMY",
    "extra_float_digits=0",
    "default_transaction_isolation=repeatable read",
    "synchronous_commit=off",
];

fn durable(durability: Durability) -> [&'static str; 2] {
    match durability {
        Durability::Off => ["fsync=off", "full_page_writes=off"],
        Durability::On => ["fsync=on", "full_page_writes=on"],
    }
}

/// The newest PostgreSQL server on this machine: the folder of its programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Looks in the folders of Debian's packages, newest version first, then in `PATH`.
    pub(crate) fn find() -> Option<Self> {
        let mut candidates = debian_versions(Path::new(DEBIAN_FOLDER));
        candidates.extend(workspace::path_folders());
        candidates.into_iter().find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file()).map(Self)
    }

    /// What `postgres --version` says.
    pub(crate) fn version(&self) -> Result<String, TaskError> {
        let text = output_of(Command::new(self.0.join("postgres")).arg("--version"))?;
        Ok(text.trim().replace("postgres (PostgreSQL)", "PostgreSQL"))
    }
}

/// A server with its data folder, not running.
pub(crate) struct Prepared {
    programs: Programs,
    durability: Durability,
    home: Home,
}

impl Prepared {
    /// Makes the data folder.
    pub(crate) fn make(programs: Programs, durability: Durability) -> Result<Self, TaskError> {
        let home = Home::make("PostgreSQL", durability)?;
        home.give("password", home.password())?;
        let mut initdb = home.program(&programs.0.join("initdb"), DEATH);
        initdb.args(["--pgdata=data", "--pwfile=password", "--auth=scram-sha-256", "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C"]).arg(format!("--username={SUPERUSER}"));
        output_of(&mut initdb)?;
        Ok(Self { programs, durability, home })
    }

    /// Starts the server; it accepts connections when this returns.
    pub(crate) fn start(self, interrupt: &Interrupt) -> Result<Server, TaskError> {
        let Self { programs, durability, home } = self;
        let server = move |home: &Home, port: u16| {
            let mut command = home.program(&programs.0.join("postgres"), DEATH);
            command.args(["-D", "data", "-p", &port.to_string()]);
            command.args(SETTINGS.into_iter().chain(durable(durability)).flat_map(|setting| ["-c", setting]));
            command
        };
        home.launch(Signal::QUIT, server, |home, _| says_ready(&home.own().join("data")), interrupt)
    }
}

/// The eighth line of `postmaster.pid` is the state of the server.
fn says_ready(data: &Path) -> bool {
    fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

fn debian_versions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, bin)| bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_greatest_number_not_the_last_word() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9", "15", "8", "common"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let found = debian_versions(folder.path());
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(&folder).unwrap()).collect();
        insta::assert_snapshot!(format!("{names:?}"), @r#"["15/bin", "9/bin", "8/bin"]"#);
    }
}
