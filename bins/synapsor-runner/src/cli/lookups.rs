//! Which words look something up?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, One, Place};

/// A list: which records, how many, from where on.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Which records, newest first.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Only in this status
    #[arg(long, visible_alias = "state", value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only of this tenant
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Only on behalf of this principal
    #[arg(long)]
    pub(crate) principal: Option<String>,
    /// Only of this capability
    #[arg(long, visible_alias = "action")]
    pub(crate) capability: Option<String>,
    /// Only of this object, `type:id`; `invoice`, `invoices` and `public.invoices` are one type
    #[arg(long, value_name = "TYPE:ID")]
    pub(crate) object: Option<String>,
    /// Only of the row with this primary key
    #[arg(long, value_name = "KEY")]
    pub(crate) primary_key: Option<String>,
    /// Only from this source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Only from this table, with or without its schema
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// Only queries of this shape, `sha256:` and the hash
    #[arg(long, value_name = "DIGEST")]
    pub(crate) fingerprint: Option<String>,
    /// Only from this moment on: RFC 3339, or a day in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only up to this moment: RFC 3339, or a day in UTC to its end
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Only those behind this cursor, which the last line of a list names
    #[arg(long, value_name = "CURSOR")]
    pub(crate) before: Option<String>,
    /// At most so many, up to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
}

/// One record.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Its id, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// One record, into a file.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) record: Record,
    #[command(flatten)]
    pub(crate) file: NewFile,
    /// What to write
    #[arg(long = "format", value_enum, default_value_t)]
    pub(crate) written: Written,
}

/// One record that has one form only, into a file.
#[derive(Debug, Args)]
pub(crate) struct ExportJson {
    #[command(flatten)]
    pub(crate) record: Record,
    #[command(flatten)]
    pub(crate) file: NewFile,
}

/// Where to write.
#[derive(Debug, Args)]
pub(crate) struct NewFile {
    /// The file to make, for you alone
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Take the place of a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// The record as it is kept
    #[default]
    Json,
    /// For reading
    Markdown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// List what agents were shown, newest first
    List(Box<List>),
    /// Show one bundle: the rows, the query behind them, the proposal made of them
    Show(Record),
    /// Write one bundle to a file
    Export(Export),
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueryAudit {
    /// List the queries that ran, newest first
    List(Box<List>),
    /// Show one
    Show(Record),
    /// Write one to a file, as JSON
    Export(ExportJson),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Receipts {
    /// List the receipts, newest first
    List(Box<List>),
    /// Show one, or all of a proposal, a job or an operation
    Show(Record),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Replay {
    /// List the stories that can be told, newest first
    List(Box<List>),
    /// Show one
    Show(One),
    /// Write one to a file, however long it is
    Export(Export),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Activity {
    /// Search everything that is on record, newest first
    Search(Search),
}

/// What to search for.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Any id: only what belongs to it
    pub(crate) id: Option<String>,
    /// Only what belongs to this proposal
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub(crate) proposal: Option<String>,
    /// Only what belongs to this replay
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "proposal"])]
    pub(crate) replay: Option<String>,
    /// Only what belongs to this receipt
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "proposal", "replay"])]
    pub(crate) receipt: Option<String>,
    /// Only what belongs to this evidence
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "proposal", "replay", "receipt"])]
    pub(crate) evidence: Option<String>,
    #[command(flatten)]
    pub(crate) list: List,
}

impl Evidence {
    pub(super) fn words(&self) -> (&Place, Format) {
        match self {
            Self::List(list) => list.words(),
            Self::Show(record) => record.words(),
            Self::Export(export) => export.record.words(),
        }
    }
}

impl QueryAudit {
    pub(super) fn words(&self) -> (&Place, Format) {
        match self {
            Self::List(list) => list.words(),
            Self::Show(record) => record.words(),
            Self::Export(export) => export.record.words(),
        }
    }
}

impl Receipts {
    pub(super) fn words(&self) -> (&Place, Format) {
        match self {
            Self::List(list) => list.words(),
            Self::Show(record) => record.words(),
        }
    }
}

impl Replay {
    pub(super) fn words(&self) -> (&Place, Format) {
        match self {
            Self::List(list) => list.words(),
            Self::Show(one) => (&one.place, one.format),
            Self::Export(export) => export.record.words(),
        }
    }
}

impl Activity {
    pub(super) fn words(&self) -> (&Place, Format) {
        let Self::Search(search) = self;
        search.list.words()
    }
}

impl List {
    fn words(&self) -> (&Place, Format) {
        (&self.place, self.format)
    }
}

impl Record {
    fn words(&self) -> (&Place, Format) {
        (&self.place, self.format)
    }
}
