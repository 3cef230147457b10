//! An operator's desk: a configuration, a ledger in a folder of its own, and an executor that answers what a test tells it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_config::Config;
use synapsor_executor::{Answer, Executor, Fence, Job, Rehearsal, SourceRehearsal};
use synapsor_ledger::{Evidence, Ledger, NewProposal, OpenOptions, QueryAudit};
use synapsor_operator::{Application, Executors, OperatorError, OperatorParts, OperatorPort, Records};
use synapsor_proposal::{OperatorIdentity, Roles};
use synapsor_protocol::id::{AuditId, EvidenceId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, Outcome, Report, Timestamp};

/// A desk and everything on it.
pub(crate) struct Desk {
    pub(crate) port: OperatorPort,
    pub(crate) executor: Arc<Scripted>,
    pub(crate) ledger: Ledger,
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A desk whose configuration is edited first.
    pub(crate) fn with(edit: impl FnOnce(&mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger/local.db"), OpenOptions::default()).unwrap();
        let executor = Arc::new(Scripted::default());
        let port = OperatorPort::new(OperatorParts {
            config: Arc::new(config(edit)),
            ledger: ledger.operator(),
            executors: Arc::new(Only(executor.clone())),
            identity: OperatorIdentity::new("dana", 1000, Roles::Every, None),
            process: "pid 1".into(),
        });
        Self { port, executor, ledger, folder }
    }

    /// What whoever can read the ledger can look up.
    pub(crate) fn records(&self) -> Records {
        Records::new(self.ledger.operator())
    }

    /// The same desk with another configuration.
    pub(crate) fn under(&self, edit: impl FnOnce(&mut Value)) -> OperatorPort {
        OperatorPort::new(OperatorParts {
            config: Arc::new(config(edit)),
            ledger: self.ledger.operator(),
            executors: Arc::new(Only(self.executor.clone())),
            identity: OperatorIdentity::new("dana", 1000, Roles::Every, None),
            process: "pid 2".into(),
        })
    }

    pub(crate) async fn proposed(&self, expires_after: Duration) -> ProposalId {
        let new = proposal(expires_after, "review_required", 90);
        self.ledger.agent().record_proposal(new).await.unwrap().proposal().id().clone()
    }

    /// A proposal that nobody can approve.
    pub(crate) async fn shadowed(&self) -> ProposalId {
        self.shadowed_at(90).await
    }

    /// The same of another amount.
    pub(crate) async fn shadowed_at(&self, amount: u32) -> ProposalId {
        let new = proposal(Duration::from_secs(3600), "shadow", amount);
        self.ledger.agent().record_proposal(new).await.unwrap().proposal().id().clone()
    }

    pub(crate) async fn approved(&self) -> ProposalId {
        self.approved_for(Duration::from_secs(3600)).await
    }

    pub(crate) async fn approved_for(&self, expires_after: Duration) -> ProposalId {
        let id = self.proposed(expires_after).await;
        let digest = self.port.show(&id).await.unwrap().proposal.terms.approval_digest;
        self.port.approve(&id, digest, None).await.unwrap();
        id
    }

    /// One `apply`, told in a line.
    pub(crate) async fn apply(&self, id: &ProposalId) -> String {
        told(id, self.port.apply(id, &mut |_| {}).await)
    }

    pub(crate) async fn status(&self, id: &ProposalId) -> String {
        let proposal = self.port.show(id).await.unwrap().proposal;
        let waits = proposal.pending().map(|pending| format!(": {pending}")).unwrap_or_default();
        format!("{}{waits}", proposal.status)
    }
}

pub(crate) fn told(id: &ProposalId, application: Result<Application, OperatorError>) -> String {
    let line = match application {
        Ok(Application { proposal, report, attempt, .. }) => {
            let attempt = attempt.map_or("no attempt".into(), |attempt| format!("attempt {attempt}"));
            format!("{} by {attempt}, proposal {}", report.outcome, proposal.status)
        }
        Err(error) => format!("refused: {error}"),
    };
    line.replace(id.as_str(), "wrp_1")
}

/// An executor that answers what it was told, in order, and keeps what it was asked.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) reports: Mutex<VecDeque<Report>>,
    pub(crate) fences: Mutex<VecDeque<Fence>>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) delay: Mutex<Duration>,
}

impl Scripted {
    pub(crate) fn will_report(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.reports.lock().unwrap().extend(outcomes.into_iter().map(Report::new));
    }

    pub(crate) fn will_fence(&self, fence: Fence) {
        self.fences.lock().unwrap().push_back(fence);
    }

    pub(crate) fn asked(&self) -> String {
        self.asked.lock().unwrap().join(", ")
    }

    fn keep(&self, what: &str, job: &Job) {
        self.asked.lock().unwrap().push(format!("{what} {}", job.attempt));
    }
}

