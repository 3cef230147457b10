//! A business database.

use serde_json::Value;
use synapsor_protocol::Identifier;

use crate::raw::words::words;
use crate::raw::{EnvText, OneOf, Text, Whole, object};

object! {
    /// A business database. `postgres` and `mysql` need `read_url_env`; `sqlite` needs `path` or `path_env`.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Source",
        extend(
            "required" = ["engine"],
            "if" = {"properties": {"engine": {"const": "sqlite"}}},
            "then" = {
                "oneOf": [{"required": ["path"]}, {"required": ["path_env"]}],
                "properties": {"read_url_env": false, "write_url_env": false}
            },
            "else" = {"required": ["read_url_env"], "properties": {"path": false, "path_env": false}}
        )
    ))]
    RawSource {
        /// The database's kind.
        engine: OneOf<EngineWord>,
        /// The environment variable that holds the URL for reading.
        read_url_env: EnvText,
        /// The environment variable that holds the URL for direct writes.
        write_url_env: EnvText,
        /// The SQLite file, relative to this file's folder.
        path: Text,
        /// The environment variable that holds the SQLite file's path.
        path_env: EnvText,
        /// Whether direct writes are forbidden.
        read_only: bool,
        /// How long one statement may take, in milliseconds; 5000 if it is absent.
        statement_timeout_ms: Whole<2_147_483_647>,
        /// How many connections for reading are kept at most; 10 if it is absent.
        pool_size: Whole<1000>,
        /// Where the receipts of direct writes are kept.
        receipts: RawReceipts,
        /// Read by nothing: how a connection is encrypted is said in its URL.
        ssl: Value,
    }
}

object! {
    /// Where the receipts of direct writes are kept, in the source itself.
    #[cfg_attr(feature = "schemas", schemars(rename = "Receipts"))]
    RawReceipts {
        /// The schema; `public` on PostgreSQL, the URL's database on MySQL, `main` on SQLite if it is absent.
        schema: Identifier,
        /// The table; `synapsor_writeback_receipts` if it is absent.
        table: Identifier,
    }
}

/// An engine, before its whereabouts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineWord {
    Postgres,
    Mysql,
    Sqlite,
}

words!(EngineWord {
    "postgres" => EngineWord::Postgres,
    "mysql" => EngineWord::Mysql,
    "sqlite" => EngineWord::Sqlite,
});
