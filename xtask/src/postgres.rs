//! How does a run get a PostgreSQL server that nobody else uses?
//!
//! # Invariants
//! - Own data folder, own port on 127.0.0.1, own password; no file of a system-wide server is touched.
//! - The server is a direct child that is waited for. It ends with its guard, and, where `setpriv`
//!   exists, with this process however that ends.
//! - Its session defaults are hostile on purpose (another time zone, date style, isolation level): a
//!   program that relies on defaults fails here and not at a user.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificate::ServerCertificate;
use crate::error::{TaskError, at};
use crate::process::{Group, Interrupt, PAUSE, output_of, tail};
use crate::unprivileged::{ServerUser, set_mode, traversable_folder, traversable_folder_in};
use crate::workspace;

/// Where Debian and Ubuntu put the programs of each major version.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";

/// How long a start may take; usually a fraction of a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A port that was free may be taken when the server binds it; then another one is tried.
const START_TRIES: u32 = 3;

/// The superuser of the throw-away server.
const USER: &str = "synapsor";

/// The settings of every run.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "ssl=on",
    "max_connections=200",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "timezone=Asia/Kathmandu",
    "datestyle=SQL, DMY",
    "extra_float_digits=0",
    "default_transaction_isolation=repeatable read",
    "synchronous_commit=off",
];

/// What a commit of the server is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: a crash of the machine may take the data with it. Enough for tests, and much faster.
    Off,
    /// What a commit is worth elsewhere, on a disk: for measurements.
    On,
}

impl Durability {
    fn settings(self) -> [&'static str; 2] {
        match self {
            Self::Off => ["fsync=off", "full_page_writes=off"],
            Self::On => ["fsync=on", "full_page_writes=on"],
        }
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

/// A running server. Dropping it stops it and removes all its files.
pub(crate) struct Server {
    process: Group,
    folder: TempDir,
    port: u16,
    password: String,
}

impl Server {
    /// Makes the data folder and starts the server; it accepts connections when this returns.
    pub(crate) fn start(programs: &Programs, durability: Durability, interrupt: &Interrupt) -> Result<Self, TaskError> {
        let user = ServerUser::find()?;
        let folder = match durability {
            Durability::Off => traversable_folder()?,
            // What is in `/tmp` may be in memory.
            Durability::On => traversable_folder_in(Path::new("/var/tmp"))?,
        };
        let password = random_password()?;
        prepare(programs, user, folder.path(), &password)?;
        let mut tries = 1;
        loop {
            let port = free_port()?;
            match launch(programs, user, durability, folder.path(), port, interrupt) {
                Ok(process) => return Ok(Self { process, folder, port, password }),
                Err(TaskError::ServerDidNotStart { .. }) if tries < START_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL of the superuser; it names `localhost`, as the certificate does.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}:{}@localhost:{}/postgres", self.password, self.port)
    }

    /// The certificate that signed the server's, as a PEM file.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT is PostgreSQL's immediate shutdown: nothing here is worth a checkpoint.
        self.process.end(Signal::QUIT);
    }
}

fn prepare(programs: &Programs, user: ServerUser, folder: &Path, password: &str) -> Result<(), TaskError> {
    let own = folder.join("postgres");
    fs::create_dir(&own).map_err(at("make", &own))?;
    set_mode(&own, 0o700)?;
    user.own(&own)?;
    let certificate = ServerCertificate::for_localhost()?;
    let authority = folder.join("authority.pem");
    fs::write(&authority, certificate.authority).map_err(at("write", &authority))?;
    set_mode(&authority, 0o644)?;
    give(user, &own.join("server.pem"), &certificate.certificate)?;
    give(user, &own.join("server.key"), &certificate.key)?;
    give(user, &own.join("password"), password)?;
    let mut initdb = program(programs, "initdb", user, &own);
    initdb.args(["--pgdata=data", "--pwfile=password", "--auth=scram-sha-256", "--no-sync"]);
    initdb.args(["--encoding=UTF8", "--locale=C"]).arg(format!("--username={USER}"));
    output_of(&mut initdb).map(drop)
}

fn give(user: ServerUser, path: &Path, text: &str) -> Result<(), TaskError> {
    fs::write(path, text).map_err(at("write", path))?;
    set_mode(path, 0o600)?;
    user.own(path)
}

fn launch(
    programs: &Programs,
    user: ServerUser,
    durability: Durability,
    folder: &Path,
    port: u16,
    interrupt: &Interrupt,
) -> Result<Group, TaskError> {
    let own = folder.join("postgres");
    let log = folder.join("postgres.log");
    let mut command = program(programs, "postgres", user, &own);
    command.args(["-D", "data", "-p", &port.to_string()]);
    command.args(["-c", "ssl_cert_file=../server.pem", "-c", "ssl_key_file=../server.key"]);
    for setting in SETTINGS.into_iter().chain(durability.settings()) {
        command.args(["-c", setting]);
    }
    let output = File::create(&log).map_err(at("write", &log))?;
    let errors = output.try_clone().map_err(at("write", &log))?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let mut process = Group::spawn(&mut command)?;
    wait_until_ready(&mut process, &own.join("data"), &log, interrupt)?;
    Ok(process)
}

fn wait_until_ready(process: &mut Group, data: &Path, log: &Path, interrupt: &Interrupt) -> Result<(), TaskError> {
    let begun = Instant::now();
    while !says_ready(data) {
        interrupt.check()?;
        if process.status()?.is_some() || begun.elapsed() > START_LIMIT {
            return Err(TaskError::ServerDidNotStart { log: tail(log, 20) });
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// The eighth line of `postmaster.pid` is the state of the server.
fn says_ready(data: &Path) -> bool {
    fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

/// A program of the server, as its user, in its folder, with nothing of our environment.
fn program(programs: &Programs, name: &str, user: ServerUser, folder: &Path) -> Command {
    let path = programs.0.join(name);
    let mut command = match death_signal() {
        Some(setpriv) => {
            let mut wrapped = Command::new(setpriv);
            wrapped.args(["--pdeathsig", "QUIT", "--"]).arg(path);
            wrapped
        }
        None => Command::new(path),
    };
    command.current_dir(folder).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    user.run(&mut command);
    command
}

/// `setpriv` (util-linux) replaces itself by the server, so the server stays our direct child.
fn death_signal() -> Option<PathBuf> {
    workspace::path_folders().into_iter().map(|folder| folder.join("setpriv")).find(|program| program.is_file())
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

fn free_port() -> Result<u16, TaskError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| TaskError::System { action: "find a free port", source })
}

fn random_password() -> Result<String, TaskError> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(at("read", "/dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
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
