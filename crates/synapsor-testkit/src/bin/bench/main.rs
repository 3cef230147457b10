//! How fast is the runner, and how far from what its parts cost alone?
//!
//! Each figure stands beside its floor, measured in the same run: the same work done by the bare library. The machine may be shared, so
//! figure and floor are measured in turns, a round of each, and what is printed are medians: of the figure, of the floor, and of the
//! ratio within a round.
//!
//! # Invariants
//! - The runner is the release binary, as a child process; client and floors are in this process or in a child of it.
//! - What is called durable is: `synchronous=FULL`, a PostgreSQL server with `fsync`, files on a disk.
//! - Loopback only; bounded time; every child is ended when this program ends, by a signal too.
//!
//! Start it with `cargo xtask bench`. Start reading at [`plan::run`].

mod applies;
mod child;
mod claims;
mod client;
mod commits;
mod echo;
mod engines;
mod figure;
mod growth;
mod handlers;
mod load;
mod lookups;
mod memory;
mod output;
mod plan;
mod plane;
mod pool;
mod proposals;
mod reads;
mod runner;
mod shop;
mod start;
mod store;
mod transactions;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use plan::Row;

/// Measures the release runner and its floors.
#[derive(Debug, Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// Shorter rounds, fewer of them, smaller ledgers
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Where ledgers are made while it runs; a disk, not memory
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The rows to measure; all of them if none is named
    #[arg(value_enum, value_name = "ROW")]
    rows: Vec<Row>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program is in a child of itself.
#[derive(Debug, Subcommand)]
enum Part {
    /// The bare HTTP server of the floors
    #[command(hide = true)]
    ServeEcho,
    /// The handler that signed requests are sent to
    #[command(hide = true)]
    ServeHandler,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(part) = arguments.part {
        match part {
            Part::ServeEcho => echo::serve().await,
            Part::ServeHandler => handlers::serve().await,
        }
        return ExitCode::SUCCESS;
    }
    let plan = plan::Plan::new(arguments.quick, arguments.rows, &arguments.folder);
    let (json, quick) = (arguments.json, arguments.quick);
    // Leaving by the end of `main`, not by the signal's default, lets every guard end its child.
    tokio::select! {
        figures = plan::run(plan) => {
            output::print(&figures, json, quick);
            ExitCode::SUCCESS
        }
        signal = told_to_end() => {
            output::note(&format!("{signal}: children are ended, nothing is printed"));
            ExitCode::from(130)
        }
    }
}

async fn told_to_end() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be awaited");
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be awaited");
    let signal = tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    };
    // Loads lose their servers now, and nobody wants to hear what each of them says to that.
    std::panic::set_hook(Box::new(|_| ()));
    signal
}
