//! Why did a task not do what it was asked?

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a task ended early. Servers and temporary folders are gone when it is seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// A program could not be started at all.
    #[error("cannot start `{program}`")]
    Spawn {
        program: String,
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be read, written or made.
    #[error("cannot {action} `{}`", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The operating system refused something that needs no file (a signal, a port, a wait).
    #[error("cannot {action}")]
    System {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    /// A program ran and reported failure.
    #[error("`{program}` failed")]
    Failed { program: String, output: String },
    /// A program ran longer than it may; it was killed.
    #[error("`{program}` still ran after {minutes} minutes and was killed")]
    TooLong { program: String, minutes: u64 },
    /// A server, or another program that tests start, is missing and may not be installed from here.
    #[error(
        "no {server} found, and {reason}: install it (Debian, Ubuntu: `apt-get install {}`), or leave the tests of all servers out with \
         `cargo xtask test --no-services`", packages.join(" ")
    )]
    ServerMissing { server: &'static str, packages: &'static [&'static str], reason: &'static str },
    /// We are root, servers refuse to be, and nobody else is there.
    #[error("a database server does not run as root, and there is neither a user `postgres` nor `nobody`")]
    NoServerUser,
    /// The server ended or did not answer in time.
    #[error("{server} did not start")]
    ServerDidNotStart { server: &'static str, log: String },
    /// The server ended while it was in use.
    #[error("{server} ended by itself")]
    ServerEnded { server: &'static str, log: String },
    /// Files in `schemas/` are not what the types say.
    #[error("generated schemas differ from the types: {}", files.join(", "))]
    SchemasDiffer { files: Vec<String> },
    /// A schema could not be put into words.
    #[error("cannot write the schema `{file}` as JSON")]
    SchemaJson {
        file: &'static str,
        #[source]
        source: serde_json::Error,
    },
    /// The certificate of the test server could not be made.
    #[error("cannot make the certificate of the test server")]
    Certificate(#[from] rcgen::Error),
    /// Ctrl-C, or another signal that asks to end.
    #[error("interrupted")]
    Interrupted,
}

impl TaskError {
    /// What to do about it, where there is something to do.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SchemasDiffer { .. } => Some("run `cargo xtask schemas` and commit the result"),
            Self::Spawn { .. }
            | Self::File { .. }
            | Self::System { .. }
            | Self::Failed { .. }
            | Self::TooLong { .. }
            | Self::ServerMissing { .. }
            | Self::NoServerUser
            | Self::ServerDidNotStart { .. }
            | Self::ServerEnded { .. }
            | Self::SchemaJson { .. }
            | Self::Certificate(_)
            | Self::Interrupted => None,
        }
    }

    /// What the failing program printed, if one failed.
    pub(crate) fn output(&self) -> Option<&str> {
        match self {
            Self::Failed { output, .. } => Some(output),
            Self::ServerDidNotStart { log, .. } | Self::ServerEnded { log, .. } => Some(log),
            Self::Spawn { .. }
            | Self::File { .. }
            | Self::System { .. }
            | Self::TooLong { .. }
            | Self::ServerMissing { .. }
            | Self::NoServerUser
            | Self::SchemasDiffer { .. }
            | Self::SchemaJson { .. }
            | Self::Certificate(_)
            | Self::Interrupted => None,
        }
    }

    /// 130 for an interrupted run, as shells expect; 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Interrupted => ExitCode::from(130),
            Self::Spawn { .. }
            | Self::File { .. }
            | Self::System { .. }
            | Self::Failed { .. }
            | Self::TooLong { .. }
            | Self::ServerMissing { .. }
            | Self::NoServerUser
            | Self::ServerDidNotStart { .. }
            | Self::ServerEnded { .. }
            | Self::SchemasDiffer { .. }
            | Self::SchemaJson { .. }
            | Self::Certificate(_) => ExitCode::FAILURE,
        }
    }
}

/// Names the file in an I/O error: `fs::write(..).map_err(at("write", path))`.
pub(crate) fn at(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> TaskError {
    let path = path.into();
    move |source| TaskError::File { action, path, source }
}
