//! What may a proposal change?
//!
//! # Invariants
//! - Every patch column is an allowed column, and no allowed column is the key or the tenant guard.
//! - An argument that the caller left out leaves its column out of the patch. Nothing turns into NULL on its own: only
//!   a reviewed `fixed: null` writes one.
//! - The same two functions decide when a change is proposed and again before it is applied.
//!
//! Start reading at [`ProposalRules::patch_of`] and [`ProposalRules::permit`].

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use synapsor_protocol::name::SafeName;
use synapsor_protocol::{Columns, Decimal, Identifier, Number, Scalar};

use crate::executor::Retry;

/// What a proposal of one capability may change, and what it takes to do so.
#[derive(Debug, Clone, Serialize)]
pub struct ProposalRules {
    /// Who carries the change out.
    pub executor: ExecutorRef,
    /// How often a job of it is tried again. No part of what a reviewer approves: it moves no row.
    #[serde(skip)]
    pub retry: Retry,
    /// Where the value of each patch column comes from, in the order of the file.
    pub patch: Vec<(Identifier, Binding)>,
    /// The columns that may ever be set.
    pub allowed_columns: Vec<Identifier>,
    /// Bounds of patch columns that hold numbers.
    pub numeric_bounds: BTreeMap<Identifier, NumericBound>,
    /// Which states a patch column may move to, from which.
    pub transition_guards: BTreeMap<Identifier, TransitionGuard>,
    /// How a row that changed in the meantime is noticed.
    pub guard: Guard,
    /// Who has to say yes, and for how long that may take.
    pub approval: ApprovalRule,
}

/// Who carries a change out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorRef {
    /// The guarded UPDATE, built in.
    SqlUpdate,
    /// A declared executor of another type.
    Named(SafeName),
}

impl ExecutorRef {
    /// The executor's name, as records carry it.
    pub fn name(&self) -> &str {
        match self {
            Self::SqlUpdate => "sql_update",
            Self::Named(name) => name.as_str(),
        }
    }
}

/// Where the value of a patch column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The reviewed value itself.
    Fixed(Scalar),
    /// The argument of this name. If the argument is optional and left out, the column is left out as well.
    FromArg(String),
}

/// The bounds of a number, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumericBound {
    /// The least allowed value.
    pub minimum: Option<Number>,
    /// The greatest allowed value.
    pub maximum: Option<Number>,
}

/// Which states may follow which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransitionGuard {
    /// The column that holds the present state; the patch column itself unless the file says otherwise.
    pub from_column: Identifier,
    /// Present state to the states that may follow.
    pub allowed: BTreeMap<String, Vec<String>>,
}

/// How a row that changed in the meantime is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// By a version column.
    Column {
        /// The column.
        column: Identifier,
        /// Who moves it.
        advance: Advance,
    },
    /// By a hash of the row as it was read, where a person accepted that (`weak_guard_ack`).
    WeakRowHash,
}

/// Who moves the version column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// The runner sets its next value.
    Auto,
    /// The database moves it, by a trigger or as a generated column.
    Database,
}

/// Who has to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalRule {
    /// The role that an approver must hold; without one, any declared operator may decide.
    pub required_role: Option<String>,
    /// How long a proposal may wait, from its creation.
    pub expires_after: Duration,
}

impl ApprovalRule {
    /// Seven days.
    pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
}

/// Why the rules do not allow a change. The code is an internal one, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchRefusal {
    /// Every argument that feeds the patch was left out.
    #[error("the call changes nothing: each optional argument that sets a column was left out")]
    Empty,
    /// The column is not one that may be set.
    #[error("column `{0}` may not be set by this capability")]
    ColumnNotAllowed(Identifier),
    /// The column has numeric bounds and the value is no number.
    #[error("column `{0}` takes a number")]
    NotANumber(Identifier),
    /// The number is too small.
    #[error("column `{column}` must be at least {minimum}")]
    BelowMinimum {
        /// The column.
        column: Identifier,
        /// Its bound.
        minimum: Number,
    },
    /// The number is too large.
    #[error("column `{column}` must be at most {maximum}")]
    AboveMaximum {
        /// The column.
        column: Identifier,
        /// Its bound.
        maximum: Number,
    },
    /// The present or the proposed state is no text, so no transition can be looked up.
    #[error("column `{0}` moves between states that are texts")]
    TransitionNotText(Identifier),
    /// The present state may not be followed by the proposed one.
    #[error("column `{0}` may not move from its present state to the proposed one")]
    TransitionNotAllowed(Identifier),
}

