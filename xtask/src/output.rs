//! What does a person see while a task runs?
//!
//! The only module of xtask that prints. A step is one line: its title when it begins, the outcome
//! and the time when it ends.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module is where xtask prints")]

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use crate::error::TaskError;

/// Width of the column of titles.
const TITLE: usize = 34;

/// A line of its own.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// The beginning of a step's line; [`step_ends`] completes it.
pub(crate) fn step_begins(title: &str) {
    print!("{title:.<TITLE$} ");
    // A closed stdout is no reason to stop testing; the exit code still tells.
    let _ = io::stdout().flush();
}

/// The end of a step's line.
pub(crate) fn step_ends(outcome: &str, took: Duration) {
    println!("{outcome} {}", seconds(took));
}

/// The end of a step's line, for a step that did not run.
pub(crate) fn step_left_out(reason: &str) {
    println!("left out: {reason}");
}

/// An error with its causes, the output of what failed, and what to do.
pub(crate) fn error(error: &TaskError) {
    if let Some(output) = error.output() {
        eprintln!("{}", output.trim_end());
    }
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        eprint!(": {inner}");
        cause = inner.source();
    }
    eprintln!();
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}

/// `12.3 s`, or `3 min 05 s` once minutes matter.
pub(crate) fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole < 60 { format!("{:.1} s", took.as_secs_f64()) } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_short_enough_to_read() {
        insta::assert_snapshot!(seconds(Duration::from_millis(340)), @"0.3 s");
        insta::assert_snapshot!(seconds(Duration::from_secs(185)), @"3 min 05 s");
    }
}
