//! How does a call become a proposal?
//!
//! Read the row, compute the patch, hold it against the reviewed rules, write down the exact change with its guards, and record evidence,
//! audit row and proposal in one commit.

use std::collections::BTreeMap;

use synapsor_config::{Binding, ExecutorRef, Guard, Mode as ConfigMode, ProposalRules};
use synapsor_envelope::{Answer, ColumnChange, ProposalAnswer, ProposalState, WritebackMode as EnvelopeWriteback};
use synapsor_ledger::{NewProposal, ReadRecord};
use synapsor_proposal::{Proposal, Status};
use synapsor_protocol::change_set::{
    ApprovalRef, ApprovalStatus, ColumnValue, EvidenceRef, Guards, Integrity, Mode, Principal, PrincipalSource, SchemaVersion, Scope,
    SourceRef, WritebackMode, WritebackRef, WritebackStatus, overlay, row_hash,
};
use synapsor_protocol::digest::Digest;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ChangeSet, Columns, Identifier, Scalar, Timestamp};

use crate::credentials;
use crate::error::AgentError;
use crate::offer::Offer;
use crate::read::{self, Arguments, Call, Reading};

/// Answers a call that proposes.
pub(crate) async fn answer(call: &Call<'_>, rules: &ProposalRules) -> Result<Answer, AgentError> {
    let Call { offer, mode, ledger, arguments, .. } = *call;
    let reading = read::read_row(call).await?;
    let change_set = match change_set(offer, rules, mode, &reading, arguments) {
        Ok(change_set) => change_set,
        Err(refused) => {
            // The refusal tells something about the row, so that it was read stays on record.
            ledger.record_read(ReadRecord { evidence: Some(reading.evidence), audit: reading.audit }).await?;
            return Err(refused);
        }
    };
    let diff = diff(&change_set);
    let evidence_id = reading.evidence.evidence_id.clone();
    let writeback_record = change_set.writeback.clone();
    let new = NewProposal {
        expires_at: change_set.created_at.after(rules.approval.expires_after),
        change_set,
        evidence: reading.evidence,
        audit: reading.audit,
        capability_digest: offer.capability_digest().clone(),
    };
    let recorded = ledger.record_proposal(new).await?;
    let terms = &recorded.proposal().terms;
    Ok(Answer::Proposal(Box::new(ProposalAnswer {
        action: offer.capability().name.to_string(),
        proposal_id: terms.proposal_id.clone(),
        proposal_version: terms.proposal_version,
        proposal_hash: terms.proposal_hash.clone(),
        state: state(recorded.proposal()),
        table: offer.capability().target.table.clone(),
        object: reading.key,
        diff,
        writeback: match &rules.executor {
            ExecutorRef::SqlUpdate => EnvelopeWriteback::DirectUpdate,
            ExecutorRef::Named(_) => EnvelopeWriteback::AppHandler,
        },
        writeback_record,
        evidence: evidence_id,
        meta: read::meta(offer),
    })))
}

fn change_set(
    offer: &Offer,
    rules: &ProposalRules,
    mode: ConfigMode,
    reading: &Reading,
    arguments: &Arguments,
) -> Result<ChangeSet, AgentError> {
    let patch = canonical_patch(rules, reading, arguments)?;
    rules.permit(&reading.row, &patch)?;
    credentials::guards_stay_exact(rules, &reading.bound, &reading.row, &reading.shown)?;
    let parameters = parameters(&patch, reading);
    let before = parameters.iter().map(|name| (name.clone(), Scalar::Null)).chain(reading.shown.clone()).collect();
    let capability = offer.capability();
    let set = ChangeSet {
        schema_version: SchemaVersion::V1,
        proposal_id: ProposalId::generate(),
        proposal_version: 1,
        action: capability.name.to_string(),
        mode: if mode == ConfigMode::Shadow { Mode::Shadow } else { Mode::ReviewRequired },
        principal: Principal { id: offer.trusted().principal.clone(), source: provenance(offer.trusted().provider) },
        scope: Scope {
            tenant_id: offer.trusted().tenant_id.clone(),
            business_object: capability.target.table.to_string(),
            object_id: reading.key.plain_text(),
        },
        source: SourceRef {
            kind: reading.bound.table.kind(),
            source_id: capability.source.to_string(),
            schema: capability.target.schema.clone(),
            table: capability.target.table.clone(),
            primary_key: ColumnValue { column: capability.target.primary_key.clone(), value: reading.key.clone() },
        },
        after: overlay(&before, &patch),
        before,
        patch,
        guards: Guards {
            tenant: tenant_guard(offer, reading),
            allowed_columns: rules.allowed_columns.clone(),
            expected_version: expected_version(rules, &reading.row)?,
        },
        evidence: EvidenceRef {
            bundle_id: reading.evidence.evidence_id.clone(),
            query_fingerprint: offer.query_fingerprint().clone(),
            items: Vec::new(),
        },
        approval: ApprovalRef { status: ApprovalStatus::Pending, required_role: rules.approval.required_role.clone() },
        writeback: WritebackRef {
            status: WritebackStatus::NotApplied,
            mode: WritebackMode::TrustedWorkerRequired,
            executor: Some(rules.executor.name().to_owned()),
            version_advance: rules.guard.advance(),
            parameters,
        },
        source_database_mutated: false,
        integrity: Integrity { proposal_hash: Digest::of_bytes(b"") },
        created_at: Timestamp::now(),
    };
    Ok(set.sealed()?)
}

