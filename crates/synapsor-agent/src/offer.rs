//! What is one capability, ready to be called?
//!
//! The reviewed capability together with whose rows it sees, the database it reads and, once the catalog was asked, the proof that the
//! table is what the configuration says.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use synapsor_config::context::Trusted;
use synapsor_config::{Advance, Capability, ExecutorRef, Guard};
use synapsor_protocol::digest::Digest;
use synapsor_protocol::{Identifier, Scalar};
use synapsor_source::{CatalogFinding, CheckedTable, CheckedValue, Severity, Source, TableCheck, TableUse};

use crate::error::AgentError;

/// One capability that an agent may call.
#[derive(Debug)]
pub struct Offer {
    capability: Arc<Capability>,
    trusted: Trusted,
    source: Source,
    table_use: TableUse,
    query_fingerprint: Digest,
    capability_digest: Digest,
    bound: Mutex<Option<Arc<Bound>>>,
}

/// What an [`Offer`] is made of.
#[derive(Debug)]
pub struct OfferParts {
    /// What was reviewed.
    pub capability: Capability,
    /// Whose rows it sees, on whose behalf.
    pub trusted: Trusted,
    /// Where it reads.
    pub source: Source,
}

/// The proof of the catalog: the table, and the tenant as this table spells it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) table: CheckedTable,
    pub(crate) tenant: Option<CheckedValue>,
    /// What the patch sets and the table has no column for: it is for the executor alone.
    pub(crate) parameters: Vec<Identifier>,
}

impl Offer {
    /// Binds a capability to its context and source. Nothing is asked of the database.
    pub fn new(parts: OfferParts) -> Self {
        let OfferParts { capability, trusted, source } = parts;
        let table_use = table_use(&capability);
        Self {
            query_fingerprint: fingerprint(&capability, &table_use, &trusted),
            capability_digest: capability.digest(),
            capability: Arc::new(capability),
            bound: Mutex::new(None),
            trusted,
            source,
            table_use,
        }
    }

    /// What was reviewed.
    pub fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Whose rows it sees.
    pub(crate) fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn query_fingerprint(&self) -> &Digest {
        &self.query_fingerprint
    }

    pub(crate) fn capability_digest(&self) -> &Digest {
        &self.capability_digest
    }

    /// Asks the catalog, whatever was known before. Everything it found is in the answer.
    pub(crate) async fn check(&self) -> Result<TableCheck, AgentError> {
        let whole = self.source.check(&self.table_use).await?;
        let parameters = self.parameters(&whole);
        let check = if parameters.is_empty() { whole } else { self.check_without(&parameters).await? };
        let check = self.judged(check);
        let bound = match &check.table {
            Some(table) => Some(Arc::new(self.bind(table.clone(), parameters)?)),
            None => None,
        };
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
        Ok(check)
    }

    /// What of the patch is a parameter: the table has no such column, nothing else names it, and an application carries the change out.
    fn parameters(&self, check: &TableCheck) -> Vec<Identifier> {
        let Some(rules) = self.capability.proposal().filter(|rules| rules.executor != ExecutorRef::SqlUpdate) else {
            return Vec::new();
        };
        let needed = self.capability.columns_to_read();
        let absent = check.findings.iter().filter(|finding| finding.code == "UNKNOWN_COLUMN").filter_map(|finding| finding.column.as_ref());
        absent.filter(|column| rules.patch.iter().any(|(set, _)| set == *column) && !needed.contains(column)).cloned().collect()
    }

    async fn check_without(&self, parameters: &[Identifier]) -> Result<TableCheck, AgentError> {
        let mut usage = self.table_use.clone();
        usage.columns.retain(|column| !parameters.contains(column));
        usage.patch.retain(|column| !parameters.contains(column));
        let mut check = self.source.check(&usage).await?;
        let executor = self.capability.proposal().map_or("", |rules| rules.executor.name());
        check.findings.extend(parameters.iter().map(|parameter| CatalogFinding {
            severity: Severity::Notice,
            code: "PATCH_PARAMETER",
            column: Some(parameter.clone()),
            message: format!("the table has no column `{parameter}`, so it is a parameter for the executor `{executor}`"),
        }));
        Ok(check)
    }

