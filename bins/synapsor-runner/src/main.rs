//! The command line of Synapsor.
//!
//! `main` is a table of contents: read the words, run the verb, print, exit. One file per verb in `verbs`; the only file that sees both
//! planes is `compose.rs`.

mod boundary;
mod cli;
mod client;
mod compose;
mod demo;
mod executors;
mod failure;
mod logging;
mod output;
mod review;
mod stage;
mod template;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::of_process();
    logging::start();
    let (json, again) = (cli.verb.json(), cli.verb.place().map(cli::Place::again).unwrap_or_default());
    let code = match runtime(&cli.verb).and_then(|runtime| runtime.block_on(verbs::run(cli.verb))) {
        Ok(code) => code,
        Err(failure) => output::failure(&failure.repeating(&again), json),
    };
    output::ended(code)
}

/// A server uses every core; a command needs one thread and starts faster.
fn runtime(verb: &cli::Verb) -> Result<tokio::runtime::Runtime, failure::Failure> {
    let mut builder =
        if verb.serves() { tokio::runtime::Builder::new_multi_thread() } else { tokio::runtime::Builder::new_current_thread() };
    builder.enable_all().build().map_err(|cause| failure::Failure::new("the runtime could not be started").because(&cause))
}
