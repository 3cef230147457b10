//! What exactly is shipped?

use std::fs;
use std::process::ExitCode;

use synapsor_protocol::digest::Digest;

use crate::error::{TaskError, at};
use crate::output;
use crate::process::{Interrupt, run_in_foreground};
use crate::workspace::{self, cargo};

/// The packages and binaries that are shipped.
const SHIPPED: [(&str, &str); 2] = [("synapsor-runner", "synapsor-runner"), ("synapsor-handler-server", "synapsor-handler")];

/// Builds them with the profile `dist`; prints path, size and digest of each.
pub(crate) fn run(interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    let packages = SHIPPED.iter().flat_map(|(package, _)| ["-p", *package]);
    let arguments: Vec<&str> = ["build", "--locked", "--profile", "dist"].into_iter().chain(packages).collect();
    let mut build = cargo(&arguments);
    build.arg("--target-dir").arg(workspace::target());
    if !run_in_foreground(&mut build, interrupt)?.success() {
        interrupt.check()?;
        return Err(TaskError::Failed { program: format!("cargo {}", arguments.join(" ")), output: String::new() });
    }
    for (_, binary) in SHIPPED {
        let path = workspace::target().join("dist").join(binary);
        let bytes = fs::read(&path).map_err(at("read", &path))?;
        output::line(&format!("path    {}", path.display()));
        output::line(&format!("size    {} bytes", bytes.len()));
        output::line(&format!("digest  {}", Digest::of_bytes(&bytes)));
    }
    Ok(ExitCode::SUCCESS)
}
