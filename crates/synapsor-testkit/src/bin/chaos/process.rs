//! How is a program of the trial run, so that nothing of it is left behind?
//!
//! Every run leads a process group of its own, which is killed when its guard goes: a tracer that dies does not take with it what
//! it traced.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value as Json;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// No run takes as long unless it hangs: a lease and a half, and a server that comes back.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run to come.
pub(crate) struct Wrapped {
    words: Vec<OsString>,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    patience: Duration,
    log: Option<PathBuf>,
}

/// What a run left behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The exit code; none if a signal ended it, or it was killed for taking too long.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) hung: bool,
}

impl Seen {
    /// What it answered; null if that is no whole record.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or(Json::Null)
    }

    /// The first things that it said.
    pub(crate) fn words(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        format!("exit {:?}: {}", self.code, text.trim().chars().take(400).collect::<String>())
    }
}

impl Wrapped {
    /// The program with these words, in a folder, with this environment and nothing else.
    pub(crate) fn new(program: &Path, words: &[&str], folder: &Path, variables: &BTreeMap<String, String>) -> Self {
        let words = std::iter::once(program.into()).chain(words.iter().map(OsString::from)).collect();
        Self { words, folder: folder.to_owned(), variables: variables.clone(), patience: PATIENCE, log: None }
    }

    /// The same, run by another program with these words before it.
    pub(crate) fn under(mut self, tracer: impl IntoIterator<Item = OsString>) -> Self {
        self.words = tracer.into_iter().chain(self.words).collect();
        self
    }

    /// The same with another variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same, killed if it takes longer.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same, with everything that it says in a file: nobody listens.
    pub(crate) fn logging(self, log: PathBuf) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Starts it, with a pipe to its input.
    pub(crate) fn start(self) -> Running {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(&self.folder).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.folder);
        command.env("SYNAPSOR_LOG_LEVEL", "error").envs(&self.variables);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
        if let Some(log) = &self.log {
            let log = std::fs::File::options().append(true).create(true).open(log).expect("a log can be written");
            command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        }
        let child = command.spawn().expect("the program starts");
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Running { child, group, patience: self.patience }
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Seen {
        let mut running = self.start();
        drop(running.child.stdin.take());
        running.finish().await
    }
}

/// A program that runs. Killed, with everything that it started, when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    group: Option<Pid>,
    patience: Duration,
}

impl Running {
    /// Waits for its end and reads what it said.
    pub(crate) async fn finish(&mut self) -> Seen {
        let mut stdout = self.child.stdout.take().expect("its output is a pipe");
        let mut stderr = self.child.stderr.take().expect("its errors are a pipe");
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let reading = async {
            let (one, other) = tokio::join!(stdout.read_to_end(&mut said), stderr.read_to_end(&mut complained));
            drop((one, other));
            self.child.wait().await
        };
        let ended = timeout(self.patience, reading).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = ended.as_ref().ok().and_then(|status| status.as_ref().ok()?.code());
        let seen = Seen { code, stdout: text(&said), stderr: text(&complained), hung: ended.is_err() };
        if seen.hung {
            self.signal(Signal::KILL);
        }
        seen
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.group
    }

    /// Sends a signal to it and to all that it started.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Its only error is that nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
