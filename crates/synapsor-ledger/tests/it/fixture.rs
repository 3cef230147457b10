//! A ledger in a temporary folder, and records to put into it.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use synapsor_ledger::{
    AgentLedger, Evidence, Holder, Ledger, LedgerError, NewProposal, OpenOptions, OperatorLedger, QueryAudit, ReadRecord, Recorded,
};
use synapsor_proposal::{OperatorCommand, OperatorIdentity, Order, Proposal, Roles};
use synapsor_protocol::id::{AuditId, EvidenceId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, Timestamp};
use tempfile::TempDir;

/// A ledger and both of its handles.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) agent: AgentLedger,
    pub(crate) operator: OperatorLedger,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.db"), OpenOptions::default()).unwrap();
        Self { agent: ledger.agent(), operator: ledger.operator(), ledger, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    /// Another handle on the same file, as another process has it.
    pub(crate) fn another(&self) -> Ledger {
        Ledger::open(&self.path(), OpenOptions::default()).unwrap()
    }

    pub(crate) async fn proposed(&self, object: &str) -> Proposal {
        match self.agent.record_proposal(proposal(object, "paid")).await.unwrap() {
            Recorded::Created(proposal) => proposal,
            Recorded::Existing(_) => panic!("the content was proposed before"),
        }
    }

    pub(crate) async fn approved(&self, object: &str) -> Proposal {
        let proposal = self.proposed(object).await;
        self.approve(&proposal).await.unwrap()
    }

    pub(crate) async fn approve(&self, proposal: &Proposal) -> Result<Proposal, LedgerError> {
        let order = Order::Approve { digest: proposal.terms.approval_digest.clone(), reason: Some("looks right".into()) };
        self.execute(proposal, order).await
    }

    pub(crate) async fn execute(&self, proposal: &Proposal, order: Order) -> Result<Proposal, LedgerError> {
        self.operator.execute(proposal.id(), OperatorCommand { by: dana(), order }).await
    }

    /// Changes the file behind the ledger's back.
    pub(crate) fn edit(&self, sql: &str) -> usize {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        // As in SQLite's own shell: what refers to a row does not keep it from being deleted.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute(sql, []).unwrap()
    }

    pub(crate) fn count(&self, table: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn dana() -> OperatorIdentity {
    OperatorIdentity::new("dana", 1000, Roles::Every, Some("on call".into()))
}

pub(crate) fn holder(process: &str) -> Holder {
    Holder { by: dana(), process: process.into() }
}

pub(crate) fn evidence(object: &str) -> Evidence {
    Evidence {
        evidence_id: EvidenceId::generate(),
        tenant_id: "acme".into(),
        principal: "agent-7".into(),
        capability: "billing.propose_status".into(),
        source_id: "shop".into(),
        table: "public.invoices".into(),
        business_object: "invoices".into(),
        object_id: Some(object.into()),
        query_fingerprint: Digest::of_bytes(b"query"),
        items: vec![json!({"kind": "external_row", "visible_row": {"id": object, "status": "open", "version": 3}})],
        payload: json!(null),
        created_at: Timestamp::now(),
    }
}

pub(crate) fn audit(object: &str) -> QueryAudit {
    QueryAudit {
        audit_id: AuditId::generate(),
        evidence_id: None,
        proposal_id: None,
        tenant_id: "acme".into(),
        principal: "agent-7".into(),
        capability: "billing.propose_status".into(),
        source_id: "shop".into(),
        table: "public.invoices".into(),
        business_object: "invoices".into(),
        object_id: Some(object.into()),
        query_fingerprint: Digest::of_bytes(b"query"),
        row_count: 1,
        payload: json!(null),
        created_at: Timestamp::now(),
    }
}

pub(crate) fn read(object: &str) -> ReadRecord {
    let evidence = evidence(object);
    ReadRecord { audit: QueryAudit { evidence_id: Some(evidence.evidence_id.clone()), ..audit(object) }, evidence: Some(evidence) }
}

/// Proposes to set the status of this invoice.
pub(crate) fn proposal(object: &str, status: &str) -> NewProposal {
    proposal_until(object, status, Timestamp::now().after(Duration::from_secs(3600)))
}

pub(crate) fn proposal_until(object: &str, status: &str, expires_at: Timestamp) -> NewProposal {
    proposal_of("acme", object, status, expires_at)
}

pub(crate) fn proposal_of(tenant: &str, object: &str, status: &str, expires_at: Timestamp) -> NewProposal {
    let evidence = Evidence { tenant_id: tenant.into(), ..evidence(object) };
    let change_set = change_set(tenant, object, status, &evidence.evidence_id);
    let audit = QueryAudit {
        tenant_id: tenant.into(),
        evidence_id: Some(evidence.evidence_id.clone()),
        proposal_id: Some(change_set.proposal_id.clone()),
        ..audit(object)
    };
    NewProposal { change_set, evidence, audit, expires_at, capability_digest: Digest::of_bytes(b"capability") }
}

pub(crate) fn change_set(tenant: &str, object: &str, status: &str, evidence: &EvidenceId) -> ChangeSet {
    let before = json!({"id": object, "status": "open", "version": 3});
    let after: BTreeMap<&str, serde_json::Value> =
        [("id", json!(object)), ("status", json!(status)), ("version", json!(3))].into_iter().collect();
    let change_set: ChangeSet = serde_json::from_value(json!({
        "schema_version": "synapsor.change-set.v1",
        "proposal_id": ProposalId::generate(),
        "proposal_version": 1,
        "action": "billing.propose_status",
        "mode": "review_required",
        "principal": {"id": "agent-7", "source": "environment"},
        "scope": {"tenant_id": tenant, "business_object": "invoices", "object_id": object},
        "source": {"kind": "external_postgres", "source_id": "shop", "schema": "public", "table": "invoices",
                   "primary_key": {"column": "id", "value": object}},
        "before": before,
        "patch": {"status": status},
        "after": after,
        "guards": {"tenant": {"column": "tenant_id", "value": tenant}, "allowed_columns": ["status"],
                   "expected_version": {"column": "version", "value": 3}},
        "evidence": {"bundle_id": evidence, "query_fingerprint": "sha256:ab", "items": []},
        "approval": {"status": "pending"},
        "writeback": {"status": "not_applied", "mode": "trusted_worker_required", "executor": "sql_update"},
        "source_database_mutated": false,
        "integrity": {"proposal_hash": "sha256:0"},
        "created_at": Timestamp::now(),
    }))
    .unwrap();
    change_set.sealed().unwrap()
}

/// A folder that a child process of another account can reach.
pub(crate) fn child_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// Runs one test of this program in a process of its own, which works in `folder`, as another account if we may.
pub(crate) fn child(test: &str, folder: &Path, account: Option<u32>) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = match account.filter(|_| rustix::process::geteuid().is_root()) {
        Some(uid) => {
            // The other account may not be able to reach the folder in which programs are built.
            let copy = folder.join("this-program");
            std::fs::copy(this, &copy).unwrap();
            let mut command = Command::new(copy);
            command.uid(uid).gid(uid);
            command
        }
        None => Command::new(this),
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, folder).stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// The folder that this process was started for, if it is a child.
#[expect(clippy::disallowed_methods, reason = "a test that starts itself again has to be told")]
pub(crate) fn child_of() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

pub(crate) fn open_in(folder: &Path) -> Ledger {
    Ledger::open(&folder.join("ledger.db"), OpenOptions::default()).unwrap()
}

const CHILD: &str = "SYNAPSOR_LEDGER_TEST_FOLDER";
