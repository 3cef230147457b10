//! MCP over Streamable HTTP, as bytes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, assert_same, id_of, on_each_engine, told};
use crate::http_client::{Server, TOKEN};
use crate::mcp_client::envelope;

fn initialize() -> Value {
    let about = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about})
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}

fn session(server: &Server) -> String {
    let answer = server.post(&[], &initialize());
    answer.headers.get("mcp-session-id").unwrap_or_else(|| panic!("{answer:?}")).clone()
}

on_each_engine! {
    the_loop_works_over_http_in_both_eras
}

fn the_loop_works_over_http_in_both_eras(desk: &mut Desk) {
    let server = Server::start(desk, "");
    let session = session(&server);
    let modern = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "billing.propose_waiver")];
    let eras: [&[(&str, &str)]; 2] = [&[("mcp-session-id", &session)], &modern];
    for (era, headers) in eras.into_iter().enumerate() {
        let mut message = call("billing.propose_waiver", &json!({"id": "INV-1", "reason": format!("era {era}")}));
        if era == 1 {
            message["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}});
        }
        let answer = server.post(headers, &message);
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"), "{answer:?}");
        let id = id_of(&envelope(&answer.json()["result"]));
        desk.approve(&id);
        assert_eq!(desk.apply(&id), "applied");
    }
    assert_eq!(desk.invoice(), "0 | era 1 | 5");
    let refused =
        server.post(&[("mcp-session-id", &session)], &call("billing.inspect_invoice", &json!({"id": "INV-1", "tenant_id": "globex"})));
    assert_same!(told(&envelope(&refused.json()["result"])), @"INVALID_ARGUMENT: Argument `tenant_id` is set by the trusted context and cannot be given.");
}

