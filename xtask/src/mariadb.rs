//! How does a run get a MariaDB server that nobody else uses?
//!
//! Its session defaults are hostile on purpose. Text is latin1, statements are no longer strict, quotes mean
//! something else, no statement commits by itself, and a commit begins the next transaction: what a careless administrator
//! sets, and what a program must not rely on.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::error::TaskError;
use crate::process::{Interrupt, output_of};
use crate::server::{Durability, Home, SUPERUSER, Server};
use crate::workspace;

/// Where the server is though `PATH` of an ordinary user does not name the folder.
const USUAL_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/libexec"];

/// Nothing here is worth an orderly shutdown, which writes pages back.
const DEATH: &str = "KILL";

/// How long a listening server may take to greet.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// The settings of making the data folder and of every run.
const COMMON: [&str; 3] = ["--no-defaults", "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M"];

/// Files in the server's own folder, by the setting that names them.
const FILES: [(&str, &str); 5] =
    [("socket", "socket"), ("pid-file", "pid"), ("init-file", "init.sql"), ("ssl-cert", "server.pem"), ("ssl-key", "server.key")];

/// The settings of every run.
const SETTINGS: [&str; 13] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=200",
    "--max-connect-errors=1000000",
    "--character-set-server=latin1",
    "--collation-server=latin1_swedish_ci",
    "--init-connect=SET NAMES latin1",
    "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,PAD_CHAR_TO_FULL_LENGTH",
    "--default-time-zone=+05:45",
    "--transaction-isolation=REPEATABLE-READ",
    "--autocommit=0",
    "--completion-type=CHAIN",
];

/// Settings under which a commit is worth nothing.
const VOLATILE: [&str; 4] =
    ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--debug-no-sync"];

fn durable(durability: Durability) -> &'static [&'static str] {
    match durability {
        Durability::Off => &VOLATILE,
        Durability::On => &["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1"],
    }
}

/// The MariaDB server on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    server: PathBuf,
    install: PathBuf,
}

impl Programs {
    /// Looks in `PATH` and in the folders of system programs.
    pub(crate) fn find() -> Option<Self> {
        let mut folders = workspace::path_folders();
        folders.extend(USUAL_FOLDERS.map(PathBuf::from));
        let found = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
        // What makes the data folder runs it, though it comes with another package.
        found("my_print_defaults")?;
        Some(Self { server: found("mariadbd")?, install: found("mariadb-install-db")? })
    }

    /// Name and version, as `mariadbd --version` says.
    pub(crate) fn version(&self) -> Result<String, TaskError> {
        output_of(Command::new(&self.server).arg("--version")).map(|text| named(&text))
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
        let home = Home::make("MariaDB", durability)?;
        home.give("init.sql", &superuser(home.password()))?;
        let mut install = home.program(&programs.install, DEATH);
        install.args(COMMON).args(folders(&home)).args(VOLATILE);
        install.args(["--skip-test-db", "--skip-name-resolve", "--force"]);
        output_of(&mut install)?;
        Ok(Self { programs, durability, home })
    }

    /// Starts the server; it accepts connections when this returns.
    pub(crate) fn start(self, interrupt: &Interrupt) -> Result<Server, TaskError> {
        let Self { programs, durability, home } = self;
        let server = move |home: &Home, port: u16| {
            let mut command = home.program(&programs.server, DEATH);
            command.args(COMMON).args(folders(home)).args(SETTINGS).args(durable(durability)).arg(format!("--port={port}"));
            // Whole paths: the server changes its folder between reading some and others.
            command.args(FILES.map(|(setting, file)| format!("--{setting}={}", home.own().join(file).display())));
            command
        };
        home.launch(Signal::KILL, server, |_, port| greets(port), interrupt)
    }
}

/// Temporary tables are in a folder of the server's own too: a server that starts removes those of others from a shared one.
fn folders(home: &Home) -> [String; 2] {
    [format!("--datadir={}", home.own().join("data").display()), format!("--tmpdir={}", home.own().display())]
}

/// What the server runs before it accepts anybody. Without this account it has none that a password opens.
fn superuser(password: &str) -> String {
    format!(
        "CREATE OR REPLACE USER '{SUPERUSER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{SUPERUSER}'@'%' WITH GRANT OPTION;\n"
    )
}

/// Whether something on the port greets: of the two it is a MySQL server that speaks first.
fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let greeting = TcpStream::connect_timeout(&address, GREETING_LIMIT).and_then(|mut stream| {
        stream.set_read_timeout(Some(GREETING_LIMIT))?;
        stream.read_exact(&mut [0; 5])
    });
    greeting.is_ok()
}

/// `MariaDB 10.11.6` of `mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu ...`.
fn named(text: &str) -> String {
    let version = text.split_whitespace().skip_while(|word| *word != "Ver").nth(1).unwrap_or("of an unknown version");
    format!("MariaDB {}", version.split('-').next().unwrap_or(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_number_alone() {
        let check = |text| named(text);
        insta::assert_snapshot!(check("mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"), @"MariaDB 10.11.6");
        insta::assert_snapshot!(check("mariadbd from somewhere"), @"MariaDB of an unknown version");
    }
}