impl Executor for Scripted {
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report> {
        self.keep("run", job);
        let delay = *self.delay.lock().unwrap();
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            self.reports.lock().unwrap().pop_front().unwrap()
        })
    }

    fn rehearse<'a>(&'a self, job: &'a Job) -> Answer<'a, Rehearsal> {
        self.keep("rehearse", job);
        let rehearsed = SourceRehearsal { report: Report::new(Outcome::Applied), receipt_table_present: true };
        Box::pin(async { Rehearsal::Source(rehearsed) })
    }

    fn fence<'a>(&'a self, job: &'a Job) -> Answer<'a, Fence> {
        self.keep("fence", job);
        Box::pin(async { self.fences.lock().unwrap().pop_front().unwrap() })
    }
}

pub(crate) struct Only(pub(crate) Arc<Scripted>);

impl Executors for Only {
    fn open(&self, source: &str, executor: &str) -> Result<Arc<dyn Executor>, String> {
        if (source, executor) == ("shop", "sql_update") { Ok(self.0.clone()) } else { Err("there is no other".into()) }
    }
}

pub(crate) fn config(edit: impl FnOnce(&mut Value)) -> Config {
    let mut value = json!({"version": 1, "mode": "review", "result_format": 2,
        "sources": {"shop": {"engine": "sqlite", "path": "shop.db"}},
        "trusted_context": {"provider": "static_dev", "values": {"tenant_id": "acme", "principal": "agent-7"}},
        "capabilities": [{"name": "returns.propose_amount", "kind": "proposal", "source": "shop",
            "target": {"schema": "main", "table": "returns", "primary_key": "id", "tenant_key": "store_id"},
            "args": {"id": {"type": "string"}, "amount": {"type": "number"}}, "lookup": {"id_from_arg": "id"},
            "visible_columns": ["id", "amount"], "patch": {"amount": {"from_arg": "amount"}}, "allowed_columns": ["amount"],
            "numeric_bounds": {"amount": {"minimum": 0, "maximum": 100}}, "conflict_guard": {"column": "version"}}]});
    edit(&mut value);
    let checked = synapsor_config::check(value.to_string().as_bytes(), Path::new("/nowhere"));
    checked.config.unwrap_or_else(|| panic!("{:#?}", checked.findings))
}

pub(crate) fn proposal(expires_after: Duration, mode: &str, amount: u32) -> NewProposal {
    let evidence_id = EvidenceId::generate();
    let shape = Digest::of_bytes(b"shape");
    let set = json!({"schema_version": "synapsor.change-set.v1", "proposal_id": ProposalId::generate(), "proposal_version": 1,
        "action": "returns.propose_amount", "mode": mode, "principal": {"id": "agent-7", "source": "static_dev"},
        "scope": {"tenant_id": "acme", "business_object": "returns", "object_id": "R-88"},
        "source": {"kind": "external_sqlite", "source_id": "shop", "schema": "main", "table": "returns", "primary_key": {"column": "id", "value": "R-88"}},
        "before": {"id": "R-88", "amount": 5, "version": 12, "store_id": "acme"}, "patch": {"amount": amount},
        "after": {"id": "R-88", "amount": amount, "version": 12, "store_id": "acme"},
        "guards": {"tenant": {"column": "store_id", "value": "acme"}, "allowed_columns": ["amount"], "expected_version": {"column": "version", "value": 12}},
        "evidence": {"bundle_id": evidence_id, "query_fingerprint": shape, "items": []}, "approval": {"status": "pending"},
        "writeback": {"status": "not_applied", "mode": "trusted_worker_required", "executor": "sql_update", "version_advance": "auto"},
        "source_database_mutated": false, "integrity": {"proposal_hash": "sha256:0"}, "created_at": Timestamp::now()});
    let change_set: ChangeSet = serde_json::from_value(set).unwrap();
    let now = Timestamp::now();
    let text = |text: &str| text.to_owned();
    NewProposal {
        change_set: change_set.sealed().unwrap(),
        evidence: Evidence {
            evidence_id: evidence_id.clone(),
            tenant_id: text("acme"),
            principal: text("agent-7"),
            capability: text("returns.propose_amount"),
            source_id: text("shop"),
            table: text("main.returns"),
            business_object: text("returns"),
            object_id: Some(text("R-88")),
            query_fingerprint: shape.clone(),
            items: vec![],
            payload: Value::Null,
            created_at: now,
        },
        audit: QueryAudit {
            audit_id: AuditId::generate(),
            evidence_id: Some(evidence_id),
            proposal_id: None,
            tenant_id: text("acme"),
            principal: text("agent-7"),
            capability: text("returns.propose_amount"),
            source_id: text("shop"),
            table: text("main.returns"),
            business_object: text("returns"),
            object_id: Some(text("R-88")),
            query_fingerprint: shape,
            row_count: 1,
            payload: Value::Null,
            created_at: now,
        },
        expires_at: now.after(expires_after),
        capability_digest: Digest::of_bytes(b"capability"),
    }
}
