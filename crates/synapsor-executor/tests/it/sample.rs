//! One approved job, and words for what came of it.

use std::time::Duration;

use serde_json::json;
use synapsor_executor::{HandlerTerms, HttpHandler, HttpMethod, HttpSettings, Job, Named};
use synapsor_protocol::id::{EvidenceId, JobId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, OperationId, Report, Secret, Timestamp};

pub(crate) const TOKEN: &str = "canary-token-of-sixteen";
pub(crate) const SECRET: &str = "canary-secret-of-the-runner";

/// A credit for an invoice of `acme`.
pub(crate) fn job(attempt: u32) -> Job {
    let set = json!({"schema_version": "synapsor.change-set.v1", "proposal_id": ProposalId::generate(), "proposal_version": 1,
        "action": "billing.propose_account_credit", "mode": "review_required", "principal": {"id": "agent-7", "source": "static_dev"},
        "scope": {"tenant_id": "acme", "business_object": "invoices", "object_id": "INV-1"},
        "source": {"kind": "external_sqlite", "source_id": "shop", "schema": "main", "table": "invoices",
            "primary_key": {"column": "id", "value": "INV-1"}},
        "before": {"id": "INV-1", "tenant_id": "acme", "status": "overdue", "version": 3, "credit_cents": null, "reason": null},
        "patch": {"credit_cents": 500, "reason": "late delivery"},
        "after": {"id": "INV-1", "tenant_id": "acme", "status": "overdue", "version": 3, "credit_cents": 500, "reason": "late delivery"},
        "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["credit_cents", "reason"],
            "expected_version": {"column": "version", "value": 3}},
        "evidence": {"bundle_id": EvidenceId::generate(), "query_fingerprint": Digest::of_bytes(b"shape"), "items": []},
        "approval": {"status": "pending", "required_role": "billing_lead"},
        "writeback": {"status": "not_applied", "mode": "trusted_worker_required", "executor": "desk", "version_advance": "auto",
            "parameters": ["credit_cents", "reason"]},
        "source_database_mutated": false, "integrity": {"proposal_hash": "sha256:0"}, "created_at": Timestamp::now()});
    let set: ChangeSet = serde_json::from_value(set).unwrap();
    let change_set = set.sealed().unwrap();
    Job {
        job_id: JobId::generate(),
        operation_id: OperationId::derive(&change_set.proposal_id, &change_set.scope.object_id),
        attempt,
        change_set,
        approved_by: Some("alice".to_owned()),
        runner: "pid 4711".to_owned(),
        issued_at: Timestamp::now(),
    }
}

pub(crate) fn terms() -> HandlerTerms {
    HandlerTerms { executor: "desk".to_owned(), timeout: Duration::from_secs(5), keeps_operation_id: false, rehearses: true }
}

pub(crate) fn named(variable: &str, value: &str) -> Named<Secret> {
    Named { variable: variable.to_owned(), value: Secret::new(value.to_owned()) }
}

pub(crate) fn settings(url: &str) -> HttpSettings {
    HttpSettings {
        terms: terms(),
        url: named("DESK_URL", url),
        method: HttpMethod::POST,
        token: Some(named("DESK_TOKEN", TOKEN)),
        signing_secret: Some(named("DESK_SECRET", SECRET)),
    }
}

/// A handler at this address, with a token and a secret.
pub(crate) fn handler(url: &str) -> HttpHandler {
    HttpHandler::open(settings(url)).unwrap()
}

/// What was reported, in a line: outcome, code, whether it is worth another try, the pause that was asked for, and the words.
pub(crate) fn told(report: &Report) -> String {
    let code = report.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let again = if report.transient { ", again" } else { "" };
    let pause = report.retry_after_seconds.map(|seconds| format!(" after {seconds} s")).unwrap_or_default();
    let detail = report.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let told = format!("{}{code}{again}{pause}{detail}", report.outcome);
    assert!(!told.contains("canary"), "a secret is in {told}");
    told
}
