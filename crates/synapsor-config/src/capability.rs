//! What may an agent call?
//!
//! A [`Capability`] is what a person reviewed, after every rule of the file was checked: names are identifiers, what
//! it refers to is declared, and nothing is optional that a rule decides. Serde knows none of these types; the file's
//! own shape is in `raw`.

use serde::Serialize;
use synapsor_protocol::change_set::VersionAdvance;
use synapsor_protocol::name::{CapabilityName, SafeName};
use synapsor_protocol::{Digest, Identifier};

use crate::argument::Arg;
use crate::proposal_rules::{Advance, ExecutorRef, Guard, ProposalRules};

/// One reviewed thing that an agent may call: a scoped read, or the proposal of an exact change.
#[derive(Debug, Clone)]
pub struct Capability {
    /// The canonical name, `area.capability`; unique in a config.
    pub name: CapabilityName,
    /// Whether it reads or proposes, and by what rules.
    pub kind: CapabilityKind,
    /// What the author tells a model about it.
    pub description: Option<String>,
    /// What the author tells a model about its answer.
    pub returns_hint: Option<String>,
    /// The declared source whose rows it touches.
    pub source: Identifier,
    /// Where its tenant and principal come from.
    pub context: ContextRef,
    /// The table, its key and its tenant guard.
    pub target: Target,
    /// The arguments that a model may give, in the order of the file.
    pub args: Vec<Arg>,
    /// The argument that names the row; always a declared, required one.
    pub lookup_arg: String,
    /// The columns that a model may see.
    pub visible_columns: Vec<Identifier>,
    /// The limit of the read; a call still needs exactly one row.
    pub max_rows: u32,
}

/// What a capability does.
#[derive(Debug, Clone)]
pub enum CapabilityKind {
    /// It reads one row.
    Read,
    /// It proposes a change of one row.
    Proposal(Box<ProposalRules>),
}

/// Which trusted context a capability uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextRef {
    /// The file's `trusted_context`.
    Default,
    /// One of the file's `contexts`.
    Named(SafeName),
}

/// Which rows a capability is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The schema; `main` on SQLite.
    pub schema: Identifier,
    /// The table.
    pub table: Identifier,
    /// The primary key column.
    pub primary_key: Identifier,
    /// How the rows of one tenant are told from another's.
    pub tenant: Tenant,
}

/// The tenant guard of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tenant {
    /// The column that holds the tenant.
    Column(Identifier),
    /// Declared to have one tenant only (`single_tenant_dev`).
    SingleTenantDev,
}

impl Tenant {
    /// The column that holds the tenant, if there is one.
    pub fn column(&self) -> Option<&Identifier> {
        match self {
            Self::Column(column) => Some(column),
            Self::SingleTenantDev => None,
        }
    }
}

impl Capability {
    /// The rules of a proposal; `None` for a read.
    pub fn proposal(&self) -> Option<&ProposalRules> {
        match &self.kind {
            CapabilityKind::Read => None,
            CapabilityKind::Proposal(rules) => Some(rules),
        }
    }

    /// The argument of that name.
    pub fn arg(&self, name: &str) -> Option<&Arg> {
        self.args.iter().find(|arg| arg.name == name)
    }

    /// Every column that a call has to read: the visible ones, then key, tenant, version and the columns that a
    /// transition guard looks at and the ones that the patch sets, each once. What a model is shown is
    /// `visible_columns` alone. A patch column of another executor than `sql_update` may be a parameter that the table
    /// does not have: it is here only if it is named for another reason, and whoever asks the catalog adds the others.
    pub fn columns_to_read(&self) -> Vec<Identifier> {
        let rules = self.proposal();
        let guards = rules.into_iter().flat_map(|rules| rules.transition_guards.values().map(|guard| &guard.from_column));
        let version = rules.and_then(|rules| rules.guard.column());
        let direct = rules.filter(|rules| rules.executor == ExecutorRef::SqlUpdate);
        let patched = direct.into_iter().flat_map(|rules| rules.patch.iter().map(|(column, _)| column));
        let needed = [&self.target.primary_key].into_iter().chain(self.target.tenant.column()).chain(version);
        let mut columns: Vec<Identifier> = Vec::new();
        for column in self.visible_columns.iter().chain(needed).chain(guards).chain(patched) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    /// The digest of what a reviewer approved: everything that decides what may change. Wording is not part of it, and
    /// neither is the order of arguments.
    pub fn digest(&self) -> Digest {
        let mut args: Vec<_> = self.args.iter().map(Arg::reviewed).collect();
        args.sort_by(|one, other| one.name.cmp(other.name));
        let reviewed = Reviewed {
            schema_version: "synapsor.capability-digest.v1",
            name: &self.name,
            kind: if self.proposal().is_some() { "proposal" } else { "read" },
            source: &self.source,
            context: &self.context,
            target: &self.target,
            args,
            lookup_arg: &self.lookup_arg,
            visible_columns: &self.visible_columns,
            rules: self.proposal(),
        };
        Digest::of(&reviewed).expect("strings, booleans and finite numbers always have a canonical form")
    }
}

/// What the digest is taken over.
#[derive(Serialize)]
struct Reviewed<'a> {
    schema_version: &'static str,
    name: &'a CapabilityName,
    kind: &'static str,
    source: &'a Identifier,
    context: &'a ContextRef,
    target: &'a Target,
    args: Vec<crate::argument::ReviewedArg<'a>>,
    lookup_arg: &'a str,
    visible_columns: &'a [Identifier],
    rules: Option<&'a ProposalRules>,
}

impl Guard {
    /// Who moves the version column, as a change set says it; nothing for a row hash.
    pub fn advance(&self) -> Option<VersionAdvance> {
        match self {
            Self::Column { advance: Advance::Auto, .. } => Some(VersionAdvance::Auto),
            Self::Column { advance: Advance::Database, .. } => Some(VersionAdvance::Database),
            Self::WeakRowHash => None,
        }
    }

    /// The version column, if the guard has one.
    pub fn column(&self) -> Option<&Identifier> {
        match self {
            Self::Column { column, .. } => Some(column),
            Self::WeakRowHash => None,
        }
    }
}
