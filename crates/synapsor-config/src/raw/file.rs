//! The file itself, its ledger, its contexts, its operators and the control plane.

use serde_json::{Map, Value};

use crate::config::Mode;
use crate::raw::capability::RawCapability;
use crate::raw::executor::RawExecutor;
use crate::raw::source::{EngineWord, RawSource};
use crate::raw::words::words;
use crate::raw::{EnvText, Named, OneOf, Slot, Text, Whole, object};

object! {
    /// What a person reviewed and allowed: `synapsor.runner.json`.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "SynapsorRunnerConfig",
        extend(
            "required" = ["version", "mode"],
            "if" = {"properties": {"mode": {"const": "cloud"}}},
            "then" = {"required": ["cloud"]},
            "else" = {"required": ["sources", "capabilities"], "properties": {"cloud": false}}
        )
    ))]
    RawConfig {
        /// The version of this format: 1.
        version: Whole<1>,
        /// What the runner is allowed to do at all. `shadow` records proposals that nobody can approve.
        mode: OneOf<Mode>,
        /// Whether unknown members are errors; true unless it is false. Safety rules stay either way, and this schema
        /// describes the strict form only.
        strict: bool,
        /// The format of a tool's result; 2 if it is absent.
        result_format: Whole<2>,
        /// The ledger.
        storage: RawStorage,
        /// The business databases, by name.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        sources: Named<RawSource>,
        /// Whose rows a call sees, for capabilities without a `context` of their own.
        trusted_context: RawContext,
        /// Named contexts, for capabilities that name one.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        contexts: Named<RawContext>,
        /// Who else may carry out approved changes, by name. `sql_update` is built in.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        executors: Named<RawExecutor>,
        /// Who may decide, by the name of the account on this machine or its uid. Without it, only the account that owns
        /// the ledger's file may decide.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        operators: Named<RawOperator>,
        /// What an agent may call.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        capabilities: Vec<Slot<RawCapability>>,
        /// The control plane, in the mode `cloud`.
        cloud: RawCloud,
    }
}

words!(Mode {
    "read_only" => Mode::ReadOnly,
    "shadow" => Mode::Shadow,
    "review" => Mode::Review,
    "cloud" => Mode::Cloud,
});

object! {
    /// Where the ledger is, and for how long it keeps what is settled.
    #[cfg_attr(feature = "schemas", schemars(rename = "Storage"))]
    RawStorage {
        /// The ledger's file, relative to this file's folder; `./.synapsor/local.db` if it is absent.
        sqlite_path: Text,
        /// For how long settled records are kept. The worker removes what is older.
        retention: RawRetention,
    }
}

object! {
    /// For how long settled records are kept. What is absent is kept for ever.
    #[cfg_attr(feature = "schemas", schemars(rename = "Retention"))]
    RawRetention {
        /// Reads that no proposal was made of, and the causes of refusals, in days.
        reads_days: Whole<36_500>,
        /// Final proposals with everything that belongs to them, in days since their last event.
        proposals_days: Whole<36_500>,
    }
}

object! {
    /// Whose rows a call sees, and who is asking.
    #[cfg_attr(feature = "schemas", schemars(rename = "TrustedContext", extend("required" = ["provider"])))]
    RawContext {
        /// Where tenant and principal come from. `static_dev` is for development only.
        provider: OneOf<ProviderWord>,
        /// For `environment`: `tenant_id_env` and `principal_env`, the names of the variables. For `static_dev` also
        /// `tenant_id` and `principal`, the values themselves.
        values: Map<String, Value>,
    }
}

/// A provider, before its values are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderWord {
    Environment,
    StaticDev,
    HttpClaims,
    CloudSession,
}

words!(ProviderWord {
    "environment" => ProviderWord::Environment,
    "static_dev" => ProviderWord::StaticDev,
    "http_claims" => ProviderWord::HttpClaims,
    "cloud_session" => ProviderWord::CloudSession,
});

object! {
    /// The values of a context that this process supplies.
    RawContextValues {
        /// The variable that holds the tenant.
        tenant_id_env: EnvText,
        /// The variable that holds the principal.
        principal_env: EnvText,
        /// The tenant.
        tenant_id: Text,
        /// The principal.
        principal: Text,
    }
}

object! {
    /// One account that may decide.
    #[cfg_attr(feature = "schemas", schemars(rename = "Operator", extend("required" = ["roles"])))]
    RawOperator {
        /// The roles that it holds.
        roles: Vec<Slot<Text>>,
    }
}

object! {
    /// How the control plane is reached.
    #[cfg_attr(feature = "schemas", schemars(rename = "Cloud", extend("required" = ["base_url_env", "runner_token_env", "adapter_id"])))]
    RawCloud {
        /// The variable that holds its address.
        base_url_env: EnvText,
        /// The variable that holds the runner's token.
        runner_token_env: EnvText,
        /// The adapter that this runner serves.
        adapter_id: Text,
        /// The source's id over there.
        source_id: Text,
        /// This runner's id over there.
        runner_id: Text,
        /// This runner's version, as it reports it.
        runner_version: Text,
        /// The project over there.
        project_id: Text,
        /// The engines that it offers.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        engines: Vec<Slot<OneOf<EngineWord>>>,
        /// The capabilities that it offers.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        capabilities: Vec<Slot<Text>>,
        /// The session that it sends along.
        session: Map<String, Value>,
    }
}
