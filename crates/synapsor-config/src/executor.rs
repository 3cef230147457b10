//! Who else may carry out an approved change?

use std::time::Duration;

use synapsor_protocol::name::EnvName;

/// A declared executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// The guarded UPDATE under a name of its own.
    SqlUpdate,
    /// An application's own service.
    HttpHandler(HttpHandler),
    /// An application's own command.
    CommandHandler(CommandHandler),
}

impl Executor {
    /// The type, as the file spells it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::SqlUpdate => "sql_update",
            Self::HttpHandler(_) => "http_handler",
            Self::CommandHandler(_) => "command_handler",
        }
    }

    /// Five seconds.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
}

/// How an application's service is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHandler {
    /// The variable that holds the address.
    pub url_env: EnvName,
    /// The request's method.
    pub method: Method,
    /// The variable that holds the bearer token.
    pub token_env: Option<EnvName>,
    /// The variable that holds the signing secret.
    pub signing_secret_env: Option<EnvName>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Whether a request may be sent again when its outcome is unknown.
    pub redelivery: Redelivery,
    /// Who answers a dry run.
    pub dry_run: DryRun,
}

/// How an application's command is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandHandler {
    /// The variable that holds the command line.
    pub command_env: EnvName,
    /// How long one run may take.
    pub timeout: Duration,
    /// Whether it may be run again when its outcome is unknown.
    pub redelivery: Redelivery,
    /// Who answers a dry run.
    pub dry_run: DryRun,
}

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

/// Whether something may be sent again when its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redelivery {
    /// One delivery, then a person.
    Never,
    /// The handler keeps the operation id, so sending again is safe.
    Safe,
}

/// Who answers a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// The runner checks its own side, and the handler is not called.
    Local,
    /// The handler is called with `dry_run: true`.
    Handler,
}
