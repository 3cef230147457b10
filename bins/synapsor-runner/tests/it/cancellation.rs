//! A call that nobody waits for any more ends in the database too, and its connection can be used again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::http_client::Server;
use crate::mcp_client::Client;

/// A desk with one connection, and a table whose rows take a minute.
fn slow() -> impl Iterator<Item = Desk> {
    Desk::on_servers().inspect(|desk| {
        let minute = desk.dialect("", "pg_sleep(60)::text", "sleep(60)");
        desk.execute(&format!("create view slow as select id, tenant_id, concat(subject, {minute}) as subject from tickets"));
        desk.configure(|config| {
            config["sources"]["desk"]["pool_size"] = json!(1);
            config["sources"]["desk"]["statement_timeout_ms"] = json!(60_000);
            let read = desk.reads("desk.inspect_slow", "slow", &["id", "subject"]);
            config["capabilities"].as_array_mut().unwrap().push(read);
        });
    })
}

fn call(id: u32, name: &str, key: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": {"id": key}}})
}

fn slow_call(id: u32) -> Value {
    call(id, "desk.inspect_slow", "T-1")
}

/// The same as the era without handshake has it, with its headers.
fn modern(mut message: Value) -> ([(&'static str, &'static str); 3], Value) {
    message["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}});
    ([("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "desk.inspect_slow")], message)
}

/// Waits until so many slow statements run on the server.
fn wait_until(desk: &Desk, running: &str) {
    let count = desk.dialect(
        "",
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' \
         and query like '%\"slow\"%' and pid <> pg_backend_pid()",
        "select count(*) from information_schema.processlist where db = database() and info like '%`slow`%' and id <> connection_id()",
    );
    let begun = Instant::now();
    while desk.table(count) != running {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} run, and not {running}", desk.table(count));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// That no record of the cancelled call is left, and of the ones after it each.
fn assert_recorded(desk: &Desk, calls: &str) {
    assert_eq!(synapsor_testkit::sqlite::table(&desk.ledger(), "select count(*) from query_audit"), calls);
}

#[test]
fn a_call_that_is_cancelled_over_stdio_ends_in_the_database_and_frees_its_connection() {
    for desk in slow() {
        let mut client = Client::greeted(&desk);
        client.send(slow_call(7).to_string().as_bytes());
        wait_until(&desk, "1");
        client.send(br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"enough"}}"#);
        wait_until(&desk, "0");
        let next = client.answer(call(8, "billing.inspect_invoice", "INV-1").to_string().as_bytes());
        assert_eq!(
            (&next["id"], &next["result"]["structuredContent"]["ok"]),
            (&json!(8), &json!(true)),
            "the cancelled call has no answer"
        );
        assert_recorded(&desk, "1");
    }
}

#[test]
fn a_call_that_is_cancelled_within_its_session_ends_in_the_database_too() {
    for mut desk in slow() {
        let server = Server::start(&mut desk, "");
        let session = server.session();
        let within = [("mcp-session-id", session.as_str())];
        for token in [json!(null), json!("t")] {
            let mut asked = slow_call(7);
            if token != Value::Null {
                asked["params"]["_meta"] = json!({"progressToken": token});
            }
            let waiting = server.send(&within, &asked);
            wait_until(&desk, "1");
            let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
            assert_eq!(server.post(&within, &cancel).status, 202);
            wait_until(&desk, "0");
            drop(waiting);
        }
        let next = server.post(&within, &call(7, "billing.inspect_invoice", "INV-1"));
        assert_eq!(next.json()["result"]["structuredContent"]["ok"], true);
        assert_recorded(&desk, "1");
    }
}

#[test]
fn a_call_whose_client_hangs_up_ends_in_the_database_in_both_eras_and_over_the_bridge() {
    for mut desk in slow() {
        let server = Server::start(&mut desk, "");
        let session = server.session();
        let within = [("mcp-session-id", session.as_str())];
        let (headers, ordinary) = modern(slow_call(7));
        let mut telling = ordinary.clone();
        telling["params"]["_meta"]["progressToken"] = json!(1);
        for (headers, message) in [(&within[..], slow_call(7)), (&headers[..], ordinary), (&headers[..], telling)] {
            let waiting = server.send(headers, &message);
            wait_until(&desk, "1");
            drop(waiting);
            wait_until(&desk, "0");
        }
        assert_eq!(server.post(&within, &call(7, "billing.inspect_invoice", "INV-1")).json()["result"]["structuredContent"]["ok"], true);
        let bridge = Server::bridge(&mut desk, "--allow-concurrent-store");
        let waiting = bridge.send(&[], &slow_call(7));
        wait_until(&desk, "1");
        drop(waiting);
        wait_until(&desk, "0");
        assert_eq!(bridge.post(&[], &call(8, "billing.inspect_invoice", "INV-1")).json()["id"], 8);
        assert_recorded(&desk, "2");
    }
}