    /// What only the reviewed rules know of the catalog's answer: a version that the guarded UPDATE shall move must be one of which the
    /// next value is known.
    fn judged(&self, check: TableCheck) -> TableCheck {
        let moved = self.capability.proposal().filter(|rules| rules.executor == ExecutorRef::SqlUpdate).map(|rules| &rules.guard);
        let Some(Guard::Column { column, advance: Advance::Auto }) = moved else { return check };
        if check.table.as_ref().is_none_or(CheckedTable::next_version_known) {
            return check;
        }
        let finding = CatalogFinding {
            severity: Severity::Error,
            code: "VERSION_NOT_ADVANCEABLE",
            column: Some(column.clone()),
            message: format!(
                "what follows a value of `{column}` is not known; let the database move it, and say `\"advance\": \"database\"`"
            ),
        };
        let others = check.findings.into_iter().filter(|other| other.code != finding.code);
        TableCheck { table: None, findings: others.chain([finding.clone()]).collect() }
    }

    /// The proof of the catalog; asked for once and kept.
    pub(crate) async fn bound(&self) -> Result<Arc<Bound>, AgentError> {
        if let Some(bound) = self.known() {
            return Ok(bound);
        }
        let check = self.check().await?;
        self.known().ok_or_else(|| {
            let errors = check.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
            AgentError::TableUnfit { findings: errors.map(|finding| finding.message).collect() }
        })
    }

    /// Forgets the proof, so that the next call asks the catalog again.
    pub(crate) fn forget(&self) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn known(&self) -> Option<Arc<Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn bind(&self, table: CheckedTable, parameters: Vec<Identifier>) -> Result<Bound, AgentError> {
        let tenant = match &self.table_use.tenant_key {
            Some(_) => {
                let spelled = Scalar::from(self.trusted.tenant_id.as_str());
                Some(table.tenant(&spelled).map_err(|cause| AgentError::TenantUnfit { cause })?)
            }
            None => None,
        };
        Ok(Bound { table, tenant, parameters })
    }
}

/// How the capability uses its table. Whatever the patch sets is read as well, so that the reviewer sees what it was; which of it is no
/// column, the catalog says.
fn table_use(capability: &Capability) -> TableUse {
    let rules = capability.proposal();
    let patch: Vec<Identifier> = rules.map(|rules| rules.patch.iter().map(|(column, _)| column.clone()).collect()).unwrap_or_default();
    let mut columns = capability.columns_to_read();
    let unread: Vec<_> = patch.iter().filter(|column| !columns.contains(column)).cloned().collect();
    columns.extend(unread);
    TableUse {
        schema: capability.target.schema.clone(),
        table: capability.target.table.clone(),
        primary_key: capability.target.primary_key.clone(),
        tenant_key: capability.target.tenant.column().cloned(),
        columns,
        patch,
        version: rules.and_then(|rules| rules.guard.column()).cloned(),
        // This is the reading account; the account that applies changes is another one, and is checked by the executor.
        writes: false,
    }
}

fn fingerprint(capability: &Capability, table_use: &TableUse, trusted: &Trusted) -> Digest {
    #[derive(Serialize)]
    struct Query<'a> {
        source: &'a Identifier,
        schema: &'a Identifier,
        table: &'a Identifier,
        primary_key: &'a Identifier,
        columns: &'a [Identifier],
        tenant_bound: bool,
        tenant: &'a str,
    }
    let query = Query {
        source: &capability.source,
        schema: &table_use.schema,
        table: &table_use.table,
        primary_key: &table_use.primary_key,
        columns: &table_use.columns,
        tenant_bound: table_use.tenant_key.is_some(),
        tenant: &trusted.tenant_id,
    };
    // Strings and booleans always have a canonical form.
    Digest::of(&query).unwrap_or_else(|_| Digest::of_bytes(b""))
}
