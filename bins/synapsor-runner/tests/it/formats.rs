//! Both formats of answers, both names of tools, and a server that is told only to read.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::http_client::Server;
use crate::mcp_client::Client;

/// What one read looks like: in words of the format.
fn shape(answer: &Value) -> &'static str {
    match (&answer["status"], &answer["ok"]) {
        (status, Value::Null) if status == "ok" => "format 1",
        (Value::Null, ok) if ok == true => "format 2",
        _ => "neither",
    }
}

#[test]
fn the_command_line_chooses_the_format_and_else_the_configuration_does() {
    let mut desk = Desk::sqlite();
    let mut seen = String::new();
    for configured in [json!(1), json!(2), Value::Null] {
        desk.configure(|config| match &configured {
            Value::Null => drop(config.as_object_mut().unwrap().remove("result_format")),
            format => config["result_format"] = format.clone(),
        });
        for words in ["", "--result-format 1", "--result-format 2", "--result-format v1", "--result-format v2"] {
            let id = json!({"id": "INV-1"});
            let mut client = Client::silent(&desk, words);
            client.greet();
            let by_stdio = client.call("billing.inspect_invoice", &id)["structuredContent"].clone();
            let by_hand = desk.program(&format!("propose billing.inspect_invoice {words}")).args(["--json", &id.to_string()]).run();
            let by_hand: Value = serde_json::from_str(&by_hand.stdout).unwrap();
            assert_eq!(shape(&by_stdio), shape(&by_hand));
            seen.push_str(&format!("{configured} {words}: {}\n", shape(&by_stdio)));
        }
    }
    assert_snapshot!(seen, @r"
    1 : format 1
    1 --result-format 1: format 1
    1 --result-format 2: format 2
    1 --result-format v1: format 1
    1 --result-format v2: format 2
    2 : format 2
    2 --result-format 1: format 1
    2 --result-format 2: format 2
    2 --result-format v1: format 1
    2 --result-format v2: format 2
    null : format 2
    null --result-format 1: format 1
    null --result-format 2: format 2
    null --result-format v1: format 1
    null --result-format v2: format 2
    ");
    let server = Server::start(&mut desk, "--result-format 1");
    let session = server.session();
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "billing.inspect_invoice", "arguments": {"id": "INV-1"}}});
    assert_eq!(shape(&server.post(&[("mcp-session-id", &session)], &call).json()["result"]["structuredContent"]), "format 1");
}

#[test]
fn a_refusal_in_format_one_is_negative_and_leads_to_its_cause() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["result_format"] = json!(1));
    for (arguments, code) in
        [(json!({"id": "INV-9"}), "ROW_NOT_FOUND"), (json!({"id": "INV-1", "tenant_id": "x"}), "MODEL_CANNOT_OVERRIDE_BINDING")]
    {
        let seen = desk.program("propose billing.inspect_invoice").args(["--json", &arguments.to_string()]).run();
        let answer: Value = serde_json::from_str(&seen.stdout).unwrap();
        assert_eq!((seen.code, &answer["ok"], &answer["code"]), (Some(1), &json!(false), &json!(code)), "{seen}");
    }
    std::fs::remove_file(desk.folder.join("business.db")).unwrap();
    let seen = desk.program("propose billing.inspect_invoice").args(["--json", r#"{"id":"INV-1"}"#]).run();
    assert_snapshot!(desk.scrub(&seen.stdout), @r#"
    {
      "ok": false,
      "code": "TEMPORARILY_UNAVAILABLE",
      "error": "The database cannot be reached; nothing was changed, try the same call again later. (diagnostic id: diag_#1)"
    }
    "#);
}

#[test]
fn a_tool_can_be_called_by_both_names_and_answers_by_its_own() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "--tool-name-style both");
    client.greet();
    let listed = client.request("tools/list", &json!({}));
    assert_eq!(desk.json("tools list --alias-mode both --json")["tools"], listed["tools"]);
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_snapshot!(names.join(" "), @"billing.inspect_invoice billing__inspect_invoice billing.propose_waiver billing__propose_waiver support.propose_status support__propose_status");
    for name in ["billing.inspect_invoice", "billing__inspect_invoice"] {
        let answer = client.call(name, &json!({"id": "INV-1"}))["structuredContent"].clone();
        assert_eq!((&answer["ok"], &answer["action"]), (&json!(true), &json!("billing.inspect_invoice")), "{name}");
    }
}

#[test]
fn a_server_that_is_told_only_to_read_does_so_whatever_its_configuration_says() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "--read-only");
    let greeting = client.greet();
    assert!(greeting["instructions"].as_str().unwrap().contains("only reads"), "{greeting}");
    let listed = client.request("tools/list", &json!({}));
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["billing.inspect_invoice"]);
    let refused = client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"}));
    assert_eq!(refused["structuredContent"]["error"]["code"], "APPROVAL_REQUIRED");
    assert_eq!(client.call("billing.inspect_invoice", &json!({"id": "INV-1"}))["structuredContent"]["ok"], true);
    assert_eq!(client.leave(), Some(0));
    assert_eq!(desk.json("proposals list --json")["proposals"], json!([]));
}
