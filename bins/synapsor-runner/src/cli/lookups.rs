//! Which words look something up?

use clap::{Args, Subcommand};

use super::{Format, One, Place};

/// A list: which records, how many, from where on.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Only in this status
    #[arg(long, visible_alias = "state", value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only of this tenant
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Only of this capability
    #[arg(long, visible_alias = "action")]
    pub(crate) capability: Option<String>,
    /// Only of this object, `type:id`
    #[arg(long, value_name = "TYPE:ID")]
    pub(crate) object: Option<String>,
    /// Only those before this cursor, which the last line of a list names
    #[arg(long, value_name = "CURSOR")]
    pub(crate) before: Option<String>,
    /// At most so many, up to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Replay {
    /// Show it
    Show(One),
}

impl Replay {
    pub(super) fn json(&self) -> bool {
        let Self::Show(one) = self;
        one.format.json
    }
}