#[test]
fn a_server_without_a_token_refuses_to_start_and_names_the_variable() {
    let mut desk = Desk::sqlite();
    assert_snapshot!(desk.transcript(&["mcp serve-streamable-http --port 0", "mcp serve-streamable-http --port 0 --auth-token-env MY_TOKEN"]), @r"
    $ mcp serve-streamable-http --port 0
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: environment variable `SYNAPSOR_RUNNER_HTTP_TOKEN` is not set
    hint: set `SYNAPSOR_RUNNER_HTTP_TOKEN` to a long random token, or use `--dev-no-auth` on loopback

    $ mcp serve-streamable-http --port 0 --auth-token-env MY_TOKEN
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: environment variable `MY_TOKEN` is not set
    hint: set `MY_TOKEN` to a long random token, or use `--dev-no-auth` on loopback
    ");
    for token in ["", "\n", "two words", "caf\u{e9}"] {
        desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", token);
        let seen = desk.run("mcp serve-streamable-http --port 0");
        assert_eq!(seen.code, Some(1), "{token:?}: {seen}");
        assert!(!seen.stderr.contains("caf\u{e9}") && !seen.stderr.contains("two words"), "{seen}");
    }
}

#[test]
fn a_token_that_could_be_guessed_is_warned_of_and_not_repeated() {
    let check = |token: &str, verb: &str| {
        let mut desk = Desk::sqlite();
        desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", token);
        desk.set("SYNAPSOR_LOG_LEVEL", "info");
        let running = desk.program(verb).start();
        let said = running.wait_for_stderr("/mcp");
        assert!(!said.contains(token), "{said}");
        said.contains(" WARN WEAK_TOKEN: the token in `SYNAPSOR_RUNNER_HTTP_TOKEN` has fewer than 16 bytes and could be guessed")
    };
    assert!(check("q%7", "mcp serve-streamable-http --port 0"));
    assert!(check("canary-token-15", "mcp serve-http --port 0"));
    assert!(!check("canary-token--16", "mcp serve-streamable-http --port 0"));
}

#[test]
fn an_address_beyond_loopback_is_refused_in_cleartext_and_without_a_token() {
    let mut desk = Desk::sqlite();
    desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", TOKEN);
    assert_snapshot!(
        desk.transcript(&[
            "mcp serve-streamable-http --host 0.0.0.0",
            "mcp serve-streamable-http --host 192.0.2.1",
            "mcp serve-streamable-http --host 0.0.0.0 --dev-no-auth",
            "mcp serve-streamable-http --behind-tls-proxy --dev-no-auth",
            "mcp serve-streamable-http --host 0.0.0.0 --behind-tls-proxy",
            "mcp serve-streamable-http --host example.com",
            "mcp serve-streamable-http --cors-origin *",
            "mcp serve-streamable-http --tls-cert nothing.pem --tls-key nothing.pem",
        ]),
        @r"
        $ mcp serve-streamable-http --host 0.0.0.0
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `0.0.0.0:8766` is beyond loopback, where requests may not travel in the clear
        hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it

        $ mcp serve-streamable-http --host 192.0.2.1
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `192.0.2.1:8766` is beyond loopback, where requests may not travel in the clear
        hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it

        $ mcp serve-streamable-http --host 0.0.0.0 --dev-no-auth
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `0.0.0.0:8766` is beyond loopback, where requests may not travel in the clear
        hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it

        $ mcp serve-streamable-http --behind-tls-proxy --dev-no-auth
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `127.0.0.1:<port>` can be reached by others, so a token is required
        hint: leave out `--dev-no-auth`

        $ mcp serve-streamable-http --host 0.0.0.0 --behind-tls-proxy
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `0.0.0.0:8766` stands for every address of this machine, so the allowed hosts must be listed
        hint: list the names that clients use with `--allowed-host`

        $ mcp serve-streamable-http --host example.com
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `example.com` is neither an IP address nor `localhost`
        hint: use `127.0.0.1`, `::1`, `localhost` or an address of this machine

        $ mcp serve-streamable-http --cors-origin *
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `*` is not an origin such as `https://app.example.com`

        $ mcp serve-streamable-http --tls-cert nothing.pem --tls-key nothing.pem
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: `nothing.pem` holds no usable certificate: I/O error: No such file or directory (os error 2)
        "
    );
}

#[test]
fn strangers_are_turned_away_before_anything_is_read_from_them() {
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "--cors-origin https://app.example.com");
    let own = format!("http://{}", server.address);
    let cases: [(&str, &[(&str, &str)]); 12] = [
        ("as it should be", &[]),
        ("no token", &[("authorization", "")]),
        ("another token", &[("authorization", "Bearer canary-token-4712")]),
        ("a longer token", &[("authorization", "Bearer canary-token-47111")]),
        ("another scheme", &[("authorization", "Basic canary-token-4711")]),
        ("another host", &[("host", "evil.example.com")]),
        ("a host that begins like ours", &[("host", "127.0.0.1.evil.example.com")]),
        ("another port", &[("host", "127.0.0.1:1")]),
        ("another origin", &[("origin", "https://evil.example.com")]),
        ("no origin", &[("origin", "null")]),
        ("our origin", &[("origin", &own)]),
        ("a listed origin", &[("origin", "https://app.example.com")]),
    ];
    let told = cases.map(|(what, headers)| {
        let answer = server.post(headers, &initialize());
        let said = if answer.status == 200 { "..." } else { answer.body.as_str() };
        format!("{what}: {} {said}\n", answer.status)
    });
    assert_snapshot!(told.concat(), @r#"
    as it should be: 200 ...
    no token: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    another token: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    a longer token: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    another scheme: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    another host: 403 {"ok":false,"error":"forbidden_host","message":"This server does not go by that Host."}
    a host that begins like ours: 403 {"ok":false,"error":"forbidden_host","message":"This server does not go by that Host."}
    another port: 403 {"ok":false,"error":"forbidden_host","message":"This server does not go by that Host."}
    another origin: 403 {"ok":false,"error":"forbidden_origin","message":"Pages of that Origin may not call this server."}
    no origin: 403 {"ok":false,"error":"forbidden_origin","message":"Pages of that Origin may not call this server."}
    our origin: 200 ...
    a listed origin: 200 ...
    "#);
}

#[test]
fn a_probe_needs_no_token_and_learns_no_name() {
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "");
    let headers = BTreeMap::from([("host", server.address.as_str())]);
    let ask = |what: &str| server.connect().ask(what, &headers, "");
    assert_snapshot!(ask("GET /healthz").body, @r#"{"ok":true,"transport":"streamable-http","sessions":0,"tools":3,"mode":"review"}"#);
    let told = ["GET /mcp", "POST /mcp", "GET /", "GET /healthz/more", "OPTIONS /mcp", "TRACE /mcp"]
        .map(|what| format!("{what}: {}\n", ask(what).line()));
    assert_snapshot!(told.concat(), @r#"
    GET /mcp: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    POST /mcp: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    GET /: 404 {"ok":false,"error":"not_found","message":"There is nothing at this path."}
    GET /healthz/more: 404 {"ok":false,"error":"not_found","message":"There is nothing at this path."}
    OPTIONS /mcp: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    TRACE /mcp: 401 {"ok":false,"error":"unauthorized","message":"Send the token as `Authorization: Bearer <token>`."}
    "#);
}

#[test]
fn what_is_no_message_gets_the_right_error() {
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "");
    let session = session(&server);
    let own: &[(&str, &str)] = &[("mcp-session-id", &session)];
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let cases: [(&[(&str, &str)], &str); 10] = [
        (own, ping),
        (own, "{"),
        (own, "[]"),
        (own, r#"{"jsonrpc":"2.0","id":1,"method":"ping","id":2}"#),
        (own, r#"{"jsonrpc":"2.0","id":1,"method":"proposals/approve"}"#),
        (own, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"billing.inspect_invoice","arguments":7}}"#),
        (&[], ping),
        (&[("mcp-session-id", "4711")], ping),
        (&[("content-type", "text/plain")], ping),
        (&[("mcp-protocol-version", "2026-07-28")], r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#),
    ];
    let told = cases.map(|(headers, body)| {
        let answer = server.connect().post(&server.address, headers, body);
        format!("{body}\n  {}\n", answer.line())
    });
    assert_snapshot!(told.concat(), @r#"
    {"jsonrpc":"2.0","id":1,"method":"ping"}
      200 {"jsonrpc":"2.0","id":1,"result":{}}
    {
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the text is not JSON (line 1, column 2)"}}
    []
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not served: send one message at a time"}}
    {"jsonrpc":"2.0","id":1,"method":"ping","id":2}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"an object names a member twice (line 1, column 41)"}}
    {"jsonrpc":"2.0","id":1,"method":"proposals/approve"}
      200 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"there is no method `proposals/approve`"}}
    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"billing.inspect_invoice","arguments":7}}
      200 {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"the params of `tools/call` do not have the form that it takes"}}
    {"jsonrpc":"2.0","id":1,"method":"ping"}
      400 {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"begin with `initialize` and send its Mcp-Session-Id, or name the protocol version 2026-07-28 in every request"}}
    {"jsonrpc":"2.0","id":1,"method":"ping"}
      404 {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"the session has ended: begin again with `initialize`"}}
    {"jsonrpc":"2.0","id":1,"method":"ping"}
      415 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the Content-Type is application/json"}}
    {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}
      400 {"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"missing required Mcp-Method header"}}
    "#);
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": "x".repeat(2 << 20)}});
    assert_eq!(server.post(own, &large).status, 413);
}

