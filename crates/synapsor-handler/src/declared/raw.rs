//! What may the file hold, member by member?
//!
//! The published schema is made from these types, with their comments as descriptions. Start reading at [`RawHandler`].

use synapsor_protocol::{Identifier, Scalar};

use super::slot::{Named, Slot, Unknown};
use super::words::{EngineWord, EnvText, EnvTexts, FromText, ListenText, MOST_ROWS, PathText, RawRows, RawValue, Text, Whole};

/// What every object of the file can be asked.
pub(crate) trait Object {
    /// The names that it knows. A name that is a Rust keyword has `r#` before it.
    const FIELDS: &'static [&'static str];

    /// The names that it was given and does not know.
    fn unknown(&self) -> &Unknown;
}

/// An object of the file. Each member may be absent or wrong; the names of all others are kept.
macro_rules! object {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        $(#[$meta])*
        pub(crate) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(default)]
                pub(crate) $field: Slot<$type>,
            )*
            /// The names that are none of these.
            #[serde(flatten)]
            #[cfg_attr(feature = "schemas", schemars(skip))]
            pub(crate) unknown: Unknown,
        }

        impl Object for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn unknown(&self) -> &Unknown {
                &self.unknown
            }
        }
    };
}

object! {
    /// A handler whose effects are declared: `handler.json` of `synapsor-handler`.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "SynapsorHandlerConfig",
        extend(
            "required" = ["version", "database", "tables", "effects"],
            "anyOf" = [{"required": ["bearer_token_env"]}, {"required": ["signing_secret_envs"]}]
        )
    ))]
    RawHandler {
        /// The version of this format: 1.
        version: Whole<1, 1>,
        /// Where it listens, an IP address or `localhost` and a port; `127.0.0.1:8090` if it is absent. Beyond loopback it needs `tls`
        /// or `behind_tls_proxy`.
        listen: ListenText,
        /// Further names that senders call it by, `host` or `host:port`.
        allowed_hosts: Vec<Slot<Text>>,
        /// The certificate with which it ends TLS itself.
        tls: RawTls,
        /// Whether a proxy in front of it ends TLS.
        behind_tls_proxy: bool,
        /// The path of the endpoint; `/synapsor/writeback` if it is absent.
        path: PathText,
        /// The environment variable that holds the bearer token of the sender; several while one token replaces another.
        bearer_token_env: EnvTexts,
        /// The environment variables that hold the secrets with which requests are signed; several while one replaces another.
        signing_secret_envs: EnvTexts,
        /// How far from now a signed request may have been sent, in seconds; 300 if it is absent.
        tolerance_seconds: Whole<1, 86_400>,
        /// The largest body, in bytes; 1048576 if it is absent.
        body_limit: Whole<1_024, 16_777_216>,
        /// What a stranger, or a slow database, cannot make longer.
        limits: RawLimits,
        /// The application's database.
        database: RawDatabase,
        /// The tables that effects may touch, by name: `invoices`, `billing.invoices`.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        tables: Named<RawTable>,
        /// What is done for each capability, by its name.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        effects: Named<RawEffect>,
    }
}

object! {
    /// The certificate with which it ends TLS itself.
    #[cfg_attr(feature = "schemas", schemars(rename = "Tls", extend("required" = ["certificate", "key"])))]
    RawTls {
        /// A PEM file with the certificate and those between it and the root, relative to this file's folder.
        certificate: Text,
        /// A PEM file with its private key, relative to this file's folder.
        key: Text,
    }
}

object! {
    /// What a stranger, or a slow database, cannot make longer.
    #[cfg_attr(feature = "schemas", schemars(rename = "Limits"))]
    RawLimits {
        /// How many connections of senders are open at once; 256 if it is absent.
        connections: Whole<1, 65_536>,
        /// How long an effect may take, in milliseconds; 20000 if it is absent. Its row is locked meanwhile.
        effect_ms: Whole<1, 600_000>,
        /// How long a request may take as a whole, in milliseconds; 60000 if it is absent. More than `effect_ms`.
        request_ms: Whole<1, 3_600_000>,
        /// How long it still takes requests after it was told to end, in milliseconds, while `/readyz` says 503; 0 if it is absent.
        notice_ms: Whole<0, 600_000>,
        /// How long it waits after that for what it has begun, in milliseconds; 30000 if it is absent.
        drain_ms: Whole<1, 3_600_000>,
    }
}

object! {
    /// The application's database.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Database",
        extend(
            "required" = ["engine"],
            "if" = {"properties": {"engine": {"const": "sqlite"}}},
            "then" = {"required": ["path"], "properties": {"url_env": false}},
            "else" = {"required": ["url_env"], "properties": {"path": false}}
        )
    ))]
    RawDatabase {
        /// The database's kind.
        engine: EngineWord,
        /// The SQLite file, relative to this file's folder.
        path: Text,
        /// The environment variable that holds the URL of a PostgreSQL, MySQL or MariaDB database.
        url_env: EnvText,
        /// How many connections are open at once; 10 if it is absent. Each request that is carried out needs one.
        connections: Whole<1, 1_000>,
        /// How long one statement may take, in milliseconds; 3000 if it is absent.
        statement_timeout_ms: Whole<1, 600_000>,
        /// Where the receipts are kept.
        receipts: RawReceipts,
    }
}

