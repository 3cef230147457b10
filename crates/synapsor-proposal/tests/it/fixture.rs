//! A proposal, and a way to bring it somewhere.

use std::time::Duration;

use serde_json::json;
use synapsor_proposal::{
    AgentCommand, AttestedOutcome, Delivery, Ending, Event, Fact, OperatorCommand, OperatorIdentity, Order, Proposal, Refusal, Roles,
    decide_agent, decide_operator, evolve, fold,
};
use synapsor_protocol::id::{AuditId, EvidenceId, LeaseId};
use synapsor_protocol::{ChangeSet, Digest, ErrorCode, Outcome, Report, Timestamp};

/// How long a request of these proposals may be under way.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// When everything begins. The proposal expires an hour later.
pub(crate) fn morning() -> Timestamp {
    Timestamp::parse("2026-03-02T08:00:00Z").unwrap()
}

/// A proposal and its whole history.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    pub(crate) state: Proposal,
    pub(crate) now: Timestamp,
}

impl History {
    pub(crate) fn new() -> Self {
        Self::of(change_set(|_| ()))
    }

    pub(crate) fn of(change_set: ChangeSet) -> Self {
        let events = decide_agent(None, &propose(change_set), morning()).unwrap();
        let state = fold(&events).unwrap().unwrap();
        Self { events, state, now: morning() }
    }

    /// Orders, as somebody who holds every role; what is decided becomes history.
    pub(crate) fn order(&mut self, order: Order) -> Result<Vec<Fact>, Refusal> {
        self.order_by(&boss(), order)
    }

    pub(crate) fn order_by(&mut self, by: &OperatorIdentity, order: Order) -> Result<Vec<Fact>, Refusal> {
        let events = decide_operator(&self.state, &OperatorCommand { by: by.clone(), order }, self.now)?;
        for event in &events {
            self.state = evolve(Some(self.state.clone()), event).unwrap();
            self.events.push(event.clone());
        }
        Ok(events.into_iter().map(|event| event.fact).collect())
    }

    /// Orders one after another; each must be accepted.
    pub(crate) fn through(mut self, orders: &[&str]) -> Self {
        for word in orders {
            let order = order_of(word, &self.state);
            self.order(order).unwrap_or_else(|refusal| panic!("{word}: {refusal}"));
        }
        self
    }

    /// What an order gives, in one line.
    pub(crate) fn answer(&mut self, word: &str) -> String {
        let order = order_of(word, &self.state);
        match self.order(order) {
            Ok(facts) if facts.is_empty() => format!("{} (nothing new)", self.state.status),
            Ok(facts) => {
                let kinds: Vec<_> = facts.iter().map(Fact::kind).collect();
                format!("{} ({})", self.state.status, kinds.join(", "))
            }
            Err(refusal) => format!("refused: {}", refusal.code()),
        }
    }
}

/// An order in words: `approve`, `claim`, `1 failed VERSION_CONFLICT`, `tombstone 1 canceled`.
pub(crate) fn order_of(words: &str, state: &Proposal) -> Order {
    let words: Vec<&str> = words.split(' ').collect();
    match words.as_slice() {
        ["approve"] => Order::Approve { digest: state.terms.approval_digest.clone(), reason: None },
        ["approve", "another"] => Order::Approve { digest: Digest::of_bytes(b"another"), reason: None },
        ["reject"] => Order::Reject { reason: "no".into() },
        ["cancel"] => Order::Cancel { reason: None },
        ["expire"] => Order::Expire,
        ["claim"] => claim(Delivery::Again),
        ["claim", "once"] => claim(Delivery::Once),
        ["park", attempt] => Order::Park { attempt: attempt.parse().unwrap(), reason: "it keeps failing".into() },
        ["attest", attempt, outcome] => Order::Attest {
            attempt: attempt.parse().unwrap(),
            outcome: if *outcome == "applied" { AttestedOutcome::Applied } else { AttestedOutcome::NotApplied },
            not_before: morning().after(MINUTE),
            reason: "the mail is in the outbox".into(),
        },
        ["giveup", attempt, outcome] => {
            Order::GiveUp { attempt: attempt.parse().unwrap(), report: Report::new(outcome_of(outcome)), reason: "it keeps failing".into() }
        }
        ["tombstone", attempt, ending] => {
            let ending = match *ending {
                "failed" => Ending::Failed,
                "canceled" => Ending::Canceled,
                _ => Ending::Expired,
            };
            Order::Tombstone { attempt: attempt.parse().unwrap(), ending, reason: None }
        }
        [attempt, outcome, code @ ..] => {
            let code = code.first().map(|code| ErrorCode::foreign(code).unwrap());
            Order::Report { attempt: attempt.parse().unwrap(), report: Report { code, ..Report::new(outcome_of(outcome)) } }
        }
        _ => panic!("no such order: {words:?}"),
    }
}

fn claim(delivery: Delivery) -> Order {
    Order::Claim { holder: "worker".into(), lease_id: LeaseId::new("lease_1").unwrap(), delivery }
}

pub(crate) fn outcome_of(word: &str) -> Outcome {
    serde_json::from_value(json!(word)).unwrap()
}

pub(crate) fn boss() -> OperatorIdentity {
    OperatorIdentity::new("dana", 1000, Roles::Every, None)
}

pub(crate) fn someone(roles: &[&str]) -> OperatorIdentity {
    OperatorIdentity::new("sam", 1001, Roles::Named(roles.iter().map(|role| (*role).to_owned()).collect()), None)
}

pub(crate) fn propose(change_set: ChangeSet) -> AgentCommand {
    AgentCommand::Propose {
        evidence: (change_set.evidence.bundle_id.clone(), Digest::of_bytes(b"evidence")),
        audit: (AuditId::new("qa_1").unwrap(), Digest::of_bytes(b"audit")),
        change_set: Box::new(change_set),
        capability_digest: Digest::of_bytes(b"capability"),
        expires_at: morning().after(HOUR),
    }
}

/// A change set that anyone may approve, changed and sealed.
pub(crate) fn change_set(change: impl FnOnce(&mut serde_json::Value)) -> ChangeSet {
    let mut json = json!({
        "schema_version": "synapsor.change-set.v1",
        "proposal_id": "wrp_1",
        "proposal_version": 1,
        "action": "returns.propose_status",
        "mode": "review_required",
        "principal": {"id": "agent-7", "source": "environment"},
        "scope": {"tenant_id": "store-4", "business_object": "returns", "object_id": "R-88"},
        "source": {"kind": "external_postgres", "source_id": "shop", "schema": "public", "table": "returns",
                   "primary_key": {"column": "id", "value": "R-88"}},
        "before": {"id": "R-88", "status": "opened", "version": 12},
        "patch": {"status": "checked"},
        "after": {"id": "R-88", "status": "checked", "version": 12},
        "guards": {"tenant": {"column": "store_id", "value": "store-4"}, "allowed_columns": ["status"],
                   "expected_version": {"column": "version", "value": 12}},
        "evidence": {"bundle_id": EvidenceId::new("ev_1f").unwrap(), "query_fingerprint": "sha256:ab12", "items": []},
        "approval": {"status": "pending"},
        "writeback": {"status": "not_applied", "mode": "trusted_worker_required", "executor": "sql_update"},
        "source_database_mutated": false,
        "integrity": {"proposal_hash": "sha256:0"},
        "created_at": "2026-03-02T08:00:00.000000Z",
    });
    change(&mut json);
    serde_json::from_value::<ChangeSet>(json).unwrap().sealed().unwrap()
}
