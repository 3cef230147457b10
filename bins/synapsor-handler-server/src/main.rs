//! A handler without code: `synapsor-handler serve --config handler.json`.
//!
//! `main` is a table of contents: read the words, run the verb, exit. What a request goes through is in `synapsor-http` and
//! `synapsor-handler`; here they are put together, started and ended. Start reading at `verbs/serve.rs`.

mod cli;
mod failure;
mod logging;
mod output;
mod readiness;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let words = cli::Cli::parse();
    match verbs::run(words.verb) {
        Ok(code) => code,
        Err(failure) => output::failure(&failure),
    }
}
