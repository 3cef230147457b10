//! Which words does the command line take?

mod lookups;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use self::lookups::{List, Replay};

/// Reviewed database capabilities for AI agents: they read and propose, people approve, a guarded executor applies exactly once.
#[derive(Debug, Parser)]
#[command(name = "synapsor-runner", version, arg_required_else_help = true, subcommand_required = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Play the whole loop on a small SQLite business database, through the real MCP server
    Demo(Demo),
    /// Serve an MCP client
    #[command(subcommand)]
    Mcp(Mcp),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// What a client would be offered
    #[command(subcommand)]
    Tools(Tools),
    /// Call one capability, as an agent would
    Propose(Propose),
    /// Look at proposals and decide
    #[command(subcommand)]
    Proposals(Proposals),
    /// Apply an approved proposal, once
    Apply(Apply),
    /// The whole story of a proposal, from the ledger alone
    #[command(subcommand)]
    Replay(Replay),
}

/// Where configuration and ledger are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "SYNAPSOR_MCP_CONFIG", hide_env_values = true, default_value = "synapsor.runner.json")]
    pub(crate) config: PathBuf,
    /// The ledger; the one that the configuration names if this is absent
    #[arg(long, value_name = "FILE", env = "SYNAPSOR_LOCAL_STORE", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who acts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Actor {
    /// A remark beside the account that acts; it gives no authority
    #[arg(long, value_name = "NOTE")]
    pub(crate) actor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder to make; one that carries the demo's marker file is made anew
    #[arg(long, value_name = "FOLDER", default_value = "synapsor-demo")]
    pub(crate) folder: PathBuf,
    /// Answer every question with yes
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Over stdin and stdout
    Serve(Serve),
    /// Over Streamable HTTP
    ServeStreamableHttp(ServeHttp),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How tools are named
    #[arg(long, value_enum, default_value_t)]
    pub(crate) alias_mode: AliasMode,
}

#[derive(Debug, Args)]
pub(crate) struct ServeHttp {
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on
    #[arg(long, default_value_t = 8766)]
    pub(crate) port: u16,
    /// The environment variable that holds the bearer token
    #[arg(long, value_name = "VARIABLE", default_value = "SYNAPSOR_RUNNER_HTTP_TOKEN")]
    pub(crate) auth_token_env: String,
    /// Take requests without a token; loopback only
    #[arg(long)]
    pub(crate) dev_no_auth: bool,
    /// An origin that a browser may come from; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<String>,
    /// A host name that clients use, besides the loopback names; may be repeated
    #[arg(long, value_name = "HOST")]
    pub(crate) allowed_host: Vec<String>,
    /// The certificate chain in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front ends TLS; allows other addresses than loopback
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_tls_proxy: bool,
}

/// How tools are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AliasMode {
    /// By the capability's own name, `billing.propose_waiver`
    #[default]
    Canonical,
    /// With letters, digits, `_` and `-` only
    Openai,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Say everything that is wrong or worth knowing
    Validate {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
        /// Compare with the databases too
        #[arg(long)]
        check_db: bool,
    },
    /// Show what was understood; no value of a secret is in it
    Show {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tools {
    /// List the tools of this configuration
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
        /// How tools are named
        #[arg(long, value_enum, default_value_t)]
        alias_mode: AliasMode,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// The capability
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The arguments as JSON, and the answer in JSON; without a value only the latter
    #[arg(long, value_name = "ARGUMENTS", num_args = 0..=1, default_missing_value = "")]
    pub(crate) json: Option<String>,
    /// A file with the arguments as JSON, `-` for stdin; takes the place of a value of `--json`
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Proposals {
    /// List them, newest first
    List(List),
    /// Show all that a reviewer needs
    Show(One),
    /// Approve exactly what is shown
    Approve(Approve),
    /// Turn it down
    Reject(Reject),
    /// Withdraw it
    Cancel(Cancel),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The proposal, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// The approval digest that you were shown; binds the approval to it
    #[arg(long)]
    pub(crate) digest: Option<String>,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Why
    #[arg(long)]
    pub(crate) reason: String,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Do everything but the commit; nothing changes, here or there
    #[arg(long, env = "SYNAPSOR_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) dry_run: bool,
}

impl Cli {
    /// The words of this process. Whoever says nothing gets the help, and that is no error.
    pub(crate) fn of_process() -> Self {
        if std::env::args_os().len() < 2 {
            // Whoever read us may be gone; there is nobody left to tell.
            let _gone = Self::command().print_help();
            std::process::exit(0);
        }
        Self::parse()
    }
}

impl Verb {
    /// Whether the answer is JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Mcp(_) => false,
            Self::Config(ConfigVerb::Validate { format, .. } | ConfigVerb::Show { format, .. }) => format.json,
            Self::Tools(Tools::List { format, .. }) => format.json,
            Self::Propose(propose) => propose.json.is_some(),
            Self::Proposals(verb) => verb.json(),
            Self::Apply(apply) => apply.one.format.json,
            Self::Replay(verb) => verb.json(),
        }
    }

    /// Whether it serves many calls at once.
    pub(crate) fn serves(&self) -> bool {
        matches!(self, Self::Mcp(Mcp::ServeStreamableHttp(_)))
    }
}

impl Proposals {
    fn json(&self) -> bool {
        match self {
            Self::List(list) => list.format.json,
            Self::Show(one) => one.format.json,
            Self::Approve(approve) => approve.one.format.json,
            Self::Reject(reject) => reject.one.format.json,
            Self::Cancel(cancel) => cancel.one.format.json,
        }
    }
}
