//! Each fault of a tool list is found, and an honest list has none.

use std::path::Path;

use serde_json::{Value, json};
use synapsor_config::Config;
use synapsor_protocol::Secret;

use super::{judge, judge_refusals};

fn config() -> Config {
    let capability = |name: &str, kind: &str| {
        json!({"name": name, "kind": kind, "source": "shop", "description": "Tokens, passwords and SQL are none of its business.",
            "target": {"schema": "public", "table": "returns", "primary_key": "id", "tenant_key": "store_id"},
            "args": {"return_id": {"type": "string"}}, "lookup": {"id_from_arg": "return_id"}, "visible_columns": ["id", "token_count"]})
    };
    let mut proposal = capability("returns.propose_status", "proposal");
    proposal["patch"] = json!({"status": {"fixed": "checked"}});
    proposal["allowed_columns"] = json!(["status"]);
    proposal["conflict_guard"] = json!({"column": "version"});
    let file = json!({"version": 1, "mode": "review", "result_format": 2, "trusted_context": {"provider": "environment"},
        "sources": {"shop": {"engine": "postgres", "read_url_env": "SHOP_READ_URL"}}, "capabilities": [capability("returns.inspect", "read"), proposal]});
    let checked = synapsor_config::check(file.to_string().as_bytes(), Path::new("/srv"));
    checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings))
}

fn tool(name: &str, reads: bool) -> Value {
    json!({"name": name, "title": name, "description": "Approve nothing here: it only looks up a password reset token by SQL-free means.",
        "inputSchema": {"type": "object", "properties": {"return_id": {"type": "string", "description": "Not the bearer token"}},
            "required": ["return_id"], "additionalProperties": false},
        "annotations": {"title": name, "readOnlyHint": reads, "destructiveHint": false, "idempotentHint": reads, "openWorldHint": false},
        "_meta": {"synapsor.kind": if reads { "read" } else { "proposal" }, "synapsor.canonical_tool_name": name,
            "synapsor.approval_tool": false, "synapsor.raw_sql_exposed": false}})
}

/// What is wrong with the honest list after an edit of it.
fn check(edit: impl FnOnce(&mut Vec<Value>)) -> String {
    let mut tools = vec![tool("returns.inspect", true), tool("returns.propose_status", false)];
    edit(&mut tools);
    let secrets = [Secret::new("postgres://reader:pw@db/shop".to_owned())];
    let checks = judge(&tools, &config(), &secrets);
    let faults = checks.iter().flat_map(|check| check.faults.iter().map(|fault| format!("{}: {fault}", check.name)));
    faults.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_honest_list_is_not_failed_for_the_words_of_its_author() {
    assert_eq!(check(|_| ()), "");
}

#[test]
fn each_fault_of_a_list_is_found() {
    insta::assert_snapshot!(check(|tools| drop(tools.remove(0))), @"tools: returns.inspect is not served");
    insta::assert_snapshot!(check(|tools| tools.clear()), @r"
    tools: returns.inspect is not served
    tools: returns.propose_status is not served
    tools: there is no tool
    ");
    insta::assert_snapshot!(check(|tools| tools.push(tool("returns.inspect", true))), @"tools: returns.inspect is listed twice");
    insta::assert_snapshot!(check(|tools| tools.push(tool("execute_query", true))), @"tools: execute_query is no reviewed capability");
    insta::assert_snapshot!(check(|tools| tools[1]["_meta"]["synapsor.kind"] = json!("read")), @"kinds: returns.propose_status: its kind is not the reviewed one");
    insta::assert_snapshot!(check(|tools| tools[1]["_meta"]["synapsor.approval_tool"] = json!(true)), @"kinds: returns.propose_status: `synapsor.approval_tool` is not false");
    insta::assert_snapshot!(check(|tools| tools[1]["annotations"]["readOnlyHint"] = json!(true)), @"annotations: returns.propose_status: `readOnlyHint` is not false");
    insta::assert_snapshot!(check(|tools| tools[0]["annotations"]["destructiveHint"] = Value::Null), @"annotations: returns.inspect: `destructiveHint` is not false");
    insta::assert_snapshot!(check(|tools| tools[0]["inputSchema"]["additionalProperties"] = json!(true)), @"arguments: returns.inspect: other arguments are taken than the listed ones");
    insta::assert_snapshot!(check(|tools| tools[0]["inputSchema"]["properties"]["tenant_id"] = json!({"type": "string"})), @r"
    arguments: returns.inspect: argument `tenant_id` is not as it was reviewed
    trust: returns.inspect: it takes `tenant_id`
    ");
    insta::assert_snapshot!(check(|tools| {
        let nested = json!({"type": "object", "properties": {"schema_name": {}, "sql": {}}});
        tools[0]["inputSchema"]["properties"]["return_id"] = nested;
    }), @r"
    statements: returns.inspect: it takes `schema_name`
    statements: returns.inspect: it takes `sql`
    ");
    insta::assert_snapshot!(check(|tools| tools[0]["_meta"]["synapsor.target"] = json!("public.returns")), @"places: returns.inspect: it names `public.returns`");
    insta::assert_snapshot!(check(|tools| tools[0]["_meta"]["synapsor.source"] = json!("shop")), @"places: returns.inspect: it names `shop`");
    insta::assert_snapshot!(check(|tools| tools[0]["description"] = json!("See postgres://reader:pw@db/shop for more")), @"secrets: returns.inspect: a value of the environment stands in it");
}

#[test]
fn a_call_that_was_taken_is_found() {
    let refused = json!({"isError": true, "structuredContent": {"ok": false}});
    let taken = json!({"isError": false, "structuredContent": {"ok": true}});
    let faults = |with_tenant: &Value, unlisted: &Value| {
        let named = |answer: &Value| [("a.b".to_owned(), answer.clone())];
        let checks = judge_refusals(&named(with_tenant), &named(unlisted));
        checks.iter().map(|check| check.faults.len()).collect::<Vec<_>>()
    };
    assert_eq!(faults(&refused, &refused), [0, 0]);
    assert_eq!(faults(&taken, &taken), [1, 1]);
}
