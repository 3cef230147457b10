//! Records as resources: whose they are, and what is not in them.

use serde_json::{Value, json};

use crate::desk::{Desk, account, id_of, on_each_engine};
use crate::mcp_client::{Client, envelope};

on_each_engine! {
    a_proposals_records_are_its_callers_through_its_whole_life
}

fn read(client: &mut Client, uri: &str) -> Value {
    let found = client.request("resources/read", &json!({"uri": uri}));
    match found["contents"][0]["text"].as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => found,
    }
}

fn a_proposals_records_are_its_callers_through_its_whole_life(desk: &mut Desk) {
    let mut client = Client::greeted(desk);
    let proposed = envelope(&client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "goodwill"})));
    let (id, evidence) = (id_of(&proposed), proposed["evidence"]["bundle_id"].as_str().unwrap().to_owned());
    let uris = [format!("synapsor://proposals/{id}"), format!("synapsor://evidence/{evidence}"), format!("synapsor://replay/replay_{id}")];
    desk.approve(&id);
    assert_eq!(desk.apply(&id), "applied");
    let record = read(&mut client, &uris[0]);
    assert_eq!((&record["status"], &record["receipts"][0]["status"]), (&json!("applied"), &json!("applied")));
    let kinds: Vec<_> = record["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "proposal_created",
        "evidence_recorded",
        "proposal_approved",
        "writeback_job_recorded",
        "writeback_attempt_claimed",
        "writeback_applied",
    ];
    assert_eq!(kinds, expected);
    for uri in &uris {
        let text = read(&mut client, uri).to_string();
        for hidden in [account().as_str(), "\"uid\"", "holder", "lease", "runner_id", "pid ", "business.db", "ledger.db"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(desk.secrets().iter().all(|secret| !text.contains(secret)), "{text}");
    }
    trap_28_others_get_what_a_missing_record_gives(desk, &uris);
}

fn trap_28_others_get_what_a_missing_record_gives(desk: &mut Desk, uris: &[String]) {
    for (tenant, agent) in [("globex", "agent-7"), ("acme", "agent-8"), ("ACME", "agent-7")] {
        desk.set("DESK_TENANT", tenant);
        desk.set("DESK_AGENT", agent);
        let mut other = Client::silent(desk, "--allow-concurrent-store");
        other.greet();
        let mut answer = |uri: &str| {
            other.send(json!({"jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": {"uri": uri}}).to_string().as_bytes());
            other.line()
        };
        let missing = answer("synapsor://proposals/wrp_none");
        assert!(missing.contains("\"error\":{\"code\":-32002"), "{missing}");
        for uri in uris {
            assert_eq!(answer(uri), missing, "{agent} of {tenant}");
        }
    }
}

#[test]
fn the_prompt_and_the_templates_are_offered() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "");
    let greeting = client.greet();
    let prompt = client.request("prompts/get", &json!({"name": "agent_instructions"}));
    assert_eq!(prompt["messages"][0]["content"]["text"], greeting["instructions"]);
    let templates = client.request("resources/templates/list", &json!({}));
    assert_eq!(templates["resourceTemplates"].as_array().unwrap().len(), 3);
}
