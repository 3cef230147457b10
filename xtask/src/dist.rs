//! What exactly is shipped?

use std::fs;
use std::process::ExitCode;

use synapsor_protocol::digest::Digest;

use crate::error::{TaskError, at};
use crate::output;
use crate::process::{Interrupt, run_in_foreground};
use crate::workspace::{self, cargo};

/// The binary that is shipped.
const BINARY: &str = "synapsor-runner";

/// Builds the runner with the profile `dist`; prints path, size and digest.
pub(crate) fn run(interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    let mut build = cargo(&["build", "--locked", "--profile", "dist", "-p", BINARY]);
    build.arg("--target-dir").arg(workspace::target());
    if !run_in_foreground(&mut build, interrupt)?.success() {
        interrupt.check()?;
        let program = format!("cargo build --profile dist -p {BINARY}");
        return Err(TaskError::Failed { program, output: String::new() });
    }
    let path = workspace::target().join("dist").join(BINARY);
    let bytes = fs::read(&path).map_err(at("read", &path))?;
    output::line(&format!("path    {}", path.display()));
    output::line(&format!("size    {} bytes", bytes.len()));
    output::line(&format!("digest  {}", Digest::of_bytes(&bytes)));
    Ok(ExitCode::SUCCESS)
}
