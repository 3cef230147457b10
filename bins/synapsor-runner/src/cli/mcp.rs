//! Which words serve a client?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Place, WithWorker};

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Over stdin and stdout
    Serve(Serve),
    /// Over Streamable HTTP
    ServeStreamableHttp(ServeHttp),
    /// Over plain JSON-RPC, for programs that speak no MCP
    ServeHttp(ServeBridge),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) answering: Answering,
    /// How tools are named
    #[arg(long, alias = "tool-name-style", value_enum, default_value_t)]
    pub(crate) alias_mode: AliasMode,
}

#[derive(Debug, Args)]
pub(crate) struct ServeHttp {
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// The port to listen on
    #[arg(long, default_value_t = 8766)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) listening: Listening,
}

#[derive(Debug, Args)]
pub(crate) struct ServeBridge {
    #[command(flatten)]
    pub(crate) answering: Answering,
    /// The port to listen on
    #[arg(long, default_value_t = 8765)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) listening: Listening,
}

/// What is answered, however it is asked.
#[derive(Debug, Args)]
pub(crate) struct Answering {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The format of a tool's answer; the configuration's if this is absent
    #[arg(long, value_enum)]
    pub(crate) result_format: Option<ResultFormat>,
    /// Only read, whatever the configuration's mode is
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Serve beside another server of the same ledger, with a warning
    #[arg(long)]
    pub(crate) allow_concurrent_store: bool,
    #[command(flatten)]
    pub(crate) worker: WithWorker,
}

/// Where clients reach a server, and who they must be.
#[derive(Debug, Args)]
pub(crate) struct Listening {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
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
    /// Each tool under both names
    Both,
}

/// The format of a tool's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    /// The first one
    #[value(name = "1", alias = "v1")]
    One,
    /// The envelope
    #[value(name = "2", alias = "v2")]
    Two,
}
