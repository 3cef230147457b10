//! How many durable commits does the ledger answer per second? Called as the agent plane calls it, without HTTP and database.

use synapsor_ledger::{AgentLedger, Evidence, Ledger, OpenOptions, QueryAudit, ReadRecord};
use synapsor_protocol::id::{AuditId, EvidenceId};
use synapsor_protocol::{Digest, Timestamp};

use crate::figure::{Figure, Rounds};
use crate::load::{Load, blocking_burst, burst};
use crate::plan::Plan;
use crate::store::Store;

const ROW: &str = "commits";

/// At 1 and 32 writers.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let ledger = Ledger::open(&plan.path("commits.db"), OpenOptions::default()).expect("a ledger can be made");
    let mut store = Store::open(&plan.path("single.db"), 1);
    let mut figures = Vec::new();
    for writers in [1, 32] {
        let (mut recorded, mut loops, mut groups) = <(Rounds, Rounds, Rounds)>::default();
        let mut group = Store::open(&plan.path(&format!("group-{writers}.db")), writers);
        let mut loads: Vec<_> = (0..writers).map(|_| Recorder::new(ledger.agent())).collect();
        for round in 0..=plan.rounds {
            let (reads, back) = burst(loads, plan.round).await;
            let (single, store_back) = blocking_burst(store, 1, plan.round, Store::commit).await;
            let (grouped, group_back) = blocking_burst(group, writers, plan.round, Store::commit).await;
            (loads, store, group) = (back, store_back, group_back);
            if round > 0 {
                recorded.push(reads);
                loops.push(single);
                groups.push(grouped);
            }
        }
        let ratio = recorded.times_slower_than(&loops);
        let figure = recorded.figure(ROW, format!("ledger commits, {writers} writers"));
        figures.push(figure.beside("commit loop", loops.rate()).beside("grouped insert", groups.rate()).at(ratio));
    }
    figures
}

/// One task that records reads.
struct Recorder {
    ledger: AgentLedger,
    template: ReadRecord,
}

impl Recorder {
    fn new(ledger: AgentLedger) -> Self {
        let text = |text: &str| text.to_owned();
        let shown = serde_json::json!({"id": "INV-7919", "customer_id": "C-62", "status": "overdue", "amount_cents": 791_900, "late_fee_cents": 1500,
            "waiver_reason": null, "tenant_id": "acme"});
        let evidence = Evidence {
            evidence_id: EvidenceId::generate(),
            tenant_id: text("acme"),
            principal: text("agent-7"),
            capability: text("billing.inspect_invoice"),
            source_id: text("shop"),
            table: text("public.invoices"),
            business_object: text("invoices"),
            object_id: Some(text("INV-7919")),
            query_fingerprint: Digest::of_bytes(b"shape"),
            items: vec![serde_json::json!({"kind": "external_row", "visible_row": shown})],
            payload: serde_json::json!({"binding_provenance": "static_dev"}),
            created_at: Timestamp::now(),
        };
        let audit = QueryAudit {
            audit_id: AuditId::generate(),
            evidence_id: None,
            proposal_id: None,
            tenant_id: evidence.tenant_id.clone(),
            principal: evidence.principal.clone(),
            capability: evidence.capability.clone(),
            source_id: evidence.source_id.clone(),
            table: evidence.table.clone(),
            business_object: evidence.business_object.clone(),
            object_id: evidence.object_id.clone(),
            query_fingerprint: evidence.query_fingerprint.clone(),
            row_count: 1,
            payload: serde_json::Value::Null,
            created_at: evidence.created_at,
        };
        Self { ledger, template: ReadRecord { evidence: Some(evidence), audit } }
    }
}

impl Load for Recorder {
    async fn once(&mut self) -> bool {
        let mut read = self.template.clone();
        let evidence_id = EvidenceId::generate();
        read.audit.audit_id = AuditId::generate();
        read.audit.evidence_id = Some(evidence_id.clone());
        if let Some(evidence) = &mut read.evidence {
            evidence.evidence_id = evidence_id;
        }
        self.ledger.record_read(read).await.expect("a read can be recorded");
        true
    }
}
