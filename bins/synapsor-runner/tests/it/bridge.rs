//! `mcp serve-http`: plain JSON-RPC with the same checks in front.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::json;

use crate::desk::{Desk, id_of, on_each_engine};
use crate::http_client::Server;

on_each_engine! {
    the_loop_works_over_the_bridge
}

fn the_loop_works_over_the_bridge(desk: &mut Desk) {
    let bridge = Server::bridge(desk, "");
    let call = |name: &str, arguments: serde_json::Value| {
        let message = json!({"jsonrpc": "2.0", "id": "b-1", "method": "tools/call", "params": {"name": name, "arguments": arguments}});
        let answer = bridge.post(&[], &message);
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!("b-1")), "{answer:?}");
        answer.json()["result"]["structuredContent"].clone()
    };
    assert_eq!(call("billing.inspect_invoice", json!({"id": "INV-1"}))["data"]["late_fee_cents"], 1500);
    let id = id_of(&call("billing.propose_waiver", json!({"id": "INV-1", "reason": "by the bridge"})));
    desk.approve(&id);
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.invoice(), "0 | by the bridge | 4");
    let uri = format!("synapsor://replay/replay_{id}");
    let read = bridge.post(&[], &json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": uri}}));
    assert!(read.body.contains("writeback_applied"), "{read:?}");
}

#[test]
fn the_bridge_says_what_it_is_and_keeps_strangers_out() {
    let mut desk = Desk::sqlite();
    let bridge = Server::bridge(&mut desk, "");
    assert!(bridge.running.stderr().contains("plain JSON-RPC"), "{}", bridge.running.stderr());
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let mut told = String::new();
    for headers in [
        [("authorization", "Bearer wrong")],
        [("authorization", "")],
        [("host", "evil.example")],
        [("origin", "https://evil.example")],
        [("content-type", "text/plain")],
    ] {
        told.push_str(&format!("{headers:?} {}\n", bridge.post(&headers, &list).line()));
    }
    let health = bridge.connect().ask("GET /healthz", &BTreeMap::from([("host", bridge.address.as_str())]), "");
    told.push_str(&format!("healthz {}\n", health.line()));
    assert_snapshot!(told, @r#"
    [("authorization", "Bearer wrong")] 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    [("authorization", "")] 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    [("host", "evil.example")] 403 {"ok":false,"error":"forbidden_host","message":"This server does not go by that Host."}
    [("origin", "https://evil.example")] 403 {"ok":false,"error":"forbidden_origin","message":"Pages of that Origin may not call this server."}
    [("content-type", "text/plain")] 415 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the Content-Type is application/json"}}
    healthz 200 {"ok":true,"transport":"json-rpc-http","tools":3,"mode":"review"}
    "#);
}

#[test]
fn the_bridge_refuses_what_any_server_refuses() {
    let desk = Desk::sqlite();
    assert_snapshot!(desk.transcript(&["mcp serve-http --port 0", "mcp serve-http --port 0 --dev-no-auth --host 0.0.0.0"]), @r"
    $ mcp serve-http --port 0
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: environment variable `SYNAPSOR_RUNNER_HTTP_TOKEN` is not set
    hint: set `SYNAPSOR_RUNNER_HTTP_TOKEN` to a long random token, or use `--dev-no-auth` on loopback

    $ mcp serve-http --port 0 --dev-no-auth --host 0.0.0.0
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `0.0.0.0:0` is beyond loopback, where requests may not travel in the clear
    hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it
    ");
}