impl PatchRefusal {
    /// The internal code, as the ledger keeps it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "PATCH_REQUIRED",
            Self::ColumnNotAllowed(_) => "PATCH_COLUMN_NOT_ALLOWED",
            Self::NotANumber(_) => "PATCH_NUMERIC_BOUND_TYPE_INVALID",
            Self::BelowMinimum { .. } => "PATCH_BELOW_MINIMUM",
            Self::AboveMaximum { .. } => "PATCH_ABOVE_MAXIMUM",
            Self::TransitionNotText(_) => "PATCH_TRANSITION_TYPE_INVALID",
            Self::TransitionNotAllowed(_) => "PATCH_TRANSITION_NOT_ALLOWED",
        }
    }
}

impl ProposalRules {
    /// The patch that these checked arguments ask for.
    pub fn patch_of(&self, arguments: &BTreeMap<String, Scalar>) -> Result<Columns, PatchRefusal> {
        let bound = self.patch.iter().filter_map(|(column, binding)| {
            let value = match binding {
                Binding::Fixed(value) => Some(value),
                Binding::FromArg(name) => arguments.get(name),
            };
            value.map(|value| (column.clone(), value.clone()))
        });
        let patch: Columns = bound.collect();
        if patch.is_empty() { Err(PatchRefusal::Empty) } else { Ok(patch) }
    }

    /// Whether the rules allow this patch of a row that read like this: columns, bounds, transitions.
    pub fn permit(&self, before: &Columns, patch: &Columns) -> Result<(), PatchRefusal> {
        if patch.is_empty() {
            return Err(PatchRefusal::Empty);
        }
        for (column, value) in patch {
            if !self.allowed_columns.contains(column) {
                return Err(PatchRefusal::ColumnNotAllowed(column.clone()));
            }
            self.within_bounds(column, value)?;
            self.may_follow(column, before, value)?;
        }
        Ok(())
    }

    fn within_bounds(&self, column: &Identifier, value: &Scalar) -> Result<(), PatchRefusal> {
        self.numeric_bounds.get(column).map_or(Ok(()), |bound| bound.check(column, value))
    }

    fn may_follow(&self, column: &Identifier, before: &Columns, value: &Scalar) -> Result<(), PatchRefusal> {
        let Some(guard) = self.transition_guards.get(column) else { return Ok(()) };
        let present = before.get(&guard.from_column).and_then(Scalar::as_str);
        let (Some(present), Some(next)) = (present, value.as_str()) else {
            return Err(PatchRefusal::TransitionNotText(column.clone()));
        };
        let allowed = guard.allowed.get(present).is_some_and(|states| states.iter().any(|state| state == next));
        if allowed { Ok(()) } else { Err(PatchRefusal::TransitionNotAllowed(column.clone())) }
    }
}

impl NumericBound {
    /// Whether the value of this column is within the bound.
    pub(crate) fn check(self, column: &Identifier, value: &Scalar) -> Result<(), PatchRefusal> {
        let number = match value {
            Scalar::Number(number) => Decimal::parse(&number.to_string()),
            // Decimals and large integers travel as text.
            Scalar::String(text) => Decimal::parse(text),
            Scalar::Null | Scalar::Bool(_) => None,
        };
        let number = number.ok_or_else(|| PatchRefusal::NotANumber(column.clone()))?;
        let compare = |bound: &Number| Decimal::parse(&bound.to_string()).map(|bound| number.cmp(&bound));
        if let Some(minimum) = self.minimum.filter(|minimum| compare(minimum).is_none_or(Ordering::is_lt)) {
            return Err(PatchRefusal::BelowMinimum { column: column.clone(), minimum });
        }
        if let Some(maximum) = self.maximum.filter(|maximum| compare(maximum).is_none_or(Ordering::is_gt)) {
            return Err(PatchRefusal::AboveMaximum { column: column.clone(), maximum });
        }
        Ok(())
    }
}

impl Serialize for NumericBound {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.minimum.map(Scalar::Number), self.maximum.map(Scalar::Number)).serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
