//! Which findings are there?
//!
//! Each code has one sentence and a folder in `fixtures/handler/configs/bad` that shows it. What only the database or the
//! environment tells has codes of its own, in [`live`](super::live) and [`access`](super::access).

use std::fmt;

macro_rules! codes {
    ($($name:ident $text:literal $meaning:literal;)*) => {
        /// What is wrong with a file. The text of a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`: ", $meaning, ".")] $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it means, in a sentence without a full stop.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    InvalidJson "INVALID_JSON" "the file cannot be read as JSON";
    ConfigNotObject "CONFIG_NOT_OBJECT" "the file must hold an object";
    UnknownField "UNKNOWN_FIELD" "there is no such field";
    UnsupportedVersion "UNSUPPORTED_CONFIG_VERSION" "`version` must be 1";

    InvalidListen "INVALID_LISTEN" "`listen` must be an IP address or `localhost`, a colon and a port";
    Cleartext "CLEARTEXT_FORBIDDEN" "beyond loopback requests may not travel in the clear";
    InvalidAllowedHosts "INVALID_ALLOWED_HOSTS" "`allowed_hosts` must be a list of texts";
    AllowedHostsRequired "ALLOWED_HOSTS_REQUIRED" "an address that stands for every address of the machine needs `allowed_hosts`";
    InvalidTls "INVALID_TLS" "`tls` must name the files `certificate` and `key`";
    InvalidBehindTlsProxy "INVALID_BEHIND_TLS_PROXY" "`behind_tls_proxy` must be true or false";
    TlsTwice "TLS_TWICE" "either the server ends TLS or a proxy does";
    InvalidPath "INVALID_PATH" "`path` must be a path such as `/synapsor/writeback`, and not `/healthz` or `/readyz`";
    InvalidTokenEnv "INVALID_BEARER_TOKEN_ENV" "`bearer_token_env` must name an environment variable, or several different ones";
    InvalidSecretEnvs "INVALID_SIGNING_SECRET_ENVS" "`signing_secret_envs` must name an environment variable, or several different ones";
    AuthenticationRequired "AUTHENTICATION_REQUIRED" "there must be `bearer_token_env` or `signing_secret_envs`, best both";
    InvalidTolerance "INVALID_TOLERANCE" "`tolerance_seconds` must be a whole number from 1 to 86400";
    InvalidBodyLimit "INVALID_BODY_LIMIT" "`body_limit` must be a whole number of bytes from 1024 to 16777216";
    InvalidLimits "INVALID_LIMITS" "a limit must be a whole number within its bounds";
    LimitsContradict "LIMITS_CONTRADICT" "a request must be allowed to take longer than the effect within it";

    DatabaseRequired "DATABASE_REQUIRED" "`database` must be an object";
    InvalidEngine "INVALID_ENGINE" "`engine` must be `sqlite`, `postgres` or `mysql`";
    SqlitePathRequired "SQLITE_PATH_REQUIRED" "`path` must be the path of a file, not a URI or `:memory:`";
    UrlEnvRequired "URL_ENV_REQUIRED" "`url_env` must name the environment variable that holds the URL";
    FieldNotForEngine "FIELD_NOT_FOR_ENGINE" "this engine has no such field";
    InvalidConnections "INVALID_CONNECTIONS" "`connections` must be a whole number from 1 to 1000";
    InvalidTimeout "INVALID_TIMEOUT" "`statement_timeout_ms` must be a whole number from 1 to 600000";
    InvalidReceipts "INVALID_RECEIPTS" "`receipts` must be an object, and schema and table in it names";

    TablesRequired "TABLES_REQUIRED" "`tables` must be an object with at least one table";
    InvalidTableName "INVALID_TABLE_NAME" "a table is named `invoices` or `billing.invoices`";
    TableNotObject "TABLE_NOT_OBJECT" "a table must be an object";
    TableTenantRequired "TABLE_TENANT_REQUIRED" "a table has either a `tenant` column or `shared: true`";
    InvalidKey "INVALID_KEY" "`key` must be a column's name, and not the tenant's";

    EffectsRequired "EFFECTS_REQUIRED" "`effects` must be an object with at least one effect";
    InvalidCapabilityName "INVALID_CAPABILITY_NAME" "an effect is named as its capability is, `area.capability`";
    EffectNotObject "EFFECT_NOT_OBJECT" "an effect must be an object";
    UndeclaredTable "UNDECLARED_TABLE" "a table must be one of `tables`";
    TargetKeyRequired "TARGET_KEY_REQUIRED" "the table of a `target` needs a `key`";
    InvalidRehearsable "INVALID_REHEARSABLE" "`rehearsable` must be true or false";
    InvalidRequirement "INVALID_REQUIREMENT" "`require` must be a list of objects, each with a `value` and exactly one of `equals`, `in`, `not_in`, `at_least` and `at_most`";
    MessageRequired "MESSAGE_REQUIRED" "a requirement needs a `message`";
    StepsRequired "STEPS_REQUIRED" "`steps` must be a list with at least one step";
    InvalidStep "INVALID_STEP" "a step is an object with exactly one of `insert`, `update` and `delete`";
    ColumnsRequired "COLUMNS_REQUIRED" "`values`, `set` and `where` must be objects with at least one column";
    InvalidColumn "INVALID_COLUMN" "a column's name is a letter or `_`, then letters, digits or `_`";
    TenantIsSet "TENANT_IS_SET" "the tenant column is set and compared by the transaction itself";
    InvalidRows "INVALID_ROWS" "`rows` must be a whole number, or an object with `min` and `max`";

    InvalidValue "INVALID_VALUE" "a value is a constant, or an object with exactly one of `from`, `add` and `sub`";
    UnknownValue "UNKNOWN_VALUE" "`from` names no value that there is";
    InvalidDefault "INVALID_DEFAULT" "`default` must be a constant, for a value that may be missing";
    InvalidOperands "INVALID_OPERANDS" "`add` takes 2 to 16 values, `sub` takes 2";
    NotANumber "NOT_A_NUMBER" "this value is never an integer or an exact decimal";
    NotComparable "NOT_COMPARABLE" "this value is another one every time";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
