//! One file per verb.

mod example;
mod serve;

use std::process::ExitCode;

use crate::cli::Verb;
use crate::failure::Answer;

/// Runs the verb.
pub(crate) fn run(verb: Verb) -> Answer<ExitCode> {
    match verb {
        Verb::Serve(words) => serve::run(&words),
        Verb::Example(words) => example::run(&words),
    }
}
