//! Does the configuration of today still allow what was approved?
//!
//! An approval is for one exact change. Between approval and effect the configuration may have become stricter, and the stricter one wins.

use synapsor_config::{Capability, Config, ExecutorRef, Guard, Mode, PatchRefusal, ProposalRules, Tenant};
use synapsor_protocol::change_set::{ROW_HASH_COLUMN, SINGLE_TENANT_COLUMN};
use synapsor_protocol::{ChangeSet, Identifier};

/// What forbids a change that was approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// The runner's mode does not write.
    #[error("the configuration's mode is {0}, which does not write back")]
    Mode(&'static str),
    /// There is no such capability any more.
    #[error("the configuration has no proposal capability `{0}` any more")]
    CapabilityGone(String),
    /// The capability means another row now.
    #[error("the capability now has another {what}: `{now}` instead of `{approved}`")]
    Elsewhere {
        /// What differs.
        what: &'static str,
        /// What the configuration says.
        now: String,
        /// What was approved.
        approved: String,
    },
    /// Another column may be set now than the reviewer was told.
    #[error("the capability now says differently who moves the version column")]
    OtherAdvance,
    /// The rules for values are stricter now, or the patch is outside of them.
    #[error("{0}")]
    Patch(#[from] PatchRefusal),
    /// The source takes no direct writes.
    #[error("source `{0}` is read-only, so nothing can be written to it directly")]
    SourceReadOnly(Identifier),
}

/// Whether the configuration allows the change, or what forbids it.
pub(crate) fn permitted(config: &Config, set: &ChangeSet) -> Result<(), Objection> {
    if config.mode != Mode::Review {
        return Err(Objection::Mode(config.mode.as_str()));
    }
    let capability = config.capability(&set.action);
    let found = capability.and_then(|capability| capability.proposal().map(|rules| (capability, rules)));
    let (capability, rules) = found.ok_or_else(|| Objection::CapabilityGone(set.action.clone()))?;
    same_place(capability, rules, set)?;
    let approved = set.writeback.version_advance;
    if approved.is_some() && approved != rules.guard.advance() {
        return Err(Objection::OtherAdvance);
    }
    if rules.executor == ExecutorRef::SqlUpdate && config.source(&capability.source).is_some_and(|source| source.read_only) {
        return Err(Objection::SourceReadOnly(capability.source.clone()));
    }
    Ok(rules.permit(&set.before, &set.patch)?)
}

fn same_place(capability: &Capability, rules: &ProposalRules, set: &ChangeSet) -> Result<(), Objection> {
    let target = &capability.target;
    let tenant = match &target.tenant {
        Tenant::Column(column) => column.as_str(),
        Tenant::SingleTenantDev => SINGLE_TENANT_COLUMN,
    };
    let version = match &rules.guard {
        Guard::Column { column, .. } => column.as_str(),
        Guard::WeakRowHash => ROW_HASH_COLUMN,
    };
    let pairs = [
        ("source", capability.source.as_str(), set.source.source_id.as_str()),
        ("schema", target.schema.as_str(), set.source.schema.as_str()),
        ("table", target.table.as_str(), set.source.table.as_str()),
        ("primary key column", target.primary_key.as_str(), set.source.primary_key.column.as_str()),
        ("tenant column", tenant, set.guards.tenant.column.as_str()),
        ("version column", version, set.guards.expected_version.column.as_str()),
        ("executor", rules.executor.name(), set.writeback.executor.as_deref().unwrap_or("sql_update")),
    ];
    match pairs.into_iter().find(|(_, now, approved)| now != approved) {
        Some((what, now, approved)) => Err(Objection::Elsewhere { what, now: now.to_owned(), approved: approved.to_owned() }),
        None => Ok(()),
    }
}
