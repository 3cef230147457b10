//! What is measured, in which order, for how long?

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tempfile::TempDir;

use crate::figure::Figure;
use crate::shop::{Engine, Shop};
use crate::{applies, claims, commits, engines, growth, handlers, lookups, memory, output, proposals, reads, start};

/// A group of figures that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Tool calls that read, over HTTP, at 1, 8 and 32 connections
    Reads,
    /// Tool calls that propose, likewise
    Proposals,
    /// Durable commits of the ledger, at 1 and 32 writers
    Commits,
    /// Applied changes, at 1 and 8 at once
    Applies,
    /// Signed requests to a handler, at 1, 8 and 32 connections, and the verification of signatures
    Handlers,
    /// Reads, proposals and applied changes on MariaDB and SQLite
    Engines,
    /// From the start of the process to its first list of tools
    Start,
    /// Memory, idle and under load
    Memory,
    /// The same with an empty ledger and with 100,000 proposals
    Growth,
    /// Finding and claiming a job among 1,000,000 finished ones
    Claims,
    /// Lists and searches among 1,000,000 proposals, and the memory of a long export
    Lookups,
}

/// How long, how often, and where.
pub(crate) struct Plan {
    /// Rounds per figure; odd, so that a median is a measurement.
    pub(crate) rounds: usize,
    /// How long a round of a rate lasts.
    pub(crate) round: Duration,
    /// Applied changes per round and concurrency.
    pub(crate) applies: usize,
    /// Starts of the process.
    pub(crate) starts: usize,
    /// Proposals in the full ledger.
    pub(crate) proposals: usize,
    /// Proposals in the ledger that is searched.
    pub(crate) lookups: usize,
    shops: [OnceLock<Shop>; 3],
    rows: Vec<Row>,
    folder: TempDir,
}

impl Plan {
    /// The plan for these rows; all of them if none is named.
    pub(crate) fn new(quick: bool, rows: Vec<Row>, folder: &Path) -> Self {
        let rows = if rows.is_empty() { Row::value_variants().to_vec() } else { rows };
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(folder).expect("the folder for ledgers can be written");
        let seconds = |quickly: f64, fully: f64| Duration::from_secs_f64(if quick { quickly } else { fully });
        let number = |quickly, fully| if quick { quickly } else { fully };
        Self {
            rounds: number(3, 7),
            round: seconds(0.5, 1.5),
            applies: number(120, 400),
            starts: number(11, 31),
            proposals: 100_000,
            lookups: number(100_000, 1_000_000),
            shops: Default::default(),
            rows,
            folder,
        }
    }

    /// The business database on this engine, made when it is needed first.
    pub(crate) fn shop(&self, engine: Engine) -> &Shop {
        self.shops[engine as usize].get_or_init(|| Shop::open(engine, self.folder.path()))
    }

    /// How many proposals are in the ledger that is searched, as a person writes it.
    pub(crate) fn lookups_told(&self) -> &'static str {
        if self.lookups >= 1_000_000 { "1,000,000" } else { "100,000" }
    }

    /// A path for a file of this name; nothing is there yet.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

/// Measures the rows, one after the other.
pub(crate) async fn run(plan: Plan) -> Vec<Figure> {
    let mut figures = Vec::new();
    for row in &plan.rows {
        let begun = Instant::now();
        figures.extend(match row {
            Row::Reads => reads::measure(&plan).await,
            Row::Proposals => proposals::measure(&plan).await,
            Row::Commits => commits::measure(&plan).await,
            Row::Applies => applies::measure(&plan).await,
            Row::Handlers => handlers::measure(&plan).await,
            Row::Engines => engines::measure(&plan).await,
            Row::Start => start::measure(&plan).await,
            Row::Memory => memory::measure(&plan).await,
            Row::Growth => growth::measure(&plan).await,
            Row::Claims => claims::measure(&plan).await,
            Row::Lookups => lookups::measure(&plan).await,
        });
        let name = row.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        output::note(&format!("measured {name} ({:.1} s)", begun.elapsed().as_secs_f64()));
    }
    figures
}
