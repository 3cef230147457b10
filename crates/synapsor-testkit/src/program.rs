//! What does a person see who runs the program?

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::terminal;

/// How long a run may take before it is killed and the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One run of a binary, prepared step by step as with [`Command`].
///
/// The environment is empty but for `PATH` and a `HOME` of its own, so a run is the same everywhere.
///
/// ```no_run
/// use synapsor_testkit::{Folder, Program};
///
/// let folder = Folder::new();
/// let seen = Program::at("target/debug/synapsor-runner").arg("tools").arg("list").inside(folder.path()).run();
/// assert_eq!(seen.code, Some(0), "{seen}");
/// ```
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Vec<u8>,
    home: TempDir,
}

/// What a run left behind. Its `Display` is the text for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Program {
    /// A run of the binary at `path`; tests of a binary's own package use
    /// `env!("CARGO_BIN_EXE_synapsor-runner")`.
    ///
    /// # Panics
    /// If no temporary folder can be made.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a program must find what it starts; nothing else is handed on")]
    pub fn at(path: impl AsRef<OsStr>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(path);
        command.env_clear().env("HOME", home.path());
        if let Some(folders) = std::env::var_os("PATH") {
            command.env("PATH", folders);
        }
        Self { command, input: Vec::new(), home }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<Argument: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = Argument>) -> Self {
        self.command.args(arguments);
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The folder it runs in.
    #[must_use]
    pub fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from standard input; without, there is nothing to read.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started, or still runs after 60 s.
    #[must_use]
    pub fn run(mut self) -> Seen {
        // Files and no pipes: none of them can fill up and block the program.
        let (stdout, stderr) = (self.file("stdout"), self.file("stderr"));
        let input = self.file("stdin");
        fs::write(&input, &self.input).expect("files can be written in a temporary folder");
        self.command
            .stdin(File::open(&input).expect("the input was written"))
            .stdout(File::create(&stdout).expect("files can be made in a temporary folder"))
            .stderr(File::create(&stderr).expect("files can be made in a temporary folder"));
        let status = wait(&mut self.command.spawn().expect("the program starts"));
        Seen { code: status.code(), stdout: text(&stdout), stderr: text(&stderr) }
    }

    /// Runs it to its end on a terminal on which somebody has `typed` ahead. All that the terminal showed, what was typed
    /// included, is in [`Seen::stdout`].
    ///
    /// # Panics
    /// If it cannot be started, or still runs after 60 s.
    #[must_use]
    pub fn run_on_terminal(self, typed: &str) -> Seen {
        let Self { mut command, home: _home, .. } = self;
        let (terminal, line) = terminal::open();
        let another = || line.try_clone().expect("a file can be shared");
        command.stdin(another()).stdout(another()).stderr(another());
        let mut child = command.spawn().expect("the program starts");
        // The terminal says that it ended once nobody else holds its line.
        drop((command, line));
        (&terminal).write_all(typed.as_bytes()).expect("a terminal takes a line");
        let shown = thread::spawn(move || terminal::shown(terminal));
        let status = wait(&mut child);
        let shown = shown.join().expect("the reading thread ends with the terminal");
        Seen { code: status.code(), stdout: shown.replace("\r\n", "\n"), stderr: String::new() }
    }

    /// Starts it with pipes for standard input and output and leaves it running, for a dialogue.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(mut self) -> Running {
        let stderr = self.file("stderr");
        let file = File::create(&stderr).expect("files can be made in a temporary folder");
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let child = self.command.spawn().expect("the program starts");
        Running { child, stderr, _home: self.home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// A program that runs. Killed and waited for when dropped.
#[derive(Debug)]
pub struct Running {
    /// The process, with its pipes.
    pub child: Child,
    stderr: PathBuf,
    _home: TempDir,
}

impl Running {
    /// What it has said on standard error up to now.
    ///
    /// # Panics
    /// If its file is gone.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until its standard error holds `words`, and gives all of it.
    ///
    /// # Panics
    /// If that takes longer than 60 s.
    #[must_use]
    pub fn wait_for_stderr(&self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.stderr();
            if said.contains(words) {
                return said;
            }
            assert!(begun.elapsed() < PATIENCE, "the program did not say `{words}`, but: {said}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its end, which must come by itself.
    ///
    /// # Panics
    /// If it still runs after 60 s.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the program has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => writeln!(out, "exit: {code}")?,
            None => writeln!(out, "exit: by a signal")?,
        }
        writeln!(out, "---- stdout ----\n{}", self.stdout.trim_end())?;
        write!(out, "---- stderr ----\n{}", self.stderr.trim_end())
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            // It may end by itself in this instant.
            let _ = child.kill();
            let _ = child.wait();
            panic!("the program still ran after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).expect("the output was written");
    String::from_utf8_lossy(&bytes).into_owned()
}
