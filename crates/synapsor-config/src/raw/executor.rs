//! Who else may carry out an approved change.

use crate::executor::{DryRun, Method, Redelivery};
use crate::raw::words::words;
use crate::raw::{EnvText, OneOf, Slot, Whole, object};

object! {
    /// Who else may carry out an approved change. `http_handler` needs `url_env`, `command_handler` needs `command_env`.
    #[cfg_attr(feature = "schemas", schemars(rename = "Executor", extend("required" = ["type"])))]
    RawExecutor {
        /// The executor's kind.
        r#type: OneOf<ExecutorWord>,
        /// The environment variable that holds the handler's address.
        url_env: EnvText,
        /// The request's method; `POST` if it is absent.
        method: OneOf<Method>,
        /// How the handler knows the runner.
        auth: RawAuth,
        /// The environment variable that holds the secret which signs requests.
        signing_secret_env: EnvText,
        /// The environment variable that holds the command line.
        command_env: EnvText,
        /// The environment variables that the command gets besides `PATH`; none if it is absent.
        env_passthrough: Vec<Slot<EnvText>>,
        /// How long one call may take, in milliseconds; 5000 if it is absent.
        timeout_ms: Whole<2_147_483_647>,
        /// Whether a request may be sent again when its outcome is unknown; `never` if it is absent.
        redelivery: OneOf<Redelivery>,
        /// Who answers a dry run; `local`, the runner alone, if it is absent.
        dry_run: OneOf<DryRun>,
        /// How often a job that failed for a passing reason is tried again.
        retry: RawRetry,
    }
}

object! {
    /// How often a job that failed for a passing reason is tried again.
    #[cfg_attr(feature = "schemas", schemars(rename = "Retry"))]
    RawRetry {
        /// How many attempts there are in all, the first one included; 3 if it is absent.
        attempts: Whole<100>,
        /// The longest pause before the second attempt, in milliseconds; it doubles with each further one. 1000 if it is absent.
        initial_ms: Whole<3_600_000>,
        /// The longest pause there is, in milliseconds; 60000 if it is absent.
        max_ms: Whole<86_400_000>,
    }
}

object! {
    /// How the handler knows the runner.
    #[cfg_attr(feature = "schemas", schemars(rename = "Auth", extend("required" = ["type", "token_env"])))]
    RawAuth {
        /// A bearer token from the environment.
        r#type: OneOf<AuthWord>,
        /// The environment variable that holds the token.
        token_env: EnvText,
    }
}

/// An executor's kind, before its settings are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExecutorWord {
    SqlUpdate,
    HttpHandler,
    CommandHandler,
}

words!(ExecutorWord {
    "sql_update" => ExecutorWord::SqlUpdate,
    "http_handler" => ExecutorWord::HttpHandler,
    "command_handler" => ExecutorWord::CommandHandler,
});

/// The only way to authenticate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthWord;

words!(AuthWord {
    "bearer_env" => AuthWord,
});

words!(Method {
    "POST" => Method::Post,
    "PUT" => Method::Put,
    "PATCH" => Method::Patch,
});

words!(Redelivery {
    "never" => Redelivery::Never,
    "safe" => Redelivery::Safe,
});

words!(DryRun {
    "local" => DryRun::Local,
    "handler" => DryRun::Handler,
});
