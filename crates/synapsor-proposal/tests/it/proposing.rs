//! What an agent may ask for.

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_proposal::{AgentCommand, Event, Fact, Terms, decide_agent, evolve, supersede};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Columns, Digest};

use crate::fixture::{HOUR, History, change_set, morning, propose};

fn check(change: impl FnOnce(&mut Value)) -> String {
    match decide_agent(None, &propose(change_set(change)), morning()) {
        Ok(events) => events.iter().map(|event| format!("{} by {}", event.fact.kind(), event.actor)).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

#[test]
fn a_proposal_begins_with_its_terms_and_its_evidence() {
    assert_snapshot!(check(|_| ()), @"proposal_created by agent-7, evidence_recorded by agent-7");
}

#[test]
fn an_agent_cannot_bring_a_decision_along() {
    for (member, word) in [("approved", "approval"), ("rejected", "approval"), ("applied", "writeback")] {
        let answer = check(|json| json[word]["status"] = json!(member));
        assert!(answer.starts_with("refused: "), "{answer}");
    }
    assert_snapshot!(check(|json| json["mode"] = json!("approved_for_writeback")), @"refused: the change set of proposal wrp_1 is not acceptable: it says that it was decided already");
    assert_snapshot!(check(|json| json["source_database_mutated"] = json!(true)), @"refused: the change set of proposal wrp_1 is not acceptable: it says that it was applied already");
    assert_snapshot!(check(|json| json["proposal_version"] = json!(2)), @"refused: the change set of proposal wrp_1 is not acceptable: a new proposal has version 1");
}

#[test]
fn trap_9_a_change_set_that_does_not_match_its_hash_is_refused() {
    let mut edited = change_set(|_| ());
    let patch: Columns = serde_json::from_value(json!({"status": "refunded"})).unwrap();
    edited.patch = patch.clone();
    edited.after.extend(patch);
    assert_snapshot!(decide_agent(None, &propose(edited), morning()).unwrap_err(), @"the change set of proposal wrp_1 is not acceptable: the proposal hash does not match the content");
}

#[test]
fn a_proposal_that_exists_is_not_made_again() {
    let existing = History::new();
    let refusal = decide_agent(Some(&existing.state), &propose(change_set(|_| ())), morning()).unwrap_err();
    assert_snapshot!(refusal, @"proposal wrp_1 exists already");
}

/// What becomes of a proposal, brought somewhere, when these terms are proposed.
fn superseded(way: &[&str], new: Terms) -> String {
    let history = History::new().through(way);
    let Some(event) = supersede(&history.state, &new, morning()) else { return format!("{} stands", history.state.status) };
    let state = evolve(Some(history.state), &event).unwrap();
    format!("{} ({} by {})", state.status, event.fact.kind(), event.actor)
}

fn terms(change: impl FnOnce(&mut Value), capability: &[u8]) -> Terms {
    let change_set = change_set(|json| {
        json["proposal_id"] = json!("wrp_2");
        change(json);
    });
    Terms::of(&change_set, Digest::of_bytes(capability), morning().after(HOUR)).unwrap()
}

#[test]
fn an_undecided_proposal_gives_way_to_its_content_on_other_terms() {
    let shadow = || terms(|json| json["mode"] = json!("shadow"), b"capability");
    assert_snapshot!(superseded(&[], shadow()), @"canceled (proposal_superseded by agent-7)");
    assert_snapshot!(superseded(&[], terms(|_| (), b"another review")), @"canceled (proposal_superseded by agent-7)");
    assert_snapshot!(superseded(&[], terms(|_| (), b"capability")), @"pending_review stands");
    let other_content = terms(|json| json["principal"]["id"] = json!("agent-8"), b"another review");
    assert_snapshot!(superseded(&[], other_content), @"pending_review stands");
}

#[test]
fn what_was_decided_does_not_give_way() {
    let ways: [&[&str]; 5] = [&["approve"], &["reject"], &["cancel"], &["approve", "claim"], &["approve", "claim", "1 applied"]];
    let answers = ways.map(|way| superseded(way, terms(|_| (), b"another review")));
    assert_eq!(answers.join(", "), "approved stands, rejected stands, canceled stands, pending_worker stands, applied stands");
    let approved = History::new().through(&["approve"]).state;
    let fact = Fact::Superseded { by: ProposalId::new("wrp_2").unwrap() };
    let misfit = evolve(Some(approved), &Event { actor: "agent-7".into(), at: morning(), fact }).unwrap_err();
    assert_snapshot!(misfit, @"event 5 (proposal_superseded) cannot follow: it is not pending_review");
}

#[test]
fn a_proposal_must_have_time_left() {
    let refusal = decide_agent(None, &propose(change_set(|_| ())), morning().after(HOUR)).unwrap_err();
    assert_snapshot!(refusal, @"proposal wrp_1 expired at 2026-03-02T09:00:00.000000Z");
}

#[test]
fn the_evidence_must_be_the_one_that_the_change_set_names() {
    let AgentCommand::Propose { change_set, capability_digest, expires_at, audit, .. } = propose(change_set(|_| ()));
    let evidence = (synapsor_protocol::id::EvidenceId::new("ev_other").unwrap(), Digest::of_bytes(b"evidence"));
    let command = AgentCommand::Propose { change_set, capability_digest, expires_at, audit, evidence };
    assert_snapshot!(decide_agent(None, &command, morning()).unwrap_err(), @"the change set of proposal wrp_1 is not acceptable: it names evidence ev_1f, not ev_other");
}
