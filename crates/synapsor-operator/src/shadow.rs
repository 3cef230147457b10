//! How does what an agent would have done compare with what people did?
//!
//! Shadow mode records proposals that nobody can approve. Somebody puts on record what a person did in the same case; the two are compared
//! column by column.
//!
//! # Invariants
//! - Values are compared as values: 90 is 90.0 and is not "90". Nothing is trimmed, rounded or turned into text.
//! - Of several actions on one proposal the last one counts; the others stay on record.
//! - What is compared was verified: the change set by its hash, the action by the chain of events.
//!
//! Start reading at [`compare`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use synapsor_ledger::{Cursor, Dossier, Filter, LedgerError, Page};
use synapsor_proposal::{HumanAction, Order, Refusal, Status};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::{ActionId, ProposalId};
use synapsor_protocol::{Columns, Identifier, Scalar, Timestamp};

use crate::error::OperatorError;
use crate::port::OperatorPort;
use crate::records::Records;

/// How a proposal compares with what a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// The same columns, the same values.
    ExactMatch,
    /// At least one column with the same value, and something that differs.
    PartialMatch,
    /// No column with the same value.
    Mismatch,
    /// Nothing is on record of what a person did.
    NoHumanAction,
}

/// How one column compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnAgreement {
    /// Both set the same value.
    Equal,
    /// Both set it, to different values.
    Different,
    /// The agent alone would have set it.
    OnlyProposed,
    /// The person alone set it.
    OnlyDone,
}

/// One column of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedColumn {
    /// The column.
    pub column: Identifier,
    /// How it compares.
    pub agreement: ColumnAgreement,
    /// What the agent proposed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Scalar>,
    /// What the person set, if they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<Scalar>,
}

/// A shadow proposal beside what a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The proposal.
    pub proposal_id: ProposalId,
    /// The capability.
    pub capability: String,
    /// Whose row.
    pub tenant_id: String,
    /// The kind of object.
    pub business_object: String,
    /// Which one.
    pub object_id: String,
    /// Where the proposal stands.
    pub status: Status,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// How it compares.
    pub result: Agreement,
    /// Column by column; empty without an action.
    pub columns: Vec<ComparedColumn>,
    /// What the person did, if it is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_action: Option<HumanAction>,
}

/// How many shadow proposals compare in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many there are.
    pub proposals: u64,
    /// With the same columns and values.
    pub exact_match: u64,
    /// With some of them.
    pub partial_match: u64,
    /// With none of them.
    pub mismatch: u64,
    /// Without a record of what a person did.
    pub no_human_action: u64,
}

/// How all shadow proposals compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ShadowReport {
    /// All of them.
    pub total: Tally,
    /// By capability.
    pub capabilities: BTreeMap<String, Tally>,
    /// How many more could not be read, because they were edited or damaged. They are counted nowhere else.
    pub unreadable: u64,
}

/// How two sets of columns compare, and how each column does.
pub fn compare(proposed: &Columns, done: &Columns) -> (Agreement, Vec<ComparedColumn>) {
    let names: BTreeSet<&Identifier> = proposed.keys().chain(done.keys()).collect();
    let columns: Vec<ComparedColumn> = names.into_iter().map(|column| compared(column, proposed.get(column), done.get(column))).collect();
    let equal = columns.iter().filter(|column| column.agreement == ColumnAgreement::Equal).count();
    let agreement = match equal {
        0 => Agreement::Mismatch,
        equal if equal == columns.len() => Agreement::ExactMatch,
        _ => Agreement::PartialMatch,
    };
    (agreement, columns)
}

fn compared(column: &Identifier, proposed: Option<&Scalar>, done: Option<&Scalar>) -> ComparedColumn {
    let agreement = match (proposed, done) {
        (Some(proposed), Some(done)) if proposed == done => ColumnAgreement::Equal,
        (_, None) => ColumnAgreement::OnlyProposed,
        (None, _) => ColumnAgreement::OnlyDone,
        (Some(_), Some(_)) => ColumnAgreement::Different,
    };
    ComparedColumn { column: column.clone(), agreement, proposed: proposed.cloned(), done: done.cloned() }
}

impl OperatorPort {
    /// Puts on record what a person did in the case of a shadow proposal. It decides nothing and is kept for good.
    pub async fn record_human_action(
        &self,
        id: &ProposalId,
        patch: Columns,
        notes: Option<String>,
    ) -> Result<Option<HumanAction>, OperatorError> {
        let order = Order::RecordHumanAction { action_id: ActionId::generate(), patch, notes };
        Ok(self.order(id, order).await?.human_actions.last().cloned())
    }
}

impl Records {
    /// One shadow proposal beside what a person did.
    pub async fn compare_shadow(&self, id: &ProposalId) -> Result<Comparison, LedgerError> {
        let dossier = self.proposal(id).await?;
        if dossier.proposal.terms.mode != Mode::Shadow {
            return Err(LedgerError::Refused(Refusal::NotShadow(id.clone())));
        }
        Ok(Comparison::of(&dossier))
    }