object! {
    /// Where the receipts are kept, in the application's database.
    #[cfg_attr(feature = "schemas", schemars(rename = "Receipts"))]
    RawReceipts {
        /// The schema; `public` on PostgreSQL, the URL's database on MySQL, `main` on SQLite if it is absent.
        schema: Identifier,
        /// The table; `synapsor_handler_receipts` if it is absent.
        table: Identifier,
    }
}

object! {
    /// A table that effects may touch: one with a tenant column, or one that all tenants share.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Table",
        extend("oneOf" = [{"required": ["tenant"]}, {"required": ["shared"]}])
    ))]
    RawTable {
        /// The column that says whose row it is. Every statement is confined to the tenant of the request.
        tenant: Identifier,
        /// True for a table that all tenants share; nothing confines statements on it.
        #[cfg_attr(feature = "schemas", schemars(extend("const" = true)))]
        shared: bool,
        /// The column by which a request names its row. A table that is some effect's `target` needs it.
        key: Identifier,
    }
}

object! {
    /// What is done for one capability, in one transaction with the receipt.
    #[cfg_attr(feature = "schemas", schemars(rename = "Effect", extend("required" = ["target", "steps"])))]
    RawEffect {
        /// The table of the row that the request is about, one of `tables`.
        target: Text,
        /// Whether it may be tried without committing it; false if it is absent.
        rehearsable: bool,
        /// What must be true of the request and the locked row before anything is done.
        require: Vec<Slot<RawRequirement>>,
        /// What is done, one statement after the other.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        steps: Vec<Slot<RawStep>>,
    }
}

object! {
    /// Something that must be true; otherwise nothing is done and the sender is told the message.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Requirement",
        extend(
            "required" = ["value", "message"],
            "oneOf" = [{"required": ["equals"]}, {"required": ["in"]}, {"required": ["not_in"]}, {"required": ["at_least"]}, {"required": ["at_most"]}]
        )
    ))]
    RawRequirement {
        /// What is looked at.
        value: RawValue,
        /// It is this.
        equals: RawValue,
        /// It is one of these.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        r#in: Vec<Slot<RawValue>>,
        /// It is none of these.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        not_in: Vec<Slot<RawValue>>,
        /// It is a number, and not less than this.
        at_least: RawValue,
        /// It is a number, and not more than this.
        at_most: RawValue,
        /// What the sender is told otherwise.
        message: Text,
    }
}

object! {
    /// One statement: exactly one of these.
    #[cfg_attr(feature = "schemas", schemars(rename = "Step", extend("minProperties" = 1, "maxProperties" = 1)))]
    RawStep {
        /// A new row, in the tenant.
        insert: RawInsert,
        /// New values in the tenant's rows that have all values of `where`.
        update: RawUpdate,
        /// No more rows of the tenant that have all values of `where`.
        delete: RawDelete,
    }
}

object! {
    /// A new row, in the tenant.
    #[cfg_attr(feature = "schemas", schemars(rename = "Insert", extend("required" = ["table", "values"])))]
    RawInsert {
        /// One of `tables`.
        table: Text,
        /// The row's values, by column. The tenant column is set besides.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        values: Named<RawValue>,
    }
}

object! {
    /// New values in rows.
    #[cfg_attr(feature = "schemas", schemars(rename = "Update", extend("required" = ["table", "set", "where"])))]
    RawUpdate {
        /// One of `tables`.
        table: Text,
        /// The new values, by column.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        set: Named<RawValue>,
        /// Which rows: those that have all of these values. The tenant is compared besides.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        r#where: Named<RawValue>,
        /// How many rows there must be; 1 if it is absent.
        rows: RawRows,
    }
}

object! {
    /// No more rows.
    #[cfg_attr(feature = "schemas", schemars(rename = "Delete", extend("required" = ["table", "where"])))]
    RawDelete {
        /// One of `tables`.
        table: Text,
        /// Which rows: those that have all of these values. The tenant is compared besides.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        r#where: Named<RawValue>,
        /// How many rows there must be; 1 if it is absent.
        rows: RawRows,
    }
}

object! {
    /// How many rows there must be.
    #[cfg_attr(feature = "schemas", schemars(rename = "Rows"))]
    RawRange {
        /// Not fewer; 0 if it is absent.
        min: Whole<0, MOST_ROWS>,
        /// Not more; as many as there are if it is absent.
        max: Whole<0, MOST_ROWS>,
    }
}

object! {
    /// Where a value comes from: exactly one of `from`, `add` and `sub`.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Expression",
        extend(
            "oneOf" = [{"required": ["from"]}, {"required": ["add"]}, {"required": ["sub"]}],
            "dependentRequired" = {"default": ["from"]}
        )
    ))]
    RawExpression {
        /// `tenant_id`, `object_id`, `principal`, `approver`, `operation_id`, `proposal_id`, `action`, `attempt`; `patch.x`, what was
        /// approved; `before.x`, the row as the reviewer saw it; `row.x`, the row as it is locked; `now`; `generated_id`, a new UUID,
        /// the same throughout the effect, `generated_id.x` another one.
        from: FromText,
        /// The value where the request says none, or null: for `approver`, `patch.x`, `before.x` and `row.x`.
        default: Scalar,
        /// The exact sum of these.
        #[cfg_attr(feature = "schemas", schemars(length(min = 2, max = 16)))]
        add: Vec<Slot<RawValue>>,
        /// The first without the second, exactly.
        #[cfg_attr(feature = "schemas", schemars(length(min = 2, max = 2)))]
        sub: Vec<Slot<RawValue>>,
    }
}
