//! Which words hand an approved change over as a file, and take one back?

use std::path::PathBuf;

use clap::Args;

use super::{Format, One};

/// Print the job of an approved proposal, for a worker elsewhere.
#[derive(Debug, Args)]
pub(crate) struct ExportJob {
    #[command(flatten)]
    pub(crate) one: One,
    /// The file to write instead of printing
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The project that the job is for
    #[arg(long, default_value = "local")]
    pub(crate) project: String,
    /// The one runner that the job is for
    #[arg(long, value_name = "RUNNER")]
    pub(crate) runner: Option<String>,
    /// How long the job may be applied, from 15 seconds to an hour
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) lease_seconds: u64,
}

/// Check a record in a file.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The job, `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// A job in a file, in the place of a proposal's id.
#[derive(Debug, Args)]
pub(crate) struct HandedOver {
    /// A job in a file, `-` for stdin; applied only if it says exactly what was approved
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub(crate) job: Option<PathBuf>,
    /// The project that the job must be for
    #[arg(long, default_value = "local", requires = "job")]
    pub(crate) project: String,
    /// The runner that the job must be for, if it is for one alone
    #[arg(long, value_name = "RUNNER", requires = "job")]
    pub(crate) runner: Option<String>,
}
