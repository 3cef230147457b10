//! Which findings are there?
//!
//! Each code has its severity, one sentence, and a folder in `fixtures/configs` that shows it.

use std::fmt;

use crate::finding::Severity;

macro_rules! codes {
    ($($severity:ident { $($name:ident $text:literal $meaning:literal;)* })*) => {
        /// What a finding is. The text of a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = concat!("`", $text, "`: ", $meaning, ".")] $name,)*)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)*)*
                }
            }

            /// How much findings of this code matter.
            pub fn severity(self) -> Severity {
                match self {
                    $($(Self::$name => Severity::$severity,)*)*
                }
            }

            /// What it means, in a sentence without a full stop.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($(Self::$name => $meaning,)*)*
                }
            }
        }
    };
}

codes! {
    Error {
        InvalidJson "INVALID_JSON" "the file cannot be read as JSON";
        ConfigNotObject "CONFIG_NOT_OBJECT" "the file must hold an object";
        UnknownField "UNKNOWN_FIELD" "there is no such field";
        UnsupportedConfigVersion "UNSUPPORTED_CONFIG_VERSION" "`version` must be 1";
        InvalidStrict "INVALID_STRICT" "`strict` must be true or false";
        InvalidResultFormat "INVALID_RESULT_FORMAT" "`result_format` must be 1 or 2";
        InvalidMode "INVALID_MODE" "`mode` must be `read_only`, `shadow`, `review` or `cloud`";
        StorageNotObject "STORAGE_NOT_OBJECT" "`storage` must be an object";
        InvalidSqlitePath "INVALID_SQLITE_PATH" "`sqlite_path` must be the path of a file";
        RetentionNotObject "RETENTION_NOT_OBJECT" "`retention` must be an object";
        InvalidRetentionDays "INVALID_RETENTION_DAYS" "`reads_days` and `proposals_days` must be whole numbers from 1 to 36500";

        CloudConfigOnlyForCloudMode "CLOUD_CONFIG_ONLY_FOR_CLOUD_MODE" "`cloud` is only for the mode `cloud`";
        CloudConfigRequired "CLOUD_CONFIG_REQUIRED" "the mode `cloud` needs the object `cloud`";
        CloudBaseUrlEnvRequired "CLOUD_BASE_URL_ENV_REQUIRED" "`base_url_env` must name an environment variable";
        CloudRunnerTokenEnvRequired "CLOUD_RUNNER_TOKEN_ENV_REQUIRED" "`runner_token_env` must name an environment variable";
        CloudAdapterIdRequired "CLOUD_ADAPTER_ID_REQUIRED" "`adapter_id` must be a text that is not empty";
        InvalidCloudSourceId "INVALID_CLOUD_SOURCE_ID" "`source_id` must be a text that is not empty";
        InvalidCloudRunnerId "INVALID_CLOUD_RUNNER_ID" "`runner_id` must be a text that is not empty";
        InvalidCloudRunnerVersion "INVALID_CLOUD_RUNNER_VERSION" "`runner_version` must be a text that is not empty";
        InvalidCloudProjectId "INVALID_CLOUD_PROJECT_ID" "`project_id` must be a text that is not empty";
        InvalidCloudEngines "INVALID_CLOUD_ENGINES" "`engines` must be a list of engines that is not empty";
        InvalidCloudCapabilities "INVALID_CLOUD_CAPABILITIES" "`capabilities` must be a list of texts that is not empty";
        InvalidCloudSession "INVALID_CLOUD_SESSION" "`session` must be an object";

        SourcesRequired "SOURCES_REQUIRED" "`sources` must be an object with at least one source";
        UnsafeSourceName "UNSAFE_SOURCE_NAME" "a source's name is a letter or `_`, then letters, digits or `_`";
        SourceNotObject "SOURCE_NOT_OBJECT" "a source must be an object";
        InvalidSourceEngine "INVALID_SOURCE_ENGINE" "`engine` must be `postgres`, `mysql` or `sqlite`";
        ReadUrlEnvRequired "READ_URL_ENV_REQUIRED" "`read_url_env` must name the environment variable that holds the URL for reading";
        InvalidWriteUrlEnv "INVALID_WRITE_URL_ENV" "`write_url_env` must name the environment variable that holds the URL for writing";
        FieldNotForEngine "FIELD_NOT_FOR_ENGINE" "this engine has no such field";
        SqlitePathRequired "SQLITE_PATH_REQUIRED" "a SQLite source needs exactly one of `path` and `path_env`";
        InvalidSqliteSourcePath "INVALID_SQLITE_SOURCE_PATH" "`path` must be the path of a file, not a URI or `:memory:`";
        InvalidPathEnv "INVALID_PATH_ENV" "`path_env` must name the environment variable that holds the path";
        SqliteSourceIsStore "SQLITE_SOURCE_IS_STORE" "the source is the ledger's own file";
        InvalidTimeout "INVALID_TIMEOUT" "`statement_timeout_ms` must be a whole number from 1 to 2147483647";
        InvalidSourceReadOnly "INVALID_SOURCE_READ_ONLY" "`read_only` must be true or false";
        ReceiptsNotObject "RECEIPTS_NOT_OBJECT" "`receipts` must be an object";
        InvalidReceiptsIdentifier "INVALID_RECEIPTS_IDENTIFIER" "`schema` and `table` of `receipts` must be identifiers, and `schema` is `main` on SQLite";
        InvalidPoolSize "INVALID_POOL_SIZE" "`pool_size` must be a whole number from 1 to 1000";

        ContextsNotObject "CONTEXTS_NOT_OBJECT" "`contexts` must be an object with at least one context";
        InvalidContextName "INVALID_CONTEXT_NAME" "a context's name is a letter or `_`, then letters, digits, `_`, `.` or `-`";
        TrustedContextRequired "TRUSTED_CONTEXT_REQUIRED" "`trusted_context` is needed unless every capability names one of `contexts`";
        TrustedContextNotObject "TRUSTED_CONTEXT_NOT_OBJECT" "a trusted context must be an object";
        InvalidContextProvider "INVALID_CONTEXT_PROVIDER" "`provider` must be `environment`, `static_dev`, `http_claims` or `cloud_session`";
        UnsupportedContextProvider "UNSUPPORTED_CONTEXT_PROVIDER" "`cloud_session` is only for the mode `cloud`";
        InvalidContextValues "INVALID_CONTEXT_VALUES" "`values` must be an object";
        InvalidContextValue "INVALID_CONTEXT_VALUE" "`tenant_id_env` and `principal_env` name environment variables, `tenant_id` and `principal` are texts that are not empty";
        ContextValueRequired "CONTEXT_VALUE_REQUIRED" "`static_dev` needs the value itself or the environment variable that holds it";

        ExecutorsNotObject "EXECUTORS_NOT_OBJECT" "`executors` must be an object with at least one executor";
        InvalidExecutorName "INVALID_EXECUTOR_NAME" "an executor's name is a letter or `_`, then letters, digits, `_`, `.` or `-`";
        ExecutorNameReserved "EXECUTOR_NAME_RESERVED" "`sql_update` is the built-in executor and keeps its type";
        ExecutorNotObject "EXECUTOR_NOT_OBJECT" "an executor must be an object";
        InvalidExecutorType "INVALID_EXECUTOR_TYPE" "`type` must be `sql_update`, `http_handler` or `command_handler`";
        HandlerUrlEnvRequired "HANDLER_URL_ENV_REQUIRED" "`url_env` must name the environment variable that holds the handler's address";
        InvalidHandlerMethod "INVALID_HANDLER_METHOD" "`method` must be `POST`, `PUT` or `PATCH`";
        ExecutorAuthNotObject "EXECUTOR_AUTH_NOT_OBJECT" "`auth` must be an object";
        InvalidExecutorAuth "INVALID_EXECUTOR_AUTH" "the `type` of `auth` must be `bearer_env`";
        ExecutorTokenEnvRequired "EXECUTOR_TOKEN_ENV_REQUIRED" "`token_env` must name the environment variable that holds the token";
        HandlerSigningSecretEnvInvalid "HANDLER_SIGNING_SECRET_ENV_INVALID" "`signing_secret_env` must name the environment variable that holds the secret";
        InvalidHandlerTimeout "INVALID_HANDLER_TIMEOUT" "`timeout_ms` must be a whole number from 1 to 2147483647";
        CommandEnvRequired "COMMAND_ENV_REQUIRED" "`command_env` must name the environment variable that holds the command line";
        InvalidEnvPassthrough "INVALID_ENV_PASSTHROUGH" "`env_passthrough` must be a list of names of environment variables";
        InvalidExecutorRedelivery "INVALID_EXECUTOR_REDELIVERY" "`redelivery` must be `never` or `safe`";
        InvalidExecutorDryRun "INVALID_EXECUTOR_DRY_RUN" "`dry_run` must be `local` or `handler`";
        RetryNotObject "RETRY_NOT_OBJECT" "`retry` must be an object";
        InvalidRetryAttempts "INVALID_RETRY_ATTEMPTS" "`attempts` must be a whole number from 1 to 100";
        InvalidRetryPause "INVALID_RETRY_PAUSE" "`initial_ms` must be a whole number from 1 to 3600000, `max_ms` from 1 to 86400000";
        RetryMaxBelowInitial "RETRY_MAX_BELOW_INITIAL" "`max_ms` must not be below `initial_ms`";
        ExecutorInvalidInReadOnly "EXECUTOR_INVALID_IN_READ_ONLY" "the mode `read_only` has no handlers";

        OperatorsNotObject "OPERATORS_NOT_OBJECT" "`operators` must be an object with at least one account";
        InvalidOperator "INVALID_OPERATOR" "an operator is an account's name and an object with `roles`";
        InvalidOperatorRoles "INVALID_OPERATOR_ROLES" "`roles` must be a list of texts that are not empty";

        CapabilitiesRequired "CAPABILITIES_REQUIRED" "`capabilities` must be a list with at least one capability";
        CapabilityNotObject "CAPABILITY_NOT_OBJECT" "a capability must be an object";
        InvalidCapabilityName "INVALID_CAPABILITY_NAME" "`name` must be two identifiers with a dot between them";
        DuplicateCapabilityName "DUPLICATE_CAPABILITY_NAME" "another capability has this name";
        InvalidCapabilityKind "INVALID_CAPABILITY_KIND" "`kind` must be `read` or `proposal`";
        InvalidCapabilityDescription "INVALID_CAPABILITY_DESCRIPTION" "`description` must be a text that is not empty";
        InvalidReturnsHint "INVALID_RETURNS_HINT" "`returns_hint` must be a text that is not empty";
        UnknownSource "UNKNOWN_SOURCE" "`source` must be the name of a declared source";
        UnknownContext "UNKNOWN_CONTEXT" "`context` must be the name of a declared context";
        InvalidExecutorReference "INVALID_EXECUTOR_REFERENCE" "`executor` must be a text";
        UnknownExecutor "UNKNOWN_EXECUTOR" "`executor` must be `sql_update` or the name of a declared executor";
        InvalidMaxRows "INVALID_MAX_ROWS" "`max_rows` must be a whole number from 1 to 2147483647";
        ReadOnlySourceDirectWriteback "READ_ONLY_SOURCE_DIRECT_WRITEBACK" "a source with `read_only` cannot be written by `sql_update`";

        TargetRequired "TARGET_REQUIRED" "`target` must be an object";
        InvalidTargetIdentifier "INVALID_TARGET_IDENTIFIER" "this must be an identifier: a letter or `_`, then letters, digits or `_`";
        SqliteSchemaNotMain "SQLITE_SCHEMA_NOT_MAIN" "the `schema` of a SQLite source is `main`";
        InvalidSingleTenantDev "INVALID_SINGLE_TENANT_DEV" "`single_tenant_dev` must be true or false";
        TenantGuardRequired "TENANT_GUARD_REQUIRED" "the target needs `tenant_key`, or `single_tenant_dev: true` while developing";

        ArgsRequired "ARGS_REQUIRED" "`args` must be an object with at least one argument";
        InvalidArgName "INVALID_ARG_NAME" "an argument's name has 1 to 64 characters, none of them a control character";
        ModelControlledReservedArg "MODEL_CONTROLLED_RESERVED_ARG" "a model may not choose this";
        ArgNotObject "ARG_NOT_OBJECT" "an argument must be an object";
        InvalidArgType "INVALID_ARG_TYPE" "`type` must be `string`, `number` or `boolean`";
        InvalidArgDescription "INVALID_ARG_DESCRIPTION" "`description` must be a text that is not empty";
        InvalidArgRequired "INVALID_ARG_REQUIRED" "`required` must be true or false";
        InvalidArgEnum "INVALID_ARG_ENUM" "`enum` must be a list of different values that the argument's type and bounds allow";
        InvalidMaxLength "INVALID_MAX_LENGTH" "`max_length` must be a whole number of at least 1";
        NumericBoundsRequireNumber "NUMERIC_BOUNDS_REQUIRE_NUMBER" "`minimum` and `maximum` are for numbers";
        InvalidMinimum "INVALID_MINIMUM" "`minimum` must be a number";
        InvalidMaximum "INVALID_MAXIMUM" "`maximum` must be a number";
        InvalidNumericRange "INVALID_NUMERIC_RANGE" "`minimum` is greater than `maximum`";

        LookupRequired "LOOKUP_REQUIRED" "`lookup` must be an object";
        LookupArgRequired "LOOKUP_ARG_REQUIRED" "`id_from_arg` must name the argument that holds the key";
        UnknownLookupArg "UNKNOWN_LOOKUP_ARG" "`id_from_arg` must be the name of a declared argument";
        LookupArgOptional "LOOKUP_ARG_OPTIONAL" "the argument that holds the key cannot be optional";
        VisibleColumnsRequired "VISIBLE_COLUMNS_REQUIRED" "`visible_columns` must be a list with at least one column";
        InvalidVisibleColumn "INVALID_VISIBLE_COLUMN" "a column is an identifier: a letter or `_`, then letters, digits or `_`";

        SecretColumn "SECRET_COLUMN" "the column's name says that it holds a secret";
        InvalidSecretColumnsAck "INVALID_SECRET_COLUMNS_ACK" "`secret_columns_ack` must be a list with at least one column";

        PatchRequired "PATCH_REQUIRED" "`patch` must be an object with at least one column";
        InvalidPatchColumn "INVALID_PATCH_COLUMN" "a column is an identifier: a letter or `_`, then letters, digits or `_`";
        PatchBindingNotObject "PATCH_BINDING_NOT_OBJECT" "a patch column must be an object with `fixed` or `from_arg`";
        InvalidPatchBinding "INVALID_PATCH_BINDING" "a patch column has exactly one of `fixed`, a single value, and `from_arg`";
        InvalidPatchArg "INVALID_PATCH_ARG" "`from_arg` must be a text that is not empty";
        UnknownPatchArg "UNKNOWN_PATCH_ARG" "`from_arg` must be the name of a declared argument";
        PatchColumnNotAllowed "PATCH_COLUMN_NOT_ALLOWED" "a patch column must be one of `allowed_columns`";
        PatchValueNeverAllowed "PATCH_VALUE_NEVER_ALLOWED" "the bounds or transitions of this column refuse every value of its binding";
        GuardColumnInPatch "GUARD_COLUMN_IN_PATCH" "the patch may not set the column that guards it";

        NumericBoundsNotObject "NUMERIC_BOUNDS_NOT_OBJECT" "`numeric_bounds` must be an object";
        InvalidNumericBoundColumn "INVALID_NUMERIC_BOUND_COLUMN" "a column is an identifier: a letter or `_`, then letters, digits or `_`";
        NumericBoundPatchColumnRequired "NUMERIC_BOUND_PATCH_COLUMN_REQUIRED" "only a patch column can have bounds";
        NumericBoundNotObject "NUMERIC_BOUND_NOT_OBJECT" "a bound must be an object";
        NumericBoundEmpty "NUMERIC_BOUND_EMPTY" "a bound needs `minimum`, `maximum` or both";

        TransitionGuardsNotObject "TRANSITION_GUARDS_NOT_OBJECT" "`transition_guards` must be an object";
        InvalidTransitionGuardColumn "INVALID_TRANSITION_GUARD_COLUMN" "a column is an identifier: a letter or `_`, then letters, digits or `_`";
        TransitionPatchColumnRequired "TRANSITION_PATCH_COLUMN_REQUIRED" "only a patch column can have a transition guard";
        TransitionGuardNotObject "TRANSITION_GUARD_NOT_OBJECT" "a transition guard must be an object";
        InvalidTransitionFromColumn "INVALID_TRANSITION_FROM_COLUMN" "`from_column` must be an identifier";
        TransitionFromColumnNotVisible "TRANSITION_FROM_COLUMN_NOT_VISIBLE" "the column that a transition starts from must be visible, or the key, tenant or version column";
        TransitionAllowedRequired "TRANSITION_ALLOWED_REQUIRED" "`allowed` must be an object with at least one present state";
        TransitionFromRequired "TRANSITION_FROM_REQUIRED" "a present state must be a text that is not empty";
        TransitionToValuesRequired "TRANSITION_TO_VALUES_REQUIRED" "the states that may follow must be a list of texts that is not empty";

        AllowedColumnsRequired "ALLOWED_COLUMNS_REQUIRED" "`allowed_columns` must be a list with at least one column";
        InvalidAllowedColumn "INVALID_ALLOWED_COLUMN" "a column is an identifier: a letter or `_`, then letters, digits or `_`";
        KeyColumnInAllowedColumns "KEY_COLUMN_IN_ALLOWED_COLUMNS" "the primary key and the tenant column can never be set";
        ConflictGuardRequired "CONFLICT_GUARD_REQUIRED" "`conflict_guard` must be an object";
        ConflictGuardColumnRequired "CONFLICT_GUARD_COLUMN_REQUIRED" "the guard needs `column`, or `weak_guard_ack: true` where the table has no version column";
        InvalidWeakGuardAck "INVALID_WEAK_GUARD_ACK" "`weak_guard_ack` must be true or false";
        InvalidGuardAdvance "INVALID_GUARD_ADVANCE" "`advance` must be `auto` or `database`";
        GuardColumnIsKey "GUARD_COLUMN_IS_KEY" "the primary key and the tenant column never move, so they guard nothing";
        ApprovalNotObject "APPROVAL_NOT_OBJECT" "`approval` must be an object";
        InvalidApproval "INVALID_APPROVAL" "`mode` is `human`, `required_role` a text, `expires_after_seconds` a whole number from 1 to 315360000";

        InlineCredentialForbidden "INLINE_CREDENTIAL_FORBIDDEN" "a credential is never in this file";
        InlineDatabaseUrlForbidden "INLINE_DATABASE_URL_FORBIDDEN" "a database's address is never in this file";
        ArbitrarySqlForbidden "ARBITRARY_SQL_FORBIDDEN" "a statement is never in this file";
    }
    Warning {
        StaticDevContext "STATIC_DEV_CONTEXT" "`static_dev` gives every caller the same tenant and principal, so it is for development only";
        SingleTenantDevException "SINGLE_TENANT_DEV_EXCEPTION" "no tenant column limits what this capability reaches";
        TenantGuardAmbiguous "TENANT_GUARD_AMBIGUOUS" "`tenant_key` guards the target, and `single_tenant_dev` beside it says the opposite";
        WritebackDisabled "WRITEBACK_DISABLED" "proposals of this source can be approved but not applied, because it has no `write_url_env`";
        EnvPassesCredential "ENV_PASSES_CREDENTIAL" "the command gets a variable that holds a credential of the runner itself";
        SecretColumnAcknowledged "SECRET_COLUMN_ACKNOWLEDGED" "`secret_columns_ack` lets a column be used whose name says that it holds a secret";
        FieldHasNoEffect "FIELD_HAS_NO_EFFECT" "nothing reads this field here";
        DuplicateColumn "DUPLICATE_COLUMN" "the column is listed twice";
        WeakConflictGuard "WEAK_CONFLICT_GUARD" "a hash of what was read guards the row, which notices less than a version column";
        RoleHeldByNobody "ROLE_HELD_BY_NOBODY" "no declared operator holds the role that approvals need";
        AliasCollision "ALIAS_COLLISION" "another capability has the same alias for OpenAI, so both aliases end in a hash";
    }
    Notice {
        ResultFormatDefault2 "RESULT_FORMAT_DEFAULT_2" "`result_format` is absent, which means 2";
        OperatorsUndeclared "OPERATORS_UNDECLARED" "`operators` is absent, so only the account that owns the ledger's file may decide, in every role";
        OptionalPatchArg "OPTIONAL_PATCH_ARG" "a call without this optional argument leaves the column as it is";
        NotServedYet "NOT_SERVED_YET" "this is valid, and this version does not serve it yet";
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
