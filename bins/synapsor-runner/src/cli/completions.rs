//! Which words make files for shells and for `man`?

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// A script that lets a shell complete words.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// The manual page, or one page per verb.
#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// A folder for a page of each verb, instead of printing the first page
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
}