#[test]
fn sessions_are_bounded_and_one_that_ends_makes_room() {
    const MOST: usize = 4096;
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "");
    let body = initialize().to_string();
    let mut connection = server.connect();
    let mut open = || connection.post(&server.address, &[], &body);
    let first = open().headers["mcp-session-id"].clone();
    for _ in 1..MOST {
        assert_eq!(open().status, 200);
    }
    let refused = open();
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true), "{refused:?}");
    let bearer = format!("Bearer {TOKEN}");
    let headers = BTreeMap::from([("host", server.address.as_str()), ("authorization", &bearer), ("mcp-session-id", &first)]);
    assert_eq!(server.connect().ask("DELETE /mcp", &headers, "").status, 204);
    assert_eq!(open().status, 200);
    assert_eq!(open().status, 503);
}

#[test]
fn without_a_token_on_loopback_a_developer_is_served() {
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "--dev-no-auth");
    assert_eq!(server.post(&[("authorization", "")], &initialize()).status, 200);
    assert_eq!(server.post(&[("authorization", ""), ("origin", "http://evil.example.com")], &initialize()).status, 403);
}

#[test]
fn a_server_that_is_told_to_end_ends_well() {
    let mut desk = Desk::sqlite();
    let mut server = Server::start(&mut desk, "");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(server.running.child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(server.running.wait().code(), Some(0));
    assert!(!server.running.stderr().contains(TOKEN));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let mut desk = Desk::sqlite();
    let server = Server::start(&mut desk, "");
    let port = server.address.rsplit(':').next().unwrap();
    desk.set("SYNAPSOR_LOG_LEVEL", "error");
    let seen = desk.run(&format!("mcp serve-streamable-http --allow-concurrent-store --port {port}"));
    assert_eq!(seen.code, Some(1), "{seen}");
    assert!(seen.stderr.contains(&format!("cannot listen on `127.0.0.1:{port}`")), "{seen}");
}

/// Takes a table from everybody until it is given back, even from readers.
fn lock(desk: &Desk) {
    desk.execute(desk.dialect("", "begin; lock table tickets in access exclusive mode", "lock tables tickets write"));
}

/// Waits until somebody waits for the table.
fn wait_for_waiting(desk: &Desk) {
    let waiting = desk.dialect(
        "",
        "select count(*) > 0 from pg_locks where not granted and relation = 'tickets'::regclass",
        "select count(*) > 0 from information_schema.processlist where db = database() and state like 'Waiting for table%'",
    );
    let begun = Instant::now();
    while !["t", "1"].contains(&desk.table(waiting).as_str()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_call_that_finds_every_connection_in_use_may_be_tried_again_and_is_told_when() {
    for mut desk in Desk::on_servers() {
        desk.configure(|config| {
            config["sources"]["desk"]["pool_size"] = json!(1);
            config["sources"]["desk"]["statement_timeout_ms"] = json!(60_000);
            let read = desk.reads("desk.inspect_ticket", "tickets", &["subject"]);
            config["capabilities"] = json!([read]);
        });
        let server = Server::start(&mut desk, "");
        let session = session(&server);
        let ask = |id: u32| {
            let mut asked = call("desk.inspect_ticket", &json!({"id": "T-1"}));
            asked["id"] = json!(id);
            envelope(&server.post(&[("mcp-session-id", &session)], &asked).json()["result"])
        };
        assert_eq!(ask(1)["ok"], true, "the table is known before it is locked");
        lock(&desk);
        let (served, refused) = std::thread::scope(|scope| {
            let first = scope.spawn(|| ask(2));
            wait_for_waiting(&desk);
            let refused = ask(3);
            desk.execute(desk.dialect("", "rollback", "unlock tables"));
            (first.join().unwrap(), refused)
        });
        assert_eq!(served["data"]["subject"], "Late fee on INV-1", "{served:#}");
        let refused = &refused["error"];
        assert_eq!((&refused["code"], &refused["retryable"]), (&json!("TEMPORARILY_UNAVAILABLE"), &json!(true)));
        assert!(refused["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{refused}");
    }
}
