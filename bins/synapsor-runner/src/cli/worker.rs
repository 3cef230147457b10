//! Which words carry out what was approved, and look after what did not go well?

use clap::{Args, Subcommand, ValueEnum};

use super::{Actor, Filters, Format, List, One, Place};

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

/// Which approved proposals to apply, all of them.
#[derive(Debug, Clone, Args)]
pub(crate) struct AllApproved {
    /// Apply every approved proposal that matches, and sum up
    #[arg(long, conflicts_with_all = ["id", "job", "dry_run"])]
    pub(crate) all_approved: bool,
    /// Only of this tenant
    #[arg(long, requires = "all_approved")]
    tenant: Option<String>,
    /// Only on behalf of this principal
    #[arg(long, requires = "all_approved")]
    principal: Option<String>,
    /// Only of this capability
    #[arg(long, visible_alias = "action", requires = "all_approved")]
    capability: Option<String>,
    /// Only of this object, `type:id`
    #[arg(long, value_name = "TYPE:ID", requires = "all_approved")]
    object: Option<String>,
    /// Only of the row with this primary key
    #[arg(long, value_name = "KEY", requires = "all_approved")]
    primary_key: Option<String>,
    /// Only from this source
    #[arg(long, requires = "all_approved")]
    source: Option<String>,
    /// Only from this table, with or without its schema
    #[arg(long, requires = "all_approved")]
    table: Option<String>,
    /// Only what was proposed from this moment on: RFC 3339, or a day in UTC
    #[arg(long, value_name = "TIME", requires = "all_approved")]
    from: Option<String>,
    /// Only what was proposed up to this moment: RFC 3339, or a day in UTC to its end
    #[arg(long, value_name = "TIME", requires = "all_approved")]
    to: Option<String>,
    /// How many to apply at once
    #[arg(long, value_name = "JOBS", default_value_t = 4, requires = "all_approved", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
}

impl AllApproved {
    /// The conditions, as lists have them.
    pub(crate) fn filters(&self) -> Filters {
        let Self { tenant, principal, capability, object, primary_key, source, table, from, to, .. } = self.clone();
        Filters {
            status: None,
            tenant,
            principal,
            capability,
            object,
            primary_key,
            source,
            table,
            fingerprint: None,
            from,
            to,
            before: None,
            limit: 200,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// List what nobody tries again unless a person says so, newest first
    List(Box<List>),
    /// Show all that there is to know about one
    Show(One),
    /// Make another attempt
    Replay(ReplayDeadLetter),
    /// End one for good, so that no attempt can have an effect any more
    Resolve(ResolveDeadLetter),
}

/// Make another attempt at a dead letter.
#[derive(Debug, Args)]
pub(crate) struct ReplayDeadLetter {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Make an attempt at every dead letter
    #[arg(long, conflicts_with = "id")]
    pub(crate) all: bool,
    /// How many to try at once
    #[arg(long, value_name = "JOBS", default_value_t = 4, requires = "all", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
}

/// End a dead letter.
#[derive(Debug, Args)]
pub(crate) struct ResolveDeadLetter {
    /// The proposal
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// What became of it, where nothing can prove it: you attest it
    #[arg(long, value_enum)]
    pub(crate) outcome: Option<Said>,
    /// Why it ends, and how you know
    #[arg(long)]
    pub(crate) reason: String,
}

/// What a person says became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Said {
    /// The change was made
    Applied,
    /// The change was not made, and will not be
    NotApplied,
}

/// Find out what became of what is unknown.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// The proposal; every one whose outcome is unknown if this is absent
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) actor: Actor,
}

impl DeadLetters {
    pub(super) fn words(&self) -> (&Place, Format) {
        match self {
            Self::List(list) => (&list.place, list.format),
            Self::Show(one) => (&one.place, one.format),
            Self::Replay(words) => (&words.one.place, words.one.format),
            Self::Resolve(words) => (&words.place, words.format),
        }
    }
}

/// A worker in the process that serves.
#[derive(Debug, Clone, Args)]
pub(crate) struct WithWorker {
    /// Carry out what is approved in this process too; it then reads the credentials for writing
    #[arg(long, conflicts_with = "read_only")]
    pub(crate) with_worker: bool,
    /// How many jobs the worker runs at once
    #[arg(long, value_name = "JOBS", default_value_t = 4, requires = "with_worker", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) worker_concurrency: u16,
}
