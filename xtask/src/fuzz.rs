//! Do the readers of foreign bytes keep their promises for every input that hours of mutation find?
//!
//! `fuzz/` is a workspace of its own for the nightly compiler. An input that breaks a promise is left in `fuzz/artifacts/`; it belongs,
//! made small, into a test of the crate that it breaks.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::error::TaskError;
use crate::process::{Interrupt, run_in_foreground};
use crate::workspace::{self, forget_ourselves};

/// Every target of `fuzz/fuzz_targets/`.
const TARGETS: [&str; 2] = ["config", "handler"];

/// What is fuzzed, for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The target; each after the other if absent
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Builds and runs the targets; the first finding ends the run.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    for target in TARGETS {
        if options.target.as_deref().is_some_and(|wanted| wanted != target) {
            continue;
        }
        if !run_in_foreground(&mut command(target, options.seconds), interrupt)?.success() {
            interrupt.check()?;
            return Err(TaskError::Failed { program: format!("cargo fuzz run {target}"), output: String::new() });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn command(target: &str, seconds: u64) -> Command {
    let folder = workspace::root().join("fuzz");
    let mut command = Command::new("cargo");
    forget_ourselves(&mut command);
    // The compiler of this run is pinned by an inherited variable, and is not the nightly one.
    command.env_remove("RUSTUP_TOOLCHAIN").current_dir(&folder);
    // No sanitizer: the workspace forbids `unsafe`, and what is asserted needs none.
    command.args(["+nightly", "fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(&folder);
    command.arg("--target-dir").arg(workspace::target().join("fuzz")).arg(target).arg("--");
    command.arg(format!("-dict={}", folder.join(format!("{target}.dict")).display()));
    command.args([format!("-max_total_time={seconds}"), "-timeout=10".into(), "-rss_limit_mb=1500".into(), "-max_len=8192".into()]);
    command
}
