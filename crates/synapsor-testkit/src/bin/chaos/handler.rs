//! How is the binary `synapsor-handler` put before a desk's business?

use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::json;

use crate::business::Business;
use crate::desk::{CAPABILITY, Desk};
use crate::plan::Plan;
use crate::planes::{SIGNING_SECRET, TOKEN};
use crate::process::Wrapped;

/// The receipts of handlers.
pub(crate) const RECEIPTS: &str = "synapsor_handler_receipts";

/// Declares the one effect in the desk's folder, and lets the runner send changes there, again and again. The program to start.
pub(crate) fn declare(plan: &Plan, desk: &mut Desk) -> PathBuf {
    let database = match &*desk.business {
        Business::Sqlite(path) => json!({"engine": "sqlite", "path": path}),
        Business::Postgres(_) => json!({"engine": "postgres", "url_env": "CHAOS_WRITE_URL"}),
        Business::Mariadb(_) => json!({"engine": "mysql", "url_env": "CHAOS_WRITE_URL"}),
    };
    // Free a moment ago; it is taken again after each restart.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let declared = json!({
        "version": 1, "listen": address.to_string(), "bearer_token_env": "CHAOS_TOKEN", "signing_secret_envs": ["CHAOS_SECRET"],
        "database": database,
        "tables": {"accounts": {"tenant": "tenant_id", "key": "id"}},
        "effects": {CAPABILITY: {"target": "accounts", "steps": [{"update": {
            "table": "accounts",
            // The version too, so that the trigger sees one change and not two.
            "set": {"credit_cents": {"from": "patch.credit_cents"}, "version": {"add": [{"from": "row.version"}, 1]}},
            "where": {"id": {"from": "object_id"}}, "rows": 1}}]}},
    });
    std::fs::write(desk.folder.join("handler.json"), declared.to_string()).expect("a file can be written");
    let variables = [
        ("CHAOS_TOKEN", TOKEN.to_owned()),
        ("CHAOS_SECRET", SIGNING_SECRET.to_owned()),
        ("CHAOS_HANDLER_URL", format!("http://{address}/synapsor/writeback")),
    ];
    desk.variables.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    desk.configure_handler("safe");
    plan.runner.with_file_name("synapsor-handler")
}

/// The handler, listening.
pub(crate) fn serving(program: &std::path::Path, desk: &Desk) -> Wrapped {
    desk.program(program, &["serve", "--config", "handler.json"])
}
