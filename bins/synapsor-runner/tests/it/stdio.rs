//! MCP over stdin and stdout, as bytes.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, told};
use crate::mcp_client::{Client, envelope};

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_greeting_teaches_to_propose_first() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "");
    assert_snapshot!(pretty(&client.greet()).replace(env!("CARGO_PKG_VERSION"), "<version>"), @r#"
    {
      "protocolVersion": "2025-11-25",
      "capabilities": {
        "prompts": {},
        "resources": {},
        "tools": {}
      },
      "serverInfo": {
        "name": "synapsor-runner",
        "title": "Synapsor",
        "version": "<version>"
      },
      "instructions": "These tools reach one tenant's business records, one reviewed row at a time. Whose rows you see is fixed by the server: do not ask the user for a tenant and do not pass one. There is no SQL and no search; use the identifiers you were given.\n\nTo change something, read the row first, then call the matching proposal tool once. It records the exact change; a person decides about it elsewhere, and only then is it carried out. You cannot approve or apply it, and no argument makes it faster. Tell the user that it waits for review, with the proposal's id, and never say that it is done.\n\nEvery answer is one object. `ok` says whether the call did what it was asked for; then either `data` holds the row or `proposal` what was proposed. If `ok` is false, `error.code` says why: correct the arguments on INVALID_ARGUMENT; do not try the same call again unless `error.retryable` is true; on NOT_FOUND_IN_TENANT ask the user for the right identifier instead of guessing."
    }
    "#);
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn a_tool_tells_a_model_all_that_it_may_say() {
    let desk = Desk::sqlite();
    let mut fee = desk.proposes("billing.propose_fee", "invoices", &["id", "late_fee_cents"]);
    fee["description"] = json!("Propose another late fee.");
    fee["returns_hint"] = json!("The exact difference.");
    fee["args"]["id"] = json!({"type": "string", "description": "The invoice's number", "max_length": 40});
    fee["args"]["cents"] = json!({"type": "number", "minimum": 0, "maximum": 5000});
    fee["args"]["round"] = json!({"type": "number", "enum": [0, 500, 1000], "required": false});
    fee["args"]["urgent"] = json!({"type": "boolean", "required": false});
    fee["patch"] = json!({"late_fee_cents": {"from_arg": "cents"}});
    fee["allowed_columns"] = json!(["late_fee_cents"]);
    desk.offer(fee);
    let mut client = Client::greeted(&desk);
    let mut listed = client.request("tools/list", &json!({}));
    let tools = listed["tools"].as_array_mut().unwrap();
    let mut tool = tools.pop().unwrap();
    let output = tool["outputSchema"].take();
    assert_eq!(output["type"], "object");
    assert_snapshot!(pretty(&tool), @r#"
    {
      "name": "billing.propose_fee",
      "title": "billing.propose_fee",
      "description": "Propose another late fee.\nThe exact difference.\nThe change is only proposed: a person decides about it elsewhere, and nothing is changed by this call.",
      "inputSchema": {
        "type": "object",
        "properties": {
          "id": {
            "type": "string",
            "description": "The invoice's number",
            "maxLength": 40
          },
          "cents": {
            "type": "number",
            "description": "The business value `cents`.",
            "minimum": 0,
            "maximum": 5000
          },
          "round": {
            "type": "number",
            "description": "The business value `round`.",
            "enum": [
              0,
              500,
              1000
            ]
          },
          "urgent": {
            "type": "boolean",
            "description": "The business value `urgent`."
          }
        },
        "required": [
          "id",
          "cents"
        ],
        "additionalProperties": false
      },
      "outputSchema": null,
      "annotations": {
        "title": "billing.propose_fee",
        "readOnlyHint": false,
        "destructiveHint": false,
        "idempotentHint": false,
        "openWorldHint": false
      },
      "_meta": {
        "synapsor.kind": "proposal",
        "synapsor.canonical_tool_name": "billing.propose_fee",
        "synapsor.exposed_tool_name": "billing.propose_fee",
        "synapsor.tool_name_style": "canonical",
        "synapsor.raw_sql_exposed": false,
        "synapsor.approval_tool": false
      }
    }
    "#);
}

#[test]
fn nothing_that_a_client_is_told_names_a_table_or_a_source() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let listed = client.request("tools/list", &json!({})).to_string();
    for hidden in ["\"desk\"", "invoices", "tickets", "main.", "tenant_id_env", "business.db", "ledger.db"] {
        assert!(!listed.contains(hidden), "{hidden}");
    }
    let read = client.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
    assert_snapshot!(desk.scrub(&pretty(&read["structuredContent"]["_meta"])), @r#"
    {
      "tenant_id": "acme",
      "principal": "agent-7",
      "provenance": "environment",
      "canonical_capability": "billing.inspect_invoice"
    }
    "#);
}

#[test]
fn whatever_a_model_calls_is_answered_by_an_envelope() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let waive = "billing.propose_waiver";
    let calls = [
        ("billing.nothing", json!({})),
        ("", json!({})),
        ("billing.propose_waiver\u{1b}[31m", json!({})),
        ("execute_sql", json!({"sql": "drop table invoices"})),
        ("approve", json!({"proposal_id": "wrp_1"})),
        (waive, json!({})),
        (waive, json!({"id": "INV-1"})),
        (waive, json!({"id": 7, "reason": "x"})),
        (waive, json!({"id": "INV-1", "reason": ["x"]})),
        (waive, json!({"id": "INV-1", "reason": "x".repeat(201)})),
        (waive, json!({"id": "INV-1", "reason": "x", "colour": "red"})),
        (waive, json!({"id": "INV-1", "reason": "x", "tenant_id": "globex"})),
        (waive, json!({"id": "INV-1", "reason": "x", "principal": "boss"})),
        (waive, json!({"id": "INV-1", "reason": "x", "allowed_columns": "*"})),
        (waive, json!({"id": "INV-1", "reason": "a\u{0}b"})),
        (waive, json!({"id": "INV-1", "reason": "x", "amount": 9_007_199_254_740_993_u64})),
        (waive, json!({"id": "INV-9", "reason": "x"})),
        ("support.propose_status", json!({"id": "T-1", "status": "deleted"})),
        ("support.propose_status", json!({"id": "T-1", "status": "open"})),
    ];
    let told = calls.map(|(name, arguments)| {
        let result = client.call(name, &arguments);
        let envelope = envelope(&result);
        assert_eq!((&envelope["ok"], &result["isError"]), (&json!(false), &json!(true)));
        format!("{name:?} {}\n  {}\n", arguments.to_string().chars().take(60).collect::<String>(), told(&envelope))
    });
    assert_snapshot!(told.concat(), @r#"
    "billing.nothing" {}
      CAPABILITY_NOT_FOUND: There is no capability `billing.nothing`; list the tools to see what can be called.
    "" {}
      CAPABILITY_NOT_FOUND: There is no capability ``; list the tools to see what can be called.
    "billing.propose_waiver\u{1b}[31m" {}
      CAPABILITY_NOT_FOUND: There is no capability `billing.propose_waiver�[31m`; list the tools to see what can be called.
    "execute_sql" {"sql":"drop table invoices"}
      CAPABILITY_NOT_FOUND: There is no capability `execute_sql`; list the tools to see what can be called.
    "approve" {"proposal_id":"wrp_1"}
      CAPABILITY_NOT_FOUND: There is no capability `approve`; list the tools to see what can be called.
    "billing.propose_waiver" {}
      INVALID_ARGUMENT: Argument `id` is required.
    "billing.propose_waiver" {"id":"INV-1"}
      INVALID_ARGUMENT: Argument `reason` is required.
    "billing.propose_waiver" {"id":7,"reason":"x"}
      INVALID_ARGUMENT: Argument `id` must be a string.
    "billing.propose_waiver" {"id":"INV-1","reason":["x"]}
      INVALID_ARGUMENT: Argument `reason` must be a string.
    "billing.propose_waiver" {"id":"INV-1","reason":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      INVALID_ARGUMENT: Argument `reason` is longer than 200 UTF-16 code units.
    "billing.propose_waiver" {"id":"INV-1","reason":"x","colour":"red"}
      INVALID_ARGUMENT: Argument `colour` is unknown.
    "billing.propose_waiver" {"id":"INV-1","reason":"x","tenant_id":"globex"}
      INVALID_ARGUMENT: Argument `tenant_id` is set by the trusted context and cannot be given.
    "billing.propose_waiver" {"id":"INV-1","reason":"x","principal":"boss"}
      INVALID_ARGUMENT: Argument `principal` is set by the trusted context and cannot be given.
    "billing.propose_waiver" {"id":"INV-1","reason":"x","allowed_columns":"*"}
      INVALID_ARGUMENT: Argument `allowed_columns` is set by the trusted context and cannot be given.
    "billing.propose_waiver" {"id":"INV-1","reason":"a\u0000b"}
      INVALID_ARGUMENT: Argument `reason` holds the NUL character, which no database takes.
    "billing.propose_waiver" {"id":"INV-1","reason":"x","amount":9007199254740993}
      INVALID_ARGUMENT: Argument `amount` is a number that cannot be held exactly; round it.
    "billing.propose_waiver" {"id":"INV-9","reason":"x"}
      NOT_FOUND_IN_TENANT: No such row is visible to this tenant; check the id and try again with another one.
    "support.propose_status" {"id":"T-1","status":"deleted"}
      INVALID_ARGUMENT: Argument `status` must be one of: "waiting", "solved".
    "support.propose_status" {"id":"T-1","status":"open"}
      INVALID_ARGUMENT: Argument `status` must be one of: "waiting", "solved".
    "#);
    assert_eq!(desk.json("proposals list --json")["proposals"], json!([]));
}

#[test]
fn arguments_that_are_absent_are_none() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let result = client.request("tools/call", &json!({"name": "billing.inspect_invoice"}));
    assert_eq!(envelope(&result)["error"]["code"], "INVALID_ARGUMENT");
}

#[test]
fn another_tenants_row_is_answered_byte_for_byte_like_none() {
    let mut desk = Desk::sqlite();
    desk.set("DESK_TENANT", "globex");
    let mut client = Client::greeted(&desk);
    for name in ["billing.inspect_invoice", "billing.propose_waiver"] {
        let mut ask = |id: &str| {
            let arguments = if name.ends_with("waiver") { json!({"id": id, "reason": "x"}) } else { json!({"id": id}) };
            let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
            client.send(call.to_string().as_bytes());
            client.line()
        };
        assert_eq!(ask("INV-2"), ask("INV-9"), "`INV-2` is acme's, `INV-9` nobody's");
    }
    let ledger = desk.ledger();
    let audits =
        synapsor_testkit::sqlite::table(&ledger, "select count(distinct body_json ->> '$.query_fingerprint'), count(*) from query_audit");
    assert_eq!(audits, "2 | 4", "and is on record like none");
}

#[test]
fn lines_that_are_no_message_are_answered_and_the_conversation_goes_on() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#, "[".repeat(40), "]".repeat(40));
    let lines: [&[u8]; 15] = [
        b"hello",
        b"{",
        b"{}",
        b"[]",
        br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        br#""ping""#,
        br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"proposals/approve"}"#,
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
        deep.as_bytes(),
    ];
    let told = lines.map(|line| {
        let answer = client.answer(line);
        format!("{}\n  {} {}\n", String::from_utf8_lossy(&line[..line.len().min(90)]), answer["id"], answer["error"])
    });
    assert_snapshot!(told.concat(), @r#"
    hello
      null {"code":-32700,"message":"the text is not JSON (line 1, column 1)"}
    {
      null {"code":-32700,"message":"the text is not JSON (line 1, column 2)"}
    {}
      null {"code":-32600,"message":"`jsonrpc` is \"2.0\""}
    []
      null {"code":-32600,"message":"batches are not served: send one message at a time"}
    [{"jsonrpc":"2.0","id":1,"method":"ping"}]
      null {"code":-32600,"message":"batches are not served: send one message at a time"}
    "ping"
      null {"code":-32600,"message":"a message is an object"}
    {"jsonrpc":"1.0","id":1,"method":"ping"}
      1 {"code":-32600,"message":"`jsonrpc` is \"2.0\""}
    {"jsonrpc":"2.0","id":null,"method":"ping"}
      null {"code":-32600,"message":"`id` is a string or an integer"}
    {"jsonrpc":"2.0","id":1.5,"method":"ping"}
      null {"code":-32600,"message":"`id` is a string or an integer"}
    {"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}
      null {"code":-32600,"message":"an object names a member twice (line 1, column 25)"}
    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}
      1 {"code":-32602,"message":"`params` is an object"}
    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}
      1 {"code":-32602,"message":"the params of `tools/call` do not have the form that it takes"}
    {"jsonrpc":"2.0","id":1,"method":"proposals/approve"}
      1 {"code":-32601,"message":"there is no method `proposals/approve`"}
    {"jsonrpc":"2.0","id":1,"method":"�"}
      null {"code":-32700,"message":"the text is not UTF-8 (line 1, column 35)"}
    {"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      1 {"code":-32600,"message":"arrays and objects nest too deeply (line 1, column 85)"}
    "#);
    assert_eq!(client.request("ping", &json!({})), json!({}));
}

#[test]
fn a_line_of_ten_megabytes_is_refused_and_the_conversation_goes_on() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"name": "billing.inspect_invoice", "arguments": {"id": "x".repeat(10 << 20)}}});
    let answer = client.answer(call.to_string().as_bytes());
    assert_snapshot!(answer, @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is too long"}}"#);
    assert_eq!(envelope(&client.call("billing.inspect_invoice", &json!({"id": "INV-1"})))["ok"], true);
}