    /// Shadow proposals beside what people did, newest first.
    pub async fn list_shadows(&self, before: Option<Cursor>, limit: u32) -> Result<Page<Comparison>, LedgerError> {
        let filter = Filter { mode: Some(Mode::Shadow), before, limit, ..Filter::default() };
        let page = self.proposals(&filter).await?;
        let (mut lines, mut unreadable) = (Vec::new(), page.unreadable);
        for summary in &page.lines {
            match self.proposal(&summary.proposal_id).await {
                Ok(dossier) => lines.push(Comparison::of(&dossier)),
                Err(LedgerError::Altered { .. }) => unreadable = unreadable.saturating_add(1),
                Err(error) => return Err(error),
            }
        }
        Ok(Page { lines, next: page.next, unreadable })
    }

    /// How all shadow proposals compare. Reads each of them, a page at a time.
    pub async fn report_shadows(&self) -> Result<ShadowReport, LedgerError> {
        let mut report = ShadowReport::default();
        let mut before = None;
        loop {
            let page = self.list_shadows(before, u32::MAX).await?;
            page.lines.iter().for_each(|comparison| report.count(comparison));
            report.unreadable += u64::from(page.unreadable);
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(report),
            }
        }
    }
}

impl Comparison {
    fn of(dossier: &Dossier) -> Self {
        let Dossier { proposal, change_set, .. } = dossier;
        let human_action = proposal.human_actions.last().cloned();
        let (result, columns) =
            human_action.as_ref().map_or((Agreement::NoHumanAction, Vec::new()), |action| compare(&change_set.patch, &action.patch));
        Self {
            proposal_id: proposal.id().clone(),
            capability: proposal.terms.capability.clone(),
            tenant_id: proposal.terms.tenant_id.clone(),
            business_object: proposal.terms.business_object.clone(),
            object_id: proposal.terms.object_id.clone(),
            status: proposal.status,
            created_at: proposal.created_at,
            result,
            columns,
            human_action,
        }
    }
}

impl ShadowReport {
    fn count(&mut self, comparison: &Comparison) {
        self.total.count(comparison.result);
        self.capabilities.entry(comparison.capability.clone()).or_default().count(comparison.result);
    }
}

impl Tally {
    fn count(&mut self, result: Agreement) {
        let counter = match result {
            Agreement::ExactMatch => &mut self.exact_match,
            Agreement::PartialMatch => &mut self.partial_match,
            Agreement::Mismatch => &mut self.mismatch,
            Agreement::NoHumanAction => &mut self.no_human_action,
        };
        *counter += 1;
        self.proposals += 1;
    }
}

impl Agreement {
    /// The word in records and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExactMatch => "exact_match",
            Self::PartialMatch => "partial_match",
            Self::Mismatch => "mismatch",
            Self::NoHumanAction => "no_human_action",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use synapsor_protocol::Columns;

    use super::compare;

    fn check(proposed: Value, done: Value) -> String {
        let columns = |value: Value| serde_json::from_value::<Columns>(value).unwrap();
        let (agreement, columns) = compare(&columns(proposed), &columns(done));
        let told: Vec<String> = columns.iter().map(|column| format!("{} {:?}", column.column, column.agreement)).collect();
        format!("{}: {}", agreement.as_str(), told.join(", "))
    }

    #[test]
    fn values_are_compared_as_values_and_not_as_text() {
        insta::assert_snapshot!(check(json!({"fee": 0, "note": "x"}), json!({"note": "x", "fee": 0.0})), @"exact_match: fee Equal, note Equal");
        insta::assert_snapshot!(check(json!({"fee": 0}), json!({"fee": "0"})), @"mismatch: fee Different");
        insta::assert_snapshot!(check(json!({"fee": null}), json!({"fee": "null"})), @"mismatch: fee Different");
        insta::assert_snapshot!(check(json!({"fee": null}), json!({"fee": false})), @"mismatch: fee Different");
        insta::assert_snapshot!(check(json!({"at": "2026-03-02T08:00:00Z"}), json!({"at": "2026-03-02T08:00:00.000000Z"})), @"mismatch: at Different");
    }

    #[test]
    fn what_only_one_of_them_set_is_told() {
        insta::assert_snapshot!(check(json!({"fee": 0, "note": "x"}), json!({"fee": 0})), @"partial_match: fee Equal, note OnlyProposed");
        insta::assert_snapshot!(check(json!({"fee": 0}), json!({"fee": 0, "paid": true})), @"partial_match: fee Equal, paid OnlyDone");
        insta::assert_snapshot!(check(json!({"fee": 0}), json!({"paid": true})), @"mismatch: fee OnlyProposed, paid OnlyDone");
    }
}
