//! How does a call read its one row?
//!
//! Fixed columns, by primary key AND tenant; what came back is on record before anyone is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use synapsor_envelope::{Envelope, Meta, ReadAnswer};
use synapsor_ledger::{AgentLedger, Evidence, QueryAudit, ReadRecord};
use synapsor_protocol::id::{AuditId, EvidenceId};
use synapsor_protocol::{Columns, Scalar, Timestamp};
use synapsor_source::SourceError;

use crate::error::AgentError;
use crate::offer::{Bound, Offer};

/// Arguments that were checked against the capability.
pub(crate) type Arguments = BTreeMap<String, Scalar>;

/// One row as it was read, with what the ledger will keep of it.
pub(crate) struct Reading {
    pub(crate) bound: Arc<Bound>,
    /// The key in canonical form.
    pub(crate) key: Scalar,
    pub(crate) row: Columns,
    pub(crate) evidence: Evidence,
    pub(crate) audit: QueryAudit,
}

/// Answers a read.
pub(crate) async fn answer(offer: &Offer, ledger: &AgentLedger, arguments: &Arguments) -> Result<Envelope, AgentError> {
    let Reading { key, row, evidence, audit, .. } = read_row(offer, ledger, arguments).await?;
    let capability = offer.capability();
    let data = row.into_iter().filter(|(column, _)| capability.visible_columns.contains(column)).collect();
    let evidence_id = evidence.evidence_id.clone();
    ledger.record_read(ReadRecord { evidence: Some(evidence), audit }).await?;
    Ok(Envelope::read(ReadAnswer {
        action: capability.name.to_string(),
        table: capability.target.table.clone(),
        object: key,
        data,
        evidence: evidence_id,
        meta: meta(offer),
    }))
}

/// Reads the row. A row that is not there, or that is several, is recorded here and now; a row that is there is recorded by whoever
/// uses it, in one commit with what was made of it.
pub(crate) async fn read_row(offer: &Offer, ledger: &AgentLedger, arguments: &Arguments) -> Result<Reading, AgentError> {
    let bound = offer.bound().await?;
    let lookup = &offer.capability().lookup_arg;
    let given = arguments.get(lookup).unwrap_or(&Scalar::Null);
    let key = bound.table.key(given).map_err(|cause| AgentError::ArgumentValue { argument: lookup.clone(), cause })?;
    // One row more than needed, so that a second one is seen and not cut off.
    let limit = offer.capability().max_rows.max(2);
    let mut rows = match offer.source().read(&bound.table, &key, bound.tenant.as_ref(), limit).await {
        Ok(rows) => rows,
        Err(error) => {
            if matches!(error, SourceError::SchemaChanged { .. }) {
                offer.forget();
            }
            return Err(error.into());
        }
    };
    let key = key.scalar().clone();
    let found = rows.len();
    let (Some(row), 1) = (rows.pop(), found) else {
        ledger.record_read(ReadRecord { evidence: None, audit: audit(offer, &key, None, found) }).await?;
        return Err(if found == 0 { AgentError::NotFound } else { AgentError::SeveralRows { rows: found } });
    };
    let evidence = evidence(offer, &key, &row);
    let audit = audit(offer, &key, Some(evidence.evidence_id.clone()), found);
    Ok(Reading { bound, key, row, evidence, audit })
}

pub(crate) fn meta(offer: &Offer) -> Meta {
    let trusted = offer.trusted();
    Meta::trusted(&trusted.tenant_id, &trusted.principal, trusted.provider, offer.capability().name.as_str())
}

fn evidence(offer: &Offer, key: &Scalar, row: &Columns) -> Evidence {
    let capability = offer.capability();
    let shown: serde_json::Map<_, _> = row.iter().map(|(column, value)| (column.to_string(), value.clone().into())).collect();
    Evidence {
        evidence_id: EvidenceId::generate(),
        tenant_id: offer.trusted().tenant_id.clone(),
        principal: offer.trusted().principal.clone(),
        capability: capability.name.to_string(),
        source_id: capability.source.to_string(),
        table: qualified(offer),
        business_object: capability.target.table.to_string(),
        object_id: Some(key.plain_text()),
        query_fingerprint: offer.query_fingerprint().clone(),
        items: vec![json!({"kind": "external_row", "visible_row": shown})],
        payload: json!({"binding_provenance": offer.trusted().provider}),
        created_at: Timestamp::now(),
    }
}

fn audit(offer: &Offer, key: &Scalar, evidence_id: Option<EvidenceId>, rows: usize) -> QueryAudit {
    let capability = offer.capability();
    QueryAudit {
        audit_id: AuditId::generate(),
        evidence_id,
        proposal_id: None,
        tenant_id: offer.trusted().tenant_id.clone(),
        principal: offer.trusted().principal.clone(),
        capability: capability.name.to_string(),
        source_id: capability.source.to_string(),
        table: qualified(offer),
        business_object: capability.target.table.to_string(),
        object_id: Some(key.plain_text()),
        query_fingerprint: offer.query_fingerprint().clone(),
        row_count: u64::try_from(rows).unwrap_or(u64::MAX),
        payload: serde_json::Value::Null,
        created_at: Timestamp::now(),
    }
}

fn qualified(offer: &Offer) -> String {
    format!("{}.{}", offer.capability().target.schema, offer.capability().target.table)
}
