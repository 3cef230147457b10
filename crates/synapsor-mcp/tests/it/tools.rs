//! What a client is told about the tools.

use serde_json::{Value, json};
use synapsor_mcp::{AliasMode, McpOptions};

use crate::fixture::{Desk, Pipes, initialize};

async fn listed(mode: &str, aliases: AliasMode) -> Value {
    let desk = Desk::new(mode);
    let mut client = Pipes::open(&desk, McpOptions { aliases, ..McpOptions::default() });
    client.ask(&initialize()).await;
    client.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await["result"].clone()
}

fn names(listed: &Value) -> Vec<&str> {
    listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tool_says_all_that_its_author_wrote_and_names_no_table() {
    let mut listed = listed("review", AliasMode::Canonical).await;
    for tool in listed["tools"].as_array_mut().unwrap() {
        let output = tool.as_object_mut().unwrap().shift_remove("outputSchema").unwrap();
        assert_eq!(output, Value::Object(synapsor_envelope::schemas::output_schema()));
        let meta = tool["_meta"].to_string();
        assert!(!meta.contains("invoices") && !meta.contains("desk") && !meta.contains("main"), "{meta}");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&listed).unwrap(), @r#"
    {
      "tools": [
        {
          "name": "billing.inspect_invoice",
          "title": "billing.inspect_invoice",
          "description": "Look at one invoice.\nAmounts are in cents.\nEvidence ids in the answer are for reviewers; you need not do anything with them.",
          "inputSchema": {
            "type": "object",
            "properties": {
              "invoice_id": {
                "type": "string",
                "description": "Such as INV-1",
                "maxLength": 20
              }
            },
            "required": [
              "invoice_id"
            ],
            "additionalProperties": false
          },
          "annotations": {
            "title": "billing.inspect_invoice",
            "readOnlyHint": true,
            "destructiveHint": false,
            "idempotentHint": true,
            "openWorldHint": false
          },
          "_meta": {
            "synapsor.kind": "read",
            "synapsor.canonical_tool_name": "billing.inspect_invoice",
            "synapsor.exposed_tool_name": "billing.inspect_invoice",
            "synapsor.tool_name_style": "canonical",
            "synapsor.raw_sql_exposed": false,
            "synapsor.approval_tool": false
          }
        },
        {
          "name": "billing.propose_status",
          "title": "billing.propose_status",
          "description": "Proposes one exact change of one row of this tenant.\nThe change is only proposed: a person decides about it elsewhere, and nothing is changed by this call.",
          "inputSchema": {
            "type": "object",
            "properties": {
              "status": {
                "type": "string",
                "description": "The business value `status`.",
                "enum": [
                  "paid",
                  "overdue"
                ]
              },
              "invoice_id": {
                "type": "string",
                "description": "The business value `invoice_id`."
              },
              "fee": {
                "type": "number",
                "description": "The business value `fee`.",
                "minimum": 0,
                "maximum": 5000
              },
              "urgent": {
                "type": "boolean",
                "description": "The business value `urgent`."
              }
            },
            "required": [
              "status",
              "invoice_id"
            ],
            "additionalProperties": false
          },
          "annotations": {
            "title": "billing.propose_status",
            "readOnlyHint": false,
            "destructiveHint": false,
            "idempotentHint": false,
            "openWorldHint": false
          },
          "_meta": {
            "synapsor.kind": "proposal",
            "synapsor.canonical_tool_name": "billing.propose_status",
            "synapsor.exposed_tool_name": "billing.propose_status",
            "synapsor.tool_name_style": "canonical",
            "synapsor.raw_sql_exposed": false,
            "synapsor.approval_tool": false
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn arguments_are_listed_in_the_order_of_the_file_with_their_values() {
    let listed = listed("review", AliasMode::Canonical).await;
    let schema = &listed["tools"][1]["inputSchema"];
    let order: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["status", "invoice_id", "fee", "urgent"]);
    assert_eq!(schema["properties"]["status"]["enum"], json!(["paid", "overdue"]));
    assert_eq!(schema["required"], json!(["status", "invoice_id"]));
    assert_eq!(schema["additionalProperties"], false);
}

#[tokio::test]
async fn a_server_that_only_reads_lists_only_reads() {
    assert_eq!(names(&listed("read_only", AliasMode::Canonical).await), ["billing.inspect_invoice"]);
}

#[tokio::test]
async fn an_alias_has_no_dot_and_names_its_capability() {
    let listed = listed("review", AliasMode::Openai).await;
    assert_eq!(names(&listed), ["billing__inspect_invoice", "billing__propose_status"]);
    let tool = &listed["tools"][0];
    assert_eq!(tool["title"], "billing.inspect_invoice");
    assert!(tool["description"].as_str().unwrap().starts_with("This is the capability `billing.inspect_invoice`.\n"));
    assert_eq!(tool["_meta"]["synapsor.canonical_tool_name"], "billing.inspect_invoice");
    assert_eq!(tool["_meta"]["synapsor.exposed_tool_name"], "billing__inspect_invoice");
    assert_eq!(tool["_meta"]["synapsor.tool_name_style"], "openai");
}

#[tokio::test]
async fn a_call_by_its_alias_runs_the_capability_and_answers_by_its_name() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions { aliases: AliasMode::Openai, ..McpOptions::default() });
    client.ask(&initialize()).await;
    for name in ["billing__inspect_invoice", "billing.inspect_invoice"] {
        let answer = client.ask(&crate::fixture::call(1, name, json!({"invoice_id": "INV-1"}))).await;
        assert_eq!(answer["result"]["structuredContent"]["action"], "billing.inspect_invoice");
        assert_eq!(answer["result"]["structuredContent"]["ok"], true);
    }
}

#[tokio::test]
async fn what_a_server_withholds_is_told_by_either_name() {
    let desk = Desk::new("read_only");
    for aliases in [AliasMode::Openai, AliasMode::Both] {
        let mut client = Pipes::open(&desk, McpOptions { aliases, ..McpOptions::default() });
        client.ask(&initialize()).await;
        for name in ["billing__propose_status", "billing.propose_status"] {
            let answer = client.ask(&crate::fixture::call(1, name, json!({"invoice_id": "INV-1", "status": "paid"}))).await;
            let told = &answer["result"]["structuredContent"];
            assert_eq!((&told["ok"], &told["action"]), (&json!(false), &json!("billing.propose_status")), "{told}");
            assert!(told["summary"].as_str().unwrap().contains("this server only reads"), "{told}");
        }
    }
}

#[tokio::test]
async fn the_list_has_one_page() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let answer = client.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": "2"}})).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn the_handshake_teaches_to_propose_first() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions::default());
    let answer = client.ask(&initialize()).await;
    let result = &answer["result"];
    assert_eq!(result["serverInfo"]["name"], "synapsor-runner");
    assert_eq!(result["capabilities"], json!({"prompts": {}, "resources": {}, "tools": {}}));
    assert!(result["instructions"].as_str().unwrap().contains("a person decides about it elsewhere"));
}
