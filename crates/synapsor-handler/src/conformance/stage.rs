//! How is the row put back, and how are effects counted?

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use synapsor_protocol::Scalar;
use synapsor_protocol::preparse::{self, Limits, ParseError};
use tokio::process::Command;

/// What a stage does, some time later.
pub type Acting<'a, T> = Pin<Box<dyn Future<Output = Result<T, StageError>> + Send + 'a>>;

/// How long a program may take.
const TIME: Duration = Duration::from_secs(60);

/// The application's data around a scenario.
pub trait Stage: Send + Sync {
    /// Puts the rows back, so that the fixture's patch can be applied again. Receipts may stay: every scenario has operations
    /// of its own.
    fn reset(&self) -> Acting<'_, ()>;

    /// Looks at the row, and counts effects.
    fn observe(&self) -> Acting<'_, Observation>;
}

/// What can be seen of the application's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The row's version, as capabilities carry it.
    pub version: Scalar,
    /// A number that grows by one with each change that was applied.
    pub effects: u64,
    /// Whatever else must be the same after a request that was refused.
    #[serde(default)]
    pub row: Value,
}

impl Observation {
    /// Reads what an observing program printed.
    pub fn from_slice(text: &[u8]) -> Result<Self, ParseError> {
        preparse::from_slice(text, Limits::DEFAULT)
    }
}

/// Why the data could not be put back or looked at. Nothing is known of the handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// A program could not be started or did not succeed.
    #[error("`{program}` {problem}")]
    Program {
        /// The program.
        program: String,
        /// What it did instead, with what it printed on stderr.
        problem: String,
    },
    /// What a program printed is no observation.
    #[error("`{program}` printed no `{{\"version\": ..., \"effects\": ...}}`")]
    Printed {
        /// The program.
        program: String,
        /// Why it is none.
        #[source]
        source: ParseError,
    },
    /// Another way failed.
    #[error("{0}")]
    Other(String),
}

/// A stage of two programs.
#[derive(Debug, Clone)]
pub struct Commands {
    /// The words of the program that puts the rows back; nothing if there is another way.
    pub reset: Vec<String>,
    /// The words of the program that looks.
    pub observe: Vec<String>,
}

impl Stage for Commands {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async { run(&self.reset).await.map(drop) })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let printed = run(&self.observe).await?;
            let program = self.observe.first().cloned().unwrap_or_default();
            Observation::from_slice(&printed).map_err(|source| StageError::Printed { program, source })
        })
    }
}

/// Runs a program without a shell; what it printed on stdout.
async fn run(words: &[String]) -> Result<Vec<u8>, StageError> {
    let (program, arguments) = words.split_first().ok_or_else(|| StageError::Other("there is no program to run".to_owned()))?;
    let failed = |problem: String| StageError::Program { program: program.clone(), problem };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let ran = tokio::time::timeout(TIME, command.output()).await.map_err(|_| failed(format!("took longer than {} s", TIME.as_secs())))?;
    let output = ran.map_err(|cause| failed(format!("cannot be run: {cause}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
    let said = if said.is_empty() { "and said nothing".to_owned() } else { format!("and said: {said}") };
    Err(failed(format!("failed ({}) {said}", output.status)))
}
