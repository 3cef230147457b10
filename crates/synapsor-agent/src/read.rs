//! How does a call read its one row?
//!
//! Fixed columns, by primary key AND tenant; what came back is on record before anyone is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use synapsor_config::Mode;
use synapsor_envelope::{Answer, Meta, ReadAnswer};
use synapsor_ledger::{AgentLedger, Evidence, QueryAudit, ReadRecord};
use synapsor_protocol::id::{AuditId, EvidenceId};
use synapsor_protocol::{Columns, Scalar, Timestamp};
use synapsor_source::SourceError;

use crate::credentials;
use crate::error::AgentError;
use crate::offer::{Bound, Offer};

/// Arguments that were checked against the capability.
pub(crate) type Arguments = BTreeMap<String, Scalar>;

/// A call that may begin.
pub(crate) struct Call<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) mode: Mode,
    pub(crate) ledger: &'a AgentLedger,
    pub(crate) arguments: &'a Arguments,
    /// Is told how far the call has come.
    pub(crate) watch: &'a Watch<'a>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The arguments are right, and the database is asked.
    Reading,
    /// The row was read, and what comes of it is being recorded.
    Recording,
}

/// Is told how far a call has come; it must not block.
pub type Watch<'a> = dyn Fn(Stage) + Send + Sync + 'a;

/// One row as it was read, with what the ledger will keep of it.
pub(crate) struct Reading {
    pub(crate) bound: Arc<Bound>,
    /// The key in canonical form.
    pub(crate) key: Scalar,
    /// Exact, for what decides.
    pub(crate) row: Columns,
    /// Without credentials, for whoever is shown it and for what is recorded.
    pub(crate) shown: Columns,
    pub(crate) evidence: Evidence,
    pub(crate) audit: QueryAudit,
}

/// Answers a read.
pub(crate) async fn answer(call: &Call<'_>) -> Result<Answer, AgentError> {
    let Reading { key, shown, evidence, audit, .. } = read_row(call).await?;
    let capability = call.offer.capability();
    let data = shown.into_iter().filter(|(column, _)| capability.visible_columns.contains(column)).collect();
    let evidence_id = evidence.evidence_id.clone();
    call.ledger.record_read(ReadRecord { evidence: Some(evidence), audit }).await?;
    Ok(Answer::Read(Box::new(ReadAnswer {
        action: capability.name.to_string(),
        mode: call.mode.as_str().to_owned(),
        table: capability.target.table.clone(),
        object: key,
        data,
        evidence: evidence_id,
        meta: meta(call.offer),
    })))
}

/// Reads the row. A row that is not there, or that is several, is recorded here and now; a row that is there is recorded by whoever
/// uses it, in one commit with what was made of it.
pub(crate) async fn read_row(call: &Call<'_>) -> Result<Reading, AgentError> {
    let Call { offer, ledger, arguments, watch, .. } = call;
    watch(Stage::Reading);
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
    watch(Stage::Recording);
    let key = key.scalar().clone();
    let found = rows.len();
    let (Some(row), 1) = (rows.pop(), found) else {
        ledger.record_read(ReadRecord { evidence: None, audit: audit(offer, &key, None, found) }).await?;
        return Err(if found == 0 { AgentError::NotFound } else { AgentError::SeveralRows { rows: found } });
    };
    let shown = credentials::without(&row);
    let evidence = evidence(offer, &key, &shown);
    let audit = audit(offer, &key, Some(evidence.evidence_id.clone()), found);
    Ok(Reading { bound, key, row, shown, evidence, audit })
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
