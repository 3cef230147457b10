//! Do the databases have what the configuration names, and may both accounts do what they are there for?
//!
//! The account for reading is asked through the agent plane, as a server asks it. The account for writing is asked here alone,
//! where a person asks: no process that serves a model reads its URL. Nothing is changed.

use serde_json::{Value, json};
use synapsor_agent::{AgentError, DatabaseFinding, check_database};
use synapsor_config::{Advance, Capability, Guard};
use synapsor_protocol::Identifier;
use synapsor_protocol::chain::chain;
use synapsor_protocol::credential::redacted;
use synapsor_source::{CatalogFinding, Severity, SourceError, TableUse, WriteSource};

use crate::compose::{Setup, Writer};
use crate::failure::Answer;
use crate::output;

/// Whose rights were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    Reading,
    Writing,
}

/// One thing that a database said.
#[derive(Debug)]
pub(super) struct Found {
    account: Account,
    /// The capability that it is about; `None` is about the source as a whole.
    capability: Option<String>,
    source: String,
    /// What was found, or why nothing could be.
    finding: Result<CatalogFinding, String>,
    /// Whether what was asked for cannot work, however often it is tried.
    definite: bool,
}

/// Asks every database, with both accounts.
pub(super) async fn all(setup: &Setup) -> Answer<Vec<Found>> {
    let mut found: Vec<Found> = check_database(&setup.agent_port()?).await.into_iter().map(Found::by_reader).collect();
    for (source, writer) in setup.writers() {
        let said = match writer {
            Writer::Open(writer) => by_writer(setup, &source, &writer).await,
            Writer::Unset(variable) => vec![Found::notice(
                &source,
                "WRITER_NOT_CHECKED",
                format!("environment variable `{variable}` is not set, so the account for writing was not asked"),
            )],
            Writer::Unusable(reason) => vec![Found::of_source(&source, Err(reason))],
        };
        found.extend(said.into_iter().filter(|new| !found.iter().any(|known| known.says_the_same(new))).collect::<Vec<_>>());
    }
    Ok(found)
}

/// What the account for writing finds: the receipt table first, then the table of each proposal.
async fn by_writer(setup: &Setup, source: &Identifier, writer: &WriteSource) -> Vec<Found> {
    let mut found: Vec<Found> = match writer.check_receipts().await {
        Ok(finding) => finding.into_iter().map(|finding| Found::of_source(source, Ok(finding))).collect(),
        // Nothing else will be answered either.
        Err(error) => return vec![Found::of_source(source, Err(reason(&error)))],
    };
    for capability in setup.written_directly(source) {
        found.extend(of_capability(capability, writer).await);
    }
    found
}

async fn of_capability(capability: &Capability, writer: &WriteSource) -> Vec<Found> {
    let about = |finding: Result<CatalogFinding, SourceError>| Found {
        account: Account::Writing,
        capability: Some(capability.name.to_string()),
        source: capability.source.to_string(),
        definite: finding.as_ref().map_or(true, |finding| finding.severity == Severity::Error),
        finding: finding.map_err(|error| reason(&error)),
    };
    match writer.check(&table_use(capability)).await {
        Ok(check) => check.findings.into_iter().map(|finding| about(Ok(judged(capability, finding)))).collect(),
        Err(error) => vec![about(Err(error))],
    }
}

/// The catalog does not know who moves the version; the capability does.
fn judged(capability: &Capability, finding: CatalogFinding) -> CatalogFinding {
    let by_us = capability.proposal().is_some_and(|rules| matches!(rules.guard, Guard::Column { advance: Advance::Auto, .. }));
    let severity = if finding.code == "VERSION_NOT_UPDATABLE" && by_us { Severity::Error } else { finding.severity };
    CatalogFinding { severity, ..finding }
}

/// Why a source was not asked, with the driver's words, as a server logs it. What a driver says of refused credentials adds nothing but
/// the account and the host.
fn reason(error: &SourceError) -> String {
    match error {
        SourceError::Authentication { .. } => error.to_string(),
        error => redacted(&chain(error)).into_owned(),
    }
}

/// How applying a change of the capability uses its table.
fn table_use(capability: &Capability) -> TableUse {
    let (target, rules) = (&capability.target, capability.proposal());
    TableUse {
        schema: target.schema.clone(),
        table: target.table.clone(),
        primary_key: target.primary_key.clone(),
        tenant_key: target.tenant.column().cloned(),
        columns: capability.columns_to_read(),
        patch: rules.map(|rules| rules.patch.iter().map(|(column, _)| column.clone()).collect()).unwrap_or_default(),
        version: rules.and_then(|rules| rules.guard.column()).cloned(),
        writes: true,
    }
}

impl Found {
    fn by_reader(found: DatabaseFinding) -> Self {
        let definite = found.is_definite();
        let DatabaseFinding { capability, source, finding } = found;
        let finding = finding.map_err(|error| match &error {
            AgentError::Source(error) => reason(error),
            error => redacted(&chain(error)).into_owned(),
        });
        Self { account: Account::Reading, capability: Some(capability), source, finding, definite }
    }

    fn of_source(source: &Identifier, finding: Result<CatalogFinding, String>) -> Self {
        let definite = finding.as_ref().map_or(true, |finding| finding.severity == Severity::Error);
        Self { account: Account::Writing, capability: None, source: source.to_string(), finding, definite }
    }

    fn notice(source: &Identifier, code: &'static str, message: String) -> Self {
        Self::of_source(source, Ok(CatalogFinding { severity: Severity::Notice, code, column: None, message }))
    }

    /// Checking a database means being able to: what cannot be reached was not checked.
    pub(super) fn is_error(&self) -> bool {
        self.finding.is_err() || self.definite
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let about = |found: &Self| (found.capability.clone(), found.source.clone());
        about(self) == about(other) && self.finding == other.finding
    }

    /// Whether nothing was found because nothing could be asked.
    pub(super) fn is_unasked(&self) -> bool {
        self.finding.is_err()
    }

    /// The source that it is about.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// How much it matters.
    pub(super) fn word(&self) -> &'static str {
        self.finding.as_ref().map_or("error", |finding| word(finding.severity))
    }

    /// Two lines for a person.
    pub(super) fn sentence(&self) -> String {
        let Self { capability, source, finding, account, .. } = self;
        let about = capability.as_ref().map(|name| format!("capability `{name}`"));
        let whose = if *account == Account::Writing { ", account for writing" } else { "" };
        let (head, message) = match finding {
            Ok(finding) => {
                let about = about.unwrap_or_else(|| format!("source `{source}`"));
                let column = finding.column.as_ref().map(|column| format!(" column `{column}`")).unwrap_or_default();
                (format!("{} {about}{column}", finding.code), &finding.message)
            }
            Err(error) => {
                let about = about.map(|about| format!("{about}, ")).unwrap_or_default();
                (format!("DATABASE_NOT_CHECKED {about}source `{source}`"), error)
            }
        };
        format!("{} {head}{whose}\n  {}", self.word(), output::visible(message))
    }

    pub(super) fn json(&self) -> Value {
        let account = if self.account == Account::Writing { "writing" } else { "reading" };
        let (code, column, message) = match &self.finding {
            Ok(finding) => (finding.code, finding.column.as_ref(), &finding.message),
            Err(error) => ("DATABASE_NOT_CHECKED", None, error),
        };
        json!({"capability": self.capability, "source": self.source, "account": account, "severity": self.word(), "code": code,
            "column": column, "message": message})
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    }
}
