//! Which words does the command line take?

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use synapsor_handler::declared::ListenAddress;

/// Applies approved changes in an application's database: a Synapsor handler whose effects are declared in a file.
#[derive(Debug, Parser)]
#[command(name = "synapsor-handler", version, arg_required_else_help = true, subcommand_required = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serve the endpoint, after the file was held against the database
    Serve(Serve),
    /// Make an example to start from
    Example(Example),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The file with the tables and the effects
    #[arg(long, value_name = "FILE", default_value = "handler.json")]
    pub(crate) config: PathBuf,
    /// Only say what is wrong or worth knowing; the exit code is 0 if it could be served
    #[arg(long)]
    pub(crate) check: bool,
    /// With `--check`: answer in JSON
    #[arg(long, requires = "check")]
    pub(crate) json: bool,
    /// Where to listen, instead of what the file says
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    pub(crate) listen: Option<ListenAddress>,
    /// Log what the database said when it refused something; that may name values of rows
    #[arg(long)]
    pub(crate) log_details: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Example {
    /// Which one
    #[arg(value_enum)]
    pub(crate) name: ExampleName,
    /// The folder to make; it must not be there, or be empty
    #[arg(long, value_name = "FOLDER", default_value = "account-credit")]
    pub(crate) dir: PathBuf,
}

/// What there are examples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExampleName {
    /// A credit and the invoice that it belongs to, on SQLite
    AccountCredit,
}

fn address(text: &str) -> Result<ListenAddress, &'static str> {
    ListenAddress::parse(text).ok_or("an IP address or `localhost`, a colon and a port")
}
