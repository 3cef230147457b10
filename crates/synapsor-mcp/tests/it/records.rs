//! The records that calls left, and the one prompt.

use serde_json::{Value, json};
use synapsor_mcp::McpOptions;

use crate::fixture::{Desk, Http, Pipes, call};

fn ask(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[tokio::test]
async fn a_client_finds_its_records_by_the_ids_of_its_answers() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let answer = client.ask(&call(1, "billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid"}))).await;
    let envelope = &answer["result"]["structuredContent"];
    let (proposal, evidence) = (envelope["proposal"]["id"].as_str().unwrap(), envelope["evidence"]["bundle_id"].as_str().unwrap());
    assert_eq!(client.ask(&ask(2, "resources/list", json!({}))).await["result"], json!({"resources": []}));
    let templates = client.ask(&ask(3, "resources/templates/list", json!({}))).await;
    let templates: Vec<_> = templates["result"]["resourceTemplates"].as_array().unwrap().iter().map(|one| &one["uriTemplate"]).collect();
    let expected = ["synapsor://proposals/{proposal_id}", "synapsor://evidence/{evidence_bundle_id}", "synapsor://replay/{replay_id}"];
    assert_eq!(templates, expected);
    for (uri, member, value) in [
        (format!("synapsor://proposals/{proposal}"), "/proposal/proposal_id", proposal.to_owned()),
        (format!("synapsor://evidence/{evidence}"), "/evidence_id", evidence.to_owned()),
        (format!("synapsor://replay/replay_{proposal}"), "/replay_id", format!("replay_{proposal}")),
        (format!("synapsor://replay/{proposal}"), "/evidence/0/evidence_id", evidence.to_owned()),
    ] {
        let found = client.ask(&ask(4, "resources/read", json!({"uri": uri}))).await;
        let contents = &found["result"]["contents"][0];
        assert_eq!((&contents["uri"], &contents["mimeType"]), (&json!(uri), &json!("application/json")), "{found}");
        let record: Value = serde_json::from_str(contents["text"].as_str().unwrap()).unwrap();
        assert_eq!(record.pointer(member), Some(&json!(value)), "{record:#}");
    }
}

#[tokio::test]
async fn a_record_that_is_not_there_has_the_code_of_its_era_and_nothing_else() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    for uri in ["synapsor://proposals/wrp_1", "synapsor://evidence/ev_1", "synapsor://replay/replay_wrp_1", "file:///etc/passwd", ""] {
        let request = ask(1, "resources/read", json!({"uri": uri}));
        let earlier = server.post(&[("Mcp-Session-Id", &session)], &request).await;
        assert_eq!(earlier.body["error"], json!({"code": -32002, "message": "there is no such record of yours"}), "{uri}");
    }
}

#[tokio::test]
async fn the_prompt_says_what_the_handshake_says() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions::default());
    let greeting = client.ask(&crate::fixture::initialize()).await;
    let listed = client.ask(&ask(1, "prompts/list", json!({}))).await;
    assert_eq!(listed["result"]["prompts"][0]["name"], "agent_instructions");
    let prompt = client.ask(&ask(2, "prompts/get", json!({"name": "agent_instructions"}))).await;
    let message = &prompt["result"]["messages"][0];
    assert_eq!((&message["role"], &message["content"]["text"]), (&json!("user"), &greeting["result"]["instructions"]));
}