#[test]
fn blank_lines_and_notifications_are_answered_by_nothing() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    for line in [
        &b""[..],
        b"\r",
        br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/unheard-of"}"#,
    ] {
        client.send(line);
    }
    assert!(!client.has_line());
    assert_eq!(client.request("ping", &json!({})), json!({}));
}

#[test]
fn a_client_of_the_era_without_handshake_is_served_too() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "");
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}});
    let about = client.request("server/discover", &json!({"_meta": meta}));
    assert!(about["supportedVersions"].to_string().contains("2026-07-28"), "{about:#}");
    let listed = client.request("tools/list", &json!({"_meta": meta}));
    assert_eq!(listed["tools"].as_array().map(Vec::len), Some(3), "{listed:#}");
    let result = client.request("tools/call", &json!({"_meta": meta, "name": "billing.inspect_invoice", "arguments": {"id": "INV-1"}}));
    assert_eq!(envelope(&result)["data"]["amount_cents"], 12900);
}

#[test]
fn tools_can_have_names_without_dots() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "--alias-mode openai");
    client.greet();
    let listed = client.request("tools/list", &json!({}));
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["billing__inspect_invoice", "billing__propose_waiver", "support__propose_status"]);
    let answer = envelope(&client.call("billing__inspect_invoice", &json!({"id": "INV-1"})));
    assert_eq!((&answer["ok"], &answer["action"]), (&json!(true), &json!("billing.inspect_invoice")));
}

