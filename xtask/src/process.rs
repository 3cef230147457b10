//! How does a child run so that nothing of it is left behind?
//!
//! # Invariants
//! - Every child is waited for. One that is still there when its guard goes is killed with all that it
//!   started: it leads a process group of its own.
//! - A signal that asks us to end is noticed within [`PAUSE`]; a second one ends us at once.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{TaskError, at};

/// How long a look at a running child may be old.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// How long a group may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Whether somebody asked us to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn install() -> Result<Self, TaskError> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds the flag down and only raises it.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&raised))
                .and_then(|_| flag::register(signal, Arc::clone(&raised)))
                .map_err(|source| TaskError::System { action: "listen for signals", source })?;
        }
        Ok(Self(raised))
    }

    /// An error once somebody asked us to end.
    pub(crate) fn check(&self) -> Result<(), TaskError> {
        if self.0.load(Ordering::Relaxed) { Err(TaskError::Interrupted) } else { Ok(()) }
    }
}

/// Runs `command` to its end; what it prints goes to the file `log`. True if it succeeded.
///
/// When `limit` passes or somebody interrupts us, the child and all that it started are ended.
pub(crate) fn run_logged(command: &mut Command, log: &Path, limit: Duration, interrupt: &Interrupt) -> Result<bool, TaskError> {
    let file = File::create(log).map_err(at("write", log))?;
    let errors = file.try_clone().map_err(at("write", log))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let mut group = Group::spawn(command)?;
    let begun = Instant::now();
    loop {
        if let Some(status) = group.status()? {
            return Ok(status.success());
        }
        interrupt.check()?;
        if begun.elapsed() > limit {
            return Err(TaskError::TooLong { program: name_of(command), minutes: limit.as_secs() / 60 });
        }
        thread::sleep(PAUSE);
    }
}

/// Runs `command` on our own terminal, in our own group: Ctrl-C reaches it as it reaches us. It is ended when we are asked to end.
pub(crate) fn run_in_foreground(command: &mut Command, interrupt: &Interrupt) -> Result<ExitStatus, TaskError> {
    run_beside(command, interrupt, || Ok(()))
}

/// The same; `meanwhile` is called again and again while the command runs, and an error of it ends both.
pub(crate) fn run_beside(
    command: &mut Command,
    interrupt: &Interrupt,
    mut meanwhile: impl FnMut() -> Result<(), TaskError>,
) -> Result<ExitStatus, TaskError> {
    let mut child = command.spawn().map_err(spawning(command))?;
    let waiting = |source| TaskError::System { action: "wait for the command", source };
    loop {
        if let Some(status) = child.try_wait().map_err(waiting)? {
            return Ok(status);
        }
        if let Err(error) = meanwhile() {
            // Its only error is that the command has just ended.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            let _ = child.wait();
            return Err(error);
        }
        if interrupt.check().is_err() {
            // Its only error is that the command has just ended.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            return child.wait().map_err(waiting);
        }
        thread::sleep(PAUSE);
    }
}

/// Runs `command` and gives its standard output; a failure carries everything that it printed.
pub(crate) fn output_of(command: &mut Command) -> Result<String, TaskError> {
    let output = command.stdin(Stdio::null()).output().map_err(spawning(command))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(TaskError::Failed { program: name_of(command), output: format!("{text}{errors}") })
}

/// The last `count` lines of a file, or of what can be read of it.
pub(crate) fn tail(path: &Path, count: usize) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Names the program in the error of a failed start.
pub(crate) fn spawning(command: &Command) -> impl FnOnce(io::Error) -> TaskError + use<> {
    let program = name_of(command);
    move |source| TaskError::Spawn { program, source }
}

/// A child that leads a process group. Ended, if need be killed, with its whole group on drop.
pub(crate) struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Starts the child as the leader of a new group.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, TaskError> {
        let child = command.process_group(0).spawn().map_err(spawning(command))?;
        Ok(Self { child, ended: false })
    }

    /// The process of the child.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills what a child that has ended has left behind.
    pub(crate) fn sweep(&self) {
        self.send(Signal::KILL);
    }

    /// The exit status, once the child has ended.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>, TaskError> {
        let status = self.child.try_wait().map_err(|source| TaskError::System { action: "wait for a child", source })?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Sends `signal` to the whole group, waits for the leader, and kills what is left after a while.
    pub(crate) fn end(&mut self, signal: Signal) {
        if self.ended {
            return;
        }
        self.send(signal);
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if !matches!(self.status(), Ok(None)) {
                break;
            }
            thread::sleep(PAUSE);
        }
        self.send(Signal::KILL);
        // Its only error is that somebody else has waited already.
        let _ = self.child.wait();
        self.ended = true;
    }

    fn send(&self, signal: Signal) {
        // Its only error that can happen here is that the group has ended.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

fn name_of(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    if let Some(file) = Path::new(&words[0]).file_name() {
        words[0] = file.to_string_lossy().into_owned();
    }
    words.join(" ")
}
