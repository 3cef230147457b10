//! How does a command run, and how does it end?
//!
//! The process leads a group of its own. Whatever ends the run (its own end, the time, a caller that lets go) ends the whole group, and
//! it is waited for.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use synapsor_protocol::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::words::Line;
use crate::terms::MAX_ANSWER_BYTES;

/// How long what was written is still read after the process and its group ended: a process that left the group may hold the pipe.
const GRACE: Duration = Duration::from_millis(500);

/// What a process may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From its start to its end.
    pub(super) timeout: Duration,
    /// How much of its standard error is kept, from its end, in bytes.
    pub(super) errors: usize,
}

/// What a process left behind.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// Its standard output, up to a receipt's length.
    pub(super) output: Vec<u8>,
    /// Whether it wrote more.
    pub(super) too_long: bool,
    /// The end of its standard error.
    pub(super) errors: Vec<u8>,
    /// Whether there was more before it.
    pub(super) errors_cut: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
    /// By us, because it took too long.
    TimedOut,
}

/// Runs the command with this input. An error means that it was given nothing of it.
pub(super) async fn run(line: &Line, environment: &[(String, Secret)], input: &[u8], limits: Limits) -> io::Result<Ended> {
    let mut command = Command::new(&line.program);
    command.args(&line.arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value.expose())));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = Group::of(&child);
    let (mut output, mut too_long) = (Vec::new(), false);
    let mut errors = End { bytes: Vec::new(), kept: limits.errors, is_cut: false };
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let exit = {
        let talking = async {
            let (stdin, stdout, stderr) = pipes;
            tokio::join!(tell(stdin, input), listen(stdout, &mut output, &mut too_long), overhear(stderr, &mut errors))
        };
        let mut talking = pin!(talking);
        match tokio::time::timeout(limits.timeout, ended(&mut child, talking.as_mut())).await {
            Ok((status, all_read)) => {
                group.end();
                if !all_read {
                    let _grace = tokio::time::timeout(GRACE, talking).await;
                }
                exit_of(status?)
            }
            Err(_) => {
                group.end();
                let _reaped = tokio::time::timeout(GRACE, child.wait()).await;
                Exit::TimedOut
            }
        }
    };
    Ok(Ended { exit, output, too_long, errors: errors.bytes, errors_cut: errors.is_cut })
}

/// The end of the process, and whether everything that it wrote was read by then.
async fn ended<T>(child: &mut Child, mut talking: std::pin::Pin<&mut impl Future<Output = T>>) -> (io::Result<ExitStatus>, bool) {
    let mut all_read = false;
    loop {
        tokio::select! {
            status = child.wait() => return (status, all_read),
            _ = talking.as_mut(), if !all_read => all_read = true,
        }
    }
}

/// A command need not read its input to the end.
async fn tell(stdin: Option<tokio::process::ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _unread = stdin.write_all(input).await;
        let _closed = stdin.shutdown().await;
    }
}

/// Reads up to a receipt's length, and then closes the pipe.
async fn listen(stdout: Option<impl AsyncRead + Unpin>, output: &mut Vec<u8>, too_long: &mut bool) {
    if let Some(stdout) = stdout {
        let _broken = stdout.take(MAX_ANSWER_BYTES as u64 + 1).read_to_end(output).await;
        *too_long = output.len() > MAX_ANSWER_BYTES;
    }
}

/// The end of a text that is still being written.
struct End {
    bytes: Vec<u8>,
    kept: usize,
    is_cut: bool,
}

impl End {
    /// At most twice as much as is kept is held, so that little is moved.
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * self.kept {
            self.bytes.drain(..self.bytes.len() - self.kept);
            self.is_cut = true;
        }
    }
}

/// Reads to the end, and keeps the last of it.
async fn overhear(stderr: Option<impl AsyncRead + Unpin>, errors: &mut End) {
    let Some(mut stderr) = stderr else { return };
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        errors.add(&chunk[..read]);
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match status.code() {
        Some(code) => Exit::Code(code),
        None => Exit::Signal(status.signal().unwrap_or_default()),
    }
}

/// The process group of a run. It is ended when this is dropped, so that nothing outlives a caller that lets go.
struct Group(std::cell::Cell<Option<Pid>>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self(std::cell::Cell::new(id))
    }

    /// Ends whatever is left of the group. Right after the leader was waited for its number is not given out again: numbers count up.
    fn end(&self) {
        if let Some(leader) = self.0.take() {
            // Nobody left is what is wanted.
            let _nobody = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