#[test]
fn calls_under_way_are_answered_before_the_server_ends_with_its_input() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    for id in 100..120 {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "billing.inspect_invoice", "arguments": {"id": "INV-1"}}});
        client.send(call.to_string().as_bytes());
    }
    drop(client.running.child.stdin.take());
    let mut answered: Vec<_> = (100..120).map(|_| serde_json::from_str::<Value>(&client.line()).unwrap()["id"].as_u64().unwrap()).collect();
    answered.sort_unstable();
    assert_eq!(answered, (100..120).collect::<Vec<_>>());
    assert_eq!(client.running.wait().code(), Some(0));
}

#[test]
fn a_server_that_is_told_to_end_ends_well() {
    let desk = Desk::sqlite();
    for signal in [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGINT] {
        let mut client = Client::greeted(&desk);
        let pid = nix::unistd::Pid::from_raw(i32::try_from(client.running.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
        assert_eq!(client.running.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn logs_go_to_stderr_and_hold_no_row() {
    let mut desk = Desk::sqlite();
    desk.set("SYNAPSOR_LOG_LEVEL", "trace");
    let mut client = Client::greeted(&desk);
    for name in ["billing.inspect_invoice", "billing.nothing"] {
        envelope(&client.call(name, &json!({"id": "INV-1"})));
    }
    let said = client.running.stderr();
    assert!(!said.contains("12900"), "{said}");
}
