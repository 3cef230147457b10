//! Which words compare an agent's shadow proposals with what people did?

use clap::{Args, Subcommand};

use super::{Actor, Format, One, Place};

#[derive(Debug, Subcommand)]
pub(crate) enum Shadow {
    /// List shadow proposals, newest first, each with how it compares
    List(ShadowList),
    /// Put on record what a person did in the case of a shadow proposal
    RecordHumanAction(RecordHumanAction),
    /// Compare one shadow proposal with what a person did, column by column
    Compare(One),
    /// Count how all of them compare, per capability
    Report {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShadowList {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Only those before this cursor, which the last line of a list names
    #[arg(long, value_name = "CURSOR")]
    pub(crate) before: Option<String>,
    /// At most so many, up to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RecordHumanAction {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// What the person set: a JSON object of columns, or a file with one, `-` for stdin
    #[arg(long, value_name = "JSON|FILE")]
    pub(crate) patch: String,
    /// What else is worth knowing
    #[arg(long)]
    pub(crate) notes: Option<String>,
}

impl Shadow {
    pub(super) fn place(&self) -> &Place {
        match self {
            Self::List(list) => &list.place,
            Self::RecordHumanAction(record) => &record.one.place,
            Self::Compare(one) => &one.place,
            Self::Report { place, .. } => place,
        }
    }

    pub(super) fn json(&self) -> bool {
        match self {
            Self::List(list) => list.format.json,
            Self::RecordHumanAction(record) => record.one.format.json,
            Self::Compare(one) => one.format.json,
            Self::Report { format, .. } => format.json,
        }
    }
}
