//! Which words carry out what was approved, and look after what did not go well?

use clap::Args;

use super::{Actor, Format, Place};

/// Carry out what is due.
#[derive(Debug, Args)]
pub(crate) struct Work {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Answer in JSON, one line per event
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// End as soon as nothing is due
    #[arg(long)]
    pub(crate) drain: bool,
}

/// How much at once, and how long to the end.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Pace {
    /// How many jobs to run at once
    #[arg(long, value_name = "JOBS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    /// How long what is under way may take once the process is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) grace: u64,
}

/// Let workers pause.
#[derive(Debug, Args)]
pub(crate) struct PauseWorkers {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) actor: Actor,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// Let workers go on.
#[derive(Debug, Args)]
pub(crate) struct ResumeWorkers {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) actor: Actor,
    #[command(flatten)]
    pub(crate) format: Format,
}
