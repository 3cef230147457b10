//! Does `docs/envelope.md` say what the types say?

use std::fs;
use std::path::Path;

use serde_json::Value;
use synapsor_envelope::{
    Answer, ColumnChange, Envelope, Format, Kind, Meta, ProposalAnswer, ProposalState, ReadAnswer, Refusal, RefusedAnswer, SafeCode,
    WritebackMode,
};
use synapsor_protocol::change_set::{VersionAdvance, WritebackMode as Writer, WritebackRef, WritebackStatus};
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{Digest, Identifier, Scalar};

const SECTION: &str = "### `";
const RETRYABLE: &str = "- **Retryable:** ";

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/envelope.md")).expect("the document is there")
}

/// Each section about a code: the code, and what it says of trying again.
fn sections(document: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in document.lines() {
        if let Some(code) = line.strip_prefix(SECTION) {
            sections.push((code.trim_end_matches('`').to_owned(), String::new()));
        } else if let (Some(said), Some((_, retryable))) = (line.strip_prefix(RETRYABLE), sections.last_mut()) {
            retryable.push_str(said);
        }
    }
    sections
}

#[test]
fn each_safe_code_has_a_section_in_the_order_of_the_list() {
    let documented: Vec<String> = sections(&document()).into_iter().map(|(code, _)| code).collect();
    let codes: Vec<&str> = SafeCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes);
}

#[test]
fn each_section_says_whether_the_code_is_retryable() {
    for ((code, said), known) in sections(&document()).iter().zip(SafeCode::ALL) {
        let word = if known.retryable() { "yes" } else { "no" };
        assert!(said.starts_with(word), "{code} says `{said}`, and it is {word}");
    }
}

#[test]
fn each_answer_in_the_document_is_one_that_we_could_have_written() {
    let document = document();
    let (mut envelopes, mut others) = (0, Vec::new());
    for block in document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()) {
        let given: Value = serde_json::from_str(block).unwrap();
        if given.get("summary").is_none() {
            others.push(given);
            continue;
        }
        let envelope: Envelope = serde_json::from_value(given.clone()).unwrap_or_else(|error| panic!("{error}:\n{block}"));
        assert_eq!(envelope.to_value(), given);
        envelopes += 1;
    }
    assert!(envelopes > 0, "the document shows no envelope");
    assert_eq!(others, in_format_one());
}

/// The facts of the document's examples, in format 1.
fn in_format_one() -> [Value; 3] {
    let meta = |capability| Meta::trusted("acme", "support-agent", "environment", capability);
    let column = |name| Identifier::new(name).unwrap();
    let evidence = EvidenceId::new("ev_01a1fe53dfb9718e9d92de18029e2420").unwrap();
    let (status, fee) = (Scalar::from("overdue"), Scalar::from(2500));
    let read = Answer::Read(Box::new(ReadAnswer {
        action: "billing.inspect_invoice".to_owned(),
        mode: "review".to_owned(),
        table: column("invoices"),
        object: Scalar::from("INV-3001"),
        data: [("id", Scalar::from("INV-3001")), ("late_fee_cents", fee.clone()), ("status", status)]
            .map(|(name, value)| (column(name), value))
            .into(),
        evidence: evidence.clone(),
        meta: meta("billing.inspect_invoice"),
    }));
    let proposal = Answer::Proposal(Box::new(ProposalAnswer {
        action: "billing.propose_waiver".to_owned(),
        proposal_id: ProposalId::new("wrp_01a1fe53e0417d41bd7f4bd90c3a8b11").unwrap(),
        proposal_version: 1,
        proposal_hash: Digest::new("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08").unwrap(),
        state: ProposalState::ReviewRequired,
        table: column("invoices"),
        object: Scalar::from("INV-3001"),
        diff: [(column("late_fee_cents"), ColumnChange { before: fee, proposed: Scalar::from(0) })].into(),
        writeback: WritebackMode::DirectUpdate,
        writeback_record: WritebackRef {
            status: WritebackStatus::NotApplied,
            mode: Writer::TrustedWorkerRequired,
            executor: Some("sql_update".to_owned()),
            version_advance: Some(VersionAdvance::Auto),
            parameters: Vec::new(),
        },
        evidence,
        meta: meta("billing.propose_waiver"),
    }));
    let diagnosed =
        Meta::capability("billing.inspect_invoice").diagnosed(DiagnosticId::new("diag_01a1fe5523e8721b9c4cc6b88fdf4f04").unwrap());
    let refused = Answer::Refused(Box::new(RefusedAnswer {
        action: "billing.inspect_invoice".to_owned(),
        kind: Kind::Read,
        code: "ARGUMENT_REQUIRED",
        refusal: Refusal::new(SafeCode::InvalidArgument, "Argument `invoice_id` is required."),
        meta: diagnosed,
    }));
    [read, proposal, refused].map(|answer| answer.written(Format::One).to_value())
}
