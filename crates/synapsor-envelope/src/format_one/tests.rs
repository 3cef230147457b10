//! The three answers of format 1, byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

use synapsor_protocol::change_set::{VersionAdvance, WritebackMode as Writer, WritebackRef, WritebackStatus};
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{Columns, Digest, Identifier, Scalar};

use crate::{
    Answer, ColumnChange, Format, Kind, Meta, ProposalAnswer, ProposalState, ReadAnswer, Refusal, RefusedAnswer, SafeCode, WritebackMode,
};

fn check(answer: Answer) -> String {
    let ok = answer.ok();
    let written = answer.written(Format::One);
    assert_eq!((written.ok(), &written.to_value()), (ok, &serde_json::from_str(&written.to_text()).unwrap()));
    written.to_text()
}

fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

fn meta(capability: &str) -> Meta {
    Meta::trusted("acme", "clerk-7", "environment", capability)
}

fn refused(code: &'static str, refusal: Refusal, meta: Meta) -> Answer {
    Answer::Refused(Box::new(RefusedAnswer { action: "returns.inspect".to_owned(), kind: Kind::Read, code, refusal, meta }))
}

#[test]
fn a_read_says_ok_and_shows_the_row() {
    let answer = ReadAnswer {
        action: "returns.inspect".to_owned(),
        mode: "review".to_owned(),
        table: name("returns"),
        object: Scalar::from("R-1"),
        data: Columns::from([(name("id"), Scalar::from("R-1")), (name("cents"), Scalar::from(1250))]),
        evidence: EvidenceId::new("ev_1").unwrap(),
        meta: meta("returns.inspect"),
    };
    insta::assert_snapshot!(check(Answer::Read(Box::new(answer))), @r#"
    {
      "status": "ok",
      "action": "returns.inspect",
      "mode": "review",
      "business_object": {
        "type": "returns",
        "id": "R-1"
      },
      "data": {
        "cents": 1250,
        "id": "R-1"
      },
      "trusted_context": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "environment"
      },
      "evidence_bundle_id": "ev_1",
      "evidence_resource": "synapsor://evidence/ev_1",
      "source_database_changed": false,
      "source_database_mutated": false
    }
    "#);
}

#[test]
fn a_proposal_says_what_it_waits_for() {
    let change = ColumnChange { before: Scalar::from("opened"), proposed: Scalar::from("checked") };
    let answer = |state| ProposalAnswer {
        action: "returns.propose".to_owned(),
        proposal_id: ProposalId::new("wrp_1").unwrap(),
        proposal_version: 1,
        proposal_hash: Digest::new("sha256:1f").unwrap(),
        state,
        table: name("returns"),
        object: Scalar::from(7),
        diff: BTreeMap::from([(name("status"), change.clone())]),
        writeback: WritebackMode::DirectUpdate,
        writeback_record: WritebackRef {
            status: WritebackStatus::NotApplied,
            mode: Writer::TrustedWorkerRequired,
            executor: Some("sql_update".to_owned()),
            version_advance: Some(VersionAdvance::Auto),
            parameters: Vec::new(),
        },
        evidence: EvidenceId::new("ev_2").unwrap(),
        meta: meta("returns.propose"),
    };
    insta::assert_snapshot!(check(Answer::Proposal(Box::new(answer(ProposalState::ReviewRequired)))), @r#"
    {
      "status": "review_required",
      "action": "returns.propose",
      "proposal_id": "wrp_1",
      "proposal_version": 1,
      "proposal_hash": "sha256:1f",
      "target": {
        "type": "returns",
        "id": 7,
        "tenant_id": "acme"
      },
      "diff": {
        "status": {
          "before": "opened",
          "proposed": "checked"
        }
      },
      "evidence_bundle_id": "ev_2",
      "evidence_resource": "synapsor://evidence/ev_2",
      "proposal_resource": "synapsor://proposals/wrp_1",
      "replay_resource": "synapsor://replay/replay_wrp_1",
      "approval_required": true,
      "writeback": {
        "status": "not_applied",
        "mode": "trusted_worker_required",
        "executor": "sql_update",
        "version_advance": "auto"
      },
      "source_database_changed": false,
      "source_database_mutated": false
    }
    "#);
    let shadow = Answer::Proposal(Box::new(answer(ProposalState::ShadowProposalCreated))).written(Format::One).to_value();
    assert_eq!((&shadow["status"], &shadow["approval_required"]), (&"shadow_proposal_created".into(), &true.into()));
}

#[test]
fn a_refusal_has_a_finer_code_and_leads_to_its_cause() {
    let refusal = Refusal::new(SafeCode::InvalidArgument, "Argument `id` is required.");
    insta::assert_snapshot!(check(refused("ARGUMENT_REQUIRED", refusal, Meta::default())), @r#"
    {
      "ok": false,
      "code": "ARGUMENT_REQUIRED",
      "error": "Argument `id` is required."
    }
    "#);
    let refusal = Refusal::new(SafeCode::TemporarilyUnavailable, "The database is busy.").retry_after(Duration::from_millis(5));
    let meta = Meta::capability("returns.inspect").diagnosed(DiagnosticId::new("diag_1").unwrap());
    insta::assert_snapshot!(check(refused("TEMPORARILY_UNAVAILABLE", refusal, meta)), @r#"
    {
      "ok": false,
      "code": "TEMPORARILY_UNAVAILABLE",
      "error": "The database is busy. (diagnostic id: diag_1)"
    }
    "#);
}
