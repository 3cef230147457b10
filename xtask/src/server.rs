//! What do all throw-away servers share?
//!
//! # Invariants
//! - Own folder, own port on 127.0.0.1, own password; no file of a system-wide server is touched.
//! - A server is a direct child that is waited for. It ends with its guard, and, where `setpriv` exists,
//!   with this process however that ends.
//!
//! Start reading at [`Home`].

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
use crate::process::{Group, Interrupt, PAUSE, tail};
use crate::unprivileged::{ServerUser, set_mode, traversable_folder, traversable_folder_in};
use crate::workspace;

/// How long a start may take; usually a fraction of a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A port that was free may be taken when the server binds it; then another one is tried.
const START_TRIES: u32 = 3;

/// Lines of a server's log that are shown when it ended by itself: a crash writes a page.
const LAST_WORDS: usize = 120;

/// The user that may do everything on a throw-away server.
pub(crate) const SUPERUSER: &str = "synapsor";

/// What a commit of a server is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: a crash of the machine may take the data with it. Enough for tests, and much faster.
    Off,
    /// What a commit is worth elsewhere, on a disk: for measurements.
    On,
}

/// Where one server lives: a temporary folder, and in it one that belongs to the server's user alone.
///
/// `server.pem` and `server.key` are in the server's own folder; the authority that signed them is beside it, for its clients.
pub(crate) struct Home {
    folder: TempDir,
    server: &'static str,
    user: ServerUser,
    password: String,
}

impl Home {
    /// Makes the folders, a password and a certificate for `localhost`.
    pub(crate) fn make(server: &'static str, durability: Durability) -> Result<Self, TaskError> {
        let folder = match durability {
            Durability::Off => traversable_folder()?,
            // What is in `/tmp` may be in memory.
            Durability::On => traversable_folder_in(Path::new("/var/tmp"))?,
        };
        let home = Self { folder, server, user: ServerUser::find()?, password: random_password()? };
        let own = home.own();
        fs::create_dir(&own).map_err(at("make", &own))?;
        set_mode(&own, 0o700)?;
        home.user.own(&own)?;
        home.certify()?;
        Ok(home)
    }

    fn certify(&self) -> Result<(), TaskError> {
        let certificate = ServerCertificate::for_localhost()?;
        let authority = self.authority();
        fs::write(&authority, certificate.authority).map_err(at("write", &authority))?;
        set_mode(&authority, 0o644)?;
        self.give("server.pem", &certificate.certificate)?;
        self.give("server.key", &certificate.key)
    }

    /// The folder that belongs to the server.
    pub(crate) fn own(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// The certificate that signed the server's, as a PEM file that everybody may read.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The password of [`SUPERUSER`]: hexadecimal digits.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// What the server prints.
    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Writes a file into the server's folder that its user alone may read.
    pub(crate) fn give(&self, name: &str, text: &str) -> Result<(), TaskError> {
        let path = self.own().join(name);
        fs::write(&path, text).map_err(at("write", &path))?;
        set_mode(&path, 0o600)?;
        self.user.own(&path)
    }

    /// A program of the server, as its user, in its folder, with nothing of our environment.
    ///
    /// `death` is the signal that it gets when we die before it.
    pub(crate) fn program(&self, path: &Path, death: &str) -> Command {
        let mut command = match death_signal() {
            Some(setpriv) => {
                let mut wrapped = Command::new(setpriv);
                wrapped.args(["--pdeathsig", death, "--"]).arg(path);
                wrapped
            }
            None => Command::new(path),
        };
        command.current_dir(self.own()).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
        self.user.run(&mut command);
        command
    }

    /// Starts the server that `command` makes of a free port, and waits until it is `ready`. It ends by the signal `death`.
    pub(crate) fn launch(
        self,
        death: Signal,
        command: impl Fn(&Self, u16) -> Command + 'static,
        ready: impl Fn(&Self, u16) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Server, TaskError> {
        let mut tries = 1;
        loop {
            let port = free_port()?;
            match self.launch_on(port, command(&self, port), &ready, interrupt) {
                Ok(process) => return Ok(Server { process, home: self, port, death, command: Box::new(command) }),
                Err(TaskError::ServerDidNotStart { .. }) if tries < START_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the server; what it prints is added to its log.
    fn spawn(&self, command: &mut Command) -> Result<Group, TaskError> {
        let log = self.log();
        let output = File::options().append(true).create(true).open(&log).map_err(at("write", &log))?;
        let errors = output.try_clone().map_err(at("write", &log))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        Group::spawn(command)
    }

    fn launch_on(
        &self,
        port: u16,
        mut command: Command,
        ready: &impl Fn(&Self, u16) -> bool,
        interrupt: &Interrupt,
    ) -> Result<Group, TaskError> {
        let log = self.log();
        let mut process = self.spawn(&mut command)?;
        let begun = Instant::now();
        loop {
            // In this order: what answers on the port of a server that has ended is somebody else.
            let answers = ready(self, port);
            interrupt.check()?;
            if process.status()?.is_some() || begun.elapsed() > START_LIMIT {
                return Err(TaskError::ServerDidNotStart { server: self.server, log: tail(&log, 20) });
            }
            if answers {
                return Ok(process);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Makes the command that starts a server on a port.
type StartOn = Box<dyn Fn(&Home, u16) -> Command>;

/// A running server. Dropping it stops it and removes all its files.
pub(crate) struct Server {
    process: Group,
    home: Home,
    port: u16,
    death: Signal,
    command: StartOn,
}

impl Server {
    /// The URL of the superuser; it names `localhost`, as the certificate does.
    pub(crate) fn url(&self, scheme: &str, database: &str) -> String {
        format!("{scheme}://{SUPERUSER}:{}@localhost:{}/{database}", self.home.password, self.port)
    }

    /// The certificate that signed the server's, as a PEM file.
    pub(crate) fn authority(&self) -> PathBuf {
        self.home.authority()
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Starts the server anew if it has ended, on the same port with the same data; true if so. Whoever asks on that port waits
    /// until it has recovered. One that ends again at once, because what it left has not ended yet, is started by the next call.
    pub(crate) fn revive(&mut self) -> Result<bool, TaskError> {
        if self.process.status()?.is_none() {
            return Ok(false);
        }
        self.process.sweep();
        self.process = self.home.spawn(&mut (self.command)(&self.home, self.port))?;
        Ok(true)
    }

    /// An error, with the server's last words, if it ended though nobody asked it to.
    pub(crate) fn check(&mut self) -> Result<(), TaskError> {
        match self.process.status()? {
            None => Ok(()),
            Some(_) => Err(TaskError::ServerEnded { server: self.home.server, log: tail(&self.home.log(), LAST_WORDS) }),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.end(self.death);
    }
}

/// `setpriv` (util-linux) replaces itself by the server, so the server stays our direct child.
fn death_signal() -> Option<PathBuf> {
    workspace::path_folders().into_iter().map(|folder| folder.join("setpriv")).find(|program| program.is_file())
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
