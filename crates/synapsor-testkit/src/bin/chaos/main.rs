//! Does every promise hold while processes die, disks fail, streams break and clocks jump?
//!
//! Many small trials. Each has a tenant, a ledger and a few proposals of its own, suffers one fault that a seed chooses, recovers as a
//! person or a worker would, and is then judged: effects in the business database, receipts beside them, states of the ledger,
//! and every word that left a process must agree.
//!
//! # Invariants
//! - Nothing of a test is in the tested programs: they are the release binaries, and faults come from outside.
//! - A fault that did not strike is counted as not placed, never as survived.
//! - The same seed chooses the same faults.
//!
//! Start it with `cargo xtask chaos`. Start reading at [`checker::judge`], then [`kills`].

mod business;
mod catalogue;
mod checker;
mod clocks;
mod commits;
mod crowd;
mod desk;
mod fences;
mod handler;
mod kills;
mod lies;
mod output;
mod plan;
mod planes;
mod process;
mod random;
mod recoveries;
mod storms;
mod strace;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use synapsor_protocol::Timestamp;

use plan::{Options, Plan};
use tally::Tally;

/// Kills, cuts, freezes and misleads the release binaries, and checks what is left.
#[derive(Debug, Parser)]
#[command(name = "chaos", bin_name = "cargo xtask chaos")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Where trials have their folders; a disk, not memory
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// The letter and the name of every part.
const PARTS: [(&str, &str); 9] = [
    ("a", kills::KILLS),
    ("a", kills::ERRORS),
    ("b", commits::COMMITS),
    ("b", lies::LIES),
    ("c", fences::FENCES),
    ("c", crowd::CROWD),
    ("c", recoveries::RECOVERIES),
    ("c", storms::STORMS),
    ("d", clocks::CLOCKS),
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tokio::select! {
        code = run(arguments) => code,
        () = told_to_end() => {
            output::note("interrupted: everything that was started is ended");
            ExitCode::from(130)
        }
    }
}

async fn run(arguments: Arguments) -> ExitCode {
    let begun = Instant::now();
    let Arguments { options, folder } = arguments;
    let seed = options.seed.unwrap_or_else(|| Timestamp::now().as_micros().unsigned_abs());
    let folder = std::path::absolute(folder).expect("the folder has a path").join(format!("chaos-{seed}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for trials can be made");
    let plan = Arc::new(Plan::new(options, seed, folder, beside("synapsor-runner")));
    output::begin(&plan);
    let mut tallies = Vec::new();
    for (letter, name) in PARTS {
        let only = &plan.options.only;
        if only.is_empty() || only.iter().any(|word| word == letter || word == name) {
            let tally = part(name, &plan).await;
            output::part(&plan, &tally);
            tallies.push(tally);
        }
    }
    output::end(&tallies, begun.elapsed().as_secs_f64());
    let right = tallies.iter().all(Tally::is_right) && !tallies.is_empty();
    if right && !plan.options.keep {
        // What is left there is the business of nobody.
        let _ = std::fs::remove_dir_all(&plan.folder);
    }
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn part(name: &str, plan: &Arc<Plan>) -> Tally {
    match name {
        commits::COMMITS => commits::run(plan).await,
        lies::LIES => lies::run(plan).await,
        fences::FENCES => fences::run(plan).await,
        crowd::CROWD => crowd::run(plan).await,
        recoveries::RECOVERIES => recoveries::run(plan).await,
        storms::STORMS => storms::run(plan).await,
        clocks::CLOCKS => clocks::run(plan).await,
        kills::ERRORS => kills::run_errors(plan).await,
        _ => kills::run(plan).await,
    }
}

/// The binary of this name that was built together with this one.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program finds itself");
    own.parent().unwrap_or(Path::new(".")).join(name)
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be awaited");
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be awaited");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
