//! Who else may carry out an approved change?

use std::time::Duration;

use synapsor_protocol::name::EnvName;

/// A declared executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// What it is.
    pub kind: ExecutorKind,
    /// How often a job is tried again, and when.
    pub retry: Retry,
}

/// What an executor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorKind {
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
        match self.kind {
            ExecutorKind::SqlUpdate => "sql_update",
            ExecutorKind::HttpHandler(_) => "http_handler",
            ExecutorKind::CommandHandler(_) => "command_handler",
        }
    }

    /// Five seconds.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
}

/// How often a job is tried again, and when. Only what may well succeed a moment later is tried again at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many attempts there are in all, the first one included; 1 is no second one.
    pub attempts: u32,
    /// The longest pause before the second attempt; it doubles with each further one.
    pub initial: Duration,
    /// The longest pause there is; never below `initial`.
    pub max: Duration,
}

impl Retry {
    /// Three attempts, from one second to one minute.
    pub const DEFAULT: Self = Self { attempts: 3, initial: Duration::from_secs(1), max: Duration::from_secs(60) };

    /// The longest pause after this many attempts, at least 1: twice as long each time, and never over `max`. Who waits takes a
    /// random part of it, so that jobs that failed together do not come back together.
    pub fn longest_pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).and_then(|factor| self.initial.checked_mul(factor));
        doubled.map_or(self.max, |pause| pause.min(self.max))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::DEFAULT
    }
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
    /// The variables that the command gets besides `PATH`, each once.
    pub env_passthrough: Vec<EnvName>,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Retry;

    #[test]
    fn a_pause_doubles_up_to_the_longest_one_and_never_overflows() {
        let retry = Retry { attempts: 100, initial: Duration::from_secs(1), max: Duration::from_secs(60) };
        let pauses = [1, 2, 3, 6, 7, 33, 100].map(|attempts| retry.longest_pause(attempts).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60, 60]);
    }
}
