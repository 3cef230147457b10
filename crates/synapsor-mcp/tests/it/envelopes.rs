//! Every way out of a tool call is one envelope.

use serde_json::{Value, json};

use crate::fixture::{Desk, Pipes, call, scrub};

/// The envelope of a call; text and structured content must be the same, and `isError` what `ok` is not.
async fn envelope(client: &mut Pipes, line: &str) -> Value {
    client.send_line(line.as_bytes()).await;
    let answer = client.next().await.unwrap();
    let result = &answer["result"];
    let structured = result["structuredContent"].clone();
    assert!(structured.is_object(), "{answer}");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), structured);
    assert!(text.starts_with("{\n  \"ok\""), "the text is indented by two spaces");
    assert_eq!(result["isError"], json!(!structured["ok"].as_bool().unwrap()));
    assert_eq!(result["content"].as_array().unwrap().len(), 1);
    structured
}

async fn check(name: &str, arguments: Value) -> Value {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    envelope(&mut client, &call(1, name, arguments).to_string()).await
}

fn told(envelope: &Value) -> String {
    format!("{}: {}", envelope["error"]["code"].as_str().unwrap(), envelope["error"]["message"].as_str().unwrap())
}

#[tokio::test]
async fn a_row_that_is_there_is_shown() {
    let envelope = check("billing.inspect_invoice", json!({"invoice_id": "INV-1"})).await;
    insta::assert_snapshot!(scrub(&envelope), @r#"
    {
      "ok": true,
      "summary": "Read invoices INV-1 with billing.inspect_invoice; nothing was changed.",
      "action": "billing.inspect_invoice",
      "kind": "read",
      "data": {
        "amount_cents": 12900,
        "id": "INV-1",
        "status": "overdue"
      },
      "proposal": null,
      "error": null,
      "evidence": {
        "bundle_id": "ev_#1",
        "note": "Kept on record for reviewers; you need not do anything with it."
      },
      "source_database_changed": false,
      "_meta": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "static_dev",
        "canonical_capability": "billing.inspect_invoice"
      }
    }
    "#);
}

#[tokio::test]
async fn a_proposal_names_its_principal_and_changes_nothing() {
    let envelope = check("billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid"})).await;
    insta::assert_snapshot!(scrub(&envelope), @r#"
    {
      "ok": true,
      "summary": "Proposal wrp_#1 for invoices INV-1 is waiting for review; nothing was changed in the database.",
      "action": "billing.propose_status",
      "kind": "proposal",
      "data": null,
      "proposal": {
        "id": "wrp_#1",
        "state": "review_required",
        "target": "invoices:INV-1",
        "diff": {
          "status": {
            "before": "overdue",
            "proposed": "paid"
          }
        },
        "approval_required": true,
        "writeback": {
          "mode": "direct_update",
          "applied": false
        },
        "next": "A person reviews and decides outside of this conversation; until then nothing is changed, and you cannot approve it."
      },
      "error": null,
      "evidence": {
        "bundle_id": "ev_#1",
        "note": "Kept on record for reviewers; you need not do anything with it."
      },
      "source_database_changed": false,
      "_meta": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "static_dev",
        "canonical_capability": "billing.propose_status"
      }
    }
    "#);
}

#[tokio::test]
async fn an_unknown_tool_is_refused_by_an_envelope() {
    let envelope = check("billing.drop_everything", json!({})).await;
    assert_eq!(envelope["action"], "billing.drop_everything");
    insta::assert_snapshot!(told(&envelope), @"CAPABILITY_NOT_FOUND: There is no capability `billing.drop_everything`; list the tools to see what can be called.");
}

#[tokio::test]
async fn wrong_arguments_are_refused_by_an_envelope_and_never_dropped() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let mut refused = Vec::new();
    for arguments in [
        json!({}),
        json!({"invoice_id": 7}),
        json!({"invoice_id": "INV-1", "tenant_id": "globex"}),
        json!({"invoice_id": "INV-1", "colour": "red"}),
        json!({"invoice_id": "INV-1".repeat(10)}),
        json!({"invoice_id": "INV-1".repeat(20_000)}),
    ] {
        refused.push(told(&envelope(&mut client, &call(1, "billing.inspect_invoice", arguments).to_string()).await));
    }
    refused.push(told(
        &envelope(&mut client, &call(1, "billing.propose_status", json!({"invoice_id": "INV-1", "status": "gone"})).to_string()).await,
    ));
    insta::assert_snapshot!(refused.join("\n"), @r#"
    INVALID_ARGUMENT: Argument `invoice_id` is required.
    INVALID_ARGUMENT: Argument `invoice_id` must be a string.
    INVALID_ARGUMENT: Argument `tenant_id` is set by the trusted context and cannot be given.
    INVALID_ARGUMENT: Argument `colour` is unknown.
    INVALID_ARGUMENT: Argument `invoice_id` is longer than 20 UTF-16 code units.
    INVALID_ARGUMENT: Argument `invoice_id` is longer than 20 UTF-16 code units.
    INVALID_ARGUMENT: Argument `status` must be one of: "paid", "overdue".
    "#);
    assert_eq!(desk.recorded(), "0", "nothing was read for them");
}

#[tokio::test]
async fn a_call_without_arguments_is_a_call() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "billing.inspect_invoice"}});
    let envelope = envelope(&mut client, &bare.to_string()).await;
    assert_eq!(envelope["error"]["code"], "INVALID_ARGUMENT");
}

#[tokio::test]
async fn an_argument_that_cannot_be_held_exactly_is_refused_by_an_envelope() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let line = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"billing.propose_status","arguments":{arguments}}}}}"#
        )
    };
    let mut refused = Vec::new();
    for arguments in [
        r#"{"invoice_id":"INV-1","fee":9007199254740993}"#,
        r#"{"invoice_id":"INV-1","fee":0.10000000000000000555}"#,
        r#"{"invoice_id":"INV-1","fee":1e400}"#,
        r#"{"invoice_id":"INV-1\u0000","status":"paid"}"#,
    ] {
        let envelope = envelope(&mut client, &line(arguments)).await;
        assert_eq!(envelope["kind"], "proposal");
        refused.push(told(&envelope));
    }
    insta::assert_snapshot!(refused.join("\n"), @"
    INVALID_ARGUMENT: Argument `fee` is a number that cannot be held exactly; round it.
    INVALID_ARGUMENT: An argument is a number that cannot be held exactly; round it.
    INVALID_ARGUMENT: An argument is a number that cannot be held exactly; round it.
    INVALID_ARGUMENT: Argument `invoice_id` holds the NUL character, which no database takes.
    ");
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_row_of_another_tenant_looks_like_none() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    // INV-2 is acme's alone; what globex has under a key is never told.
    let missing = envelope(&mut client, &call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-9"})).to_string()).await;
    insta::assert_snapshot!(scrub(&missing), @r#"
    {
      "ok": false,
      "summary": "No such row is visible to this tenant; check the id and try again with another one.",
      "action": "billing.inspect_invoice",
      "kind": "read",
      "data": null,
      "proposal": null,
      "error": {
        "code": "NOT_FOUND_IN_TENANT",
        "message": "No such row is visible to this tenant; check the id and try again with another one.",
        "retryable": false
      },
      "evidence": null,
      "source_database_changed": false,
      "_meta": {
        "canonical_capability": "billing.inspect_invoice"
      }
    }
    "#);
}