/// What of the patch the table has no column for.
fn parameters(patch: &Columns, reading: &Reading) -> Vec<Identifier> {
    patch.keys().filter(|column| reading.bound.parameters.contains(column)).cloned().collect()
}

/// The patch, each value as its column spells it; a parameter has no column, and stays as it was given.
fn canonical_patch(rules: &ProposalRules, reading: &Reading, arguments: &Arguments) -> Result<Columns, AgentError> {
    let bindings: BTreeMap<&Identifier, &Binding> = rules.patch.iter().map(|(column, binding)| (column, binding)).collect();
    let parameter = |column: &Identifier| reading.bound.parameters.contains(column);
    let spelled = rules.patch_of(arguments)?.into_iter().map(|(column, value)| match reading.bound.table.value(&column, &value) {
        _ if parameter(&column) => Ok((column, value)),
        Ok(checked) => Ok((column, checked.scalar().clone())),
        Err(cause) => Err(match bindings.get(&column) {
            Some(Binding::FromArg(argument)) => AgentError::ArgumentValue { argument: argument.clone(), cause },
            Some(Binding::Fixed(_)) | None => AgentError::FixedValue { column, cause },
        }),
    });
    spelled.collect()
}

fn tenant_guard(offer: &Offer, reading: &Reading) -> ColumnValue {
    let tenant = offer.capability().target.tenant.column().zip(reading.bound.tenant.as_ref());
    match tenant {
        Some((column, value)) => ColumnValue { column: column.clone(), value: value.scalar().clone() },
        None => ColumnValue::single_tenant(),
    }
}

fn expected_version(rules: &ProposalRules, row: &Columns) -> Result<ColumnValue, AgentError> {
    match &rules.guard {
        Guard::Column { column, .. } => match row.get(column) {
            Some(value) if !value.is_null() => Ok(ColumnValue { column: column.clone(), value: value.clone() }),
            Some(_) | None => Err(AgentError::VersionMissing { column: column.clone() }),
        },
        Guard::WeakRowHash => Ok(ColumnValue::row_hash(&row_hash(row)?)),
    }
}

fn provenance(provider: &str) -> PrincipalSource {
    if provider == PrincipalSource::StaticDev.as_str() { PrincipalSource::StaticDev } else { PrincipalSource::Environment }
}

fn diff(set: &ChangeSet) -> BTreeMap<Identifier, ColumnChange> {
    let change = |(column, proposed): (&Identifier, &Scalar)| {
        let before = set.before.get(column).cloned().unwrap_or(Scalar::Null);
        (column.clone(), ColumnChange { before, proposed: proposed.clone() })
    };
    set.patch.iter().map(change).collect()
}

fn state(proposal: &Proposal) -> ProposalState {
    match (proposal.terms.mode, proposal.status) {
        (Mode::Shadow | Mode::ReadOnly, _) => ProposalState::ShadowProposalCreated,
        (_, Status::Approved) => ProposalState::Approved,
        (_, Status::PendingWorker) => ProposalState::PendingWorker,
        (_, _) => ProposalState::ReviewRequired,
    }
}
