//! Which words begin a handler, and prove one?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum HandlerVerb {
    /// Play every scenario of the contract against a running handler, in whatever language
    Conformance(Prove),
    /// Write a handler to begin with: one helper file and one small application
    Template(Template),
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Where the handler is; `http://` on loopback only
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub(crate) url: Option<String>,
    /// Which row and which change it is tried with. The rows are changed and put back: never those of a business
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    pub(crate) fixture: Option<PathBuf>,
    /// Play this scenario only; may be said more than once
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Print the names of all scenarios instead
    #[arg(long, conflicts_with_all = ["url", "fixture", "only"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Template {
    /// Which one: `rust-axum`, `python-fastapi`, `node-fastify`, `command-python` or `command-node`
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// Print which templates there are instead
    #[arg(long, conflicts_with_all = ["name", "stdout", "output", "force"])]
    pub(crate) list: bool,
    /// Print the helper file instead of writing all of them
    #[arg(long, conflicts_with_all = ["output", "force"])]
    pub(crate) stdout: bool,
    /// The folder to write to, which is made if it is not there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

impl HandlerVerb {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Conformance(words) => words.format.json,
            Self::Template(_) => false,
        }
    }
}
