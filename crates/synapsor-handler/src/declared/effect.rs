//! How is a declared effect carried out?
//!
//! Like one in code: through the [`Tx`] alone, which adds the tenant, holds names against the catalog and binds values. What
//! goes wrong is told with the step, and without any value.

use std::cmp::Ordering;
use std::sync::Arc;

use synapsor_protocol::{Scalar, Timestamp};
use synapsor_source::guarded::OpenTable;

use super::config::{Assignment, EffectPlan, Expression, From, Requirement, Step, Test, Verb};
use super::value::{Given, ValueFault, compare, forms, same};
use crate::effect::{Done, Effect, EffectError, EffectFuture};
use crate::job::Job;
use crate::tx::{Tx, TxError};

/// The effect of a plan.
pub(crate) struct DeclaredEffect(Arc<EffectPlan>);

impl DeclaredEffect {
    pub(crate) fn new(plan: EffectPlan) -> Self {
        Self(Arc::new(plan))
    }
}

impl Effect for DeclaredEffect {
    fn apply(&self, job: Job, tx: Tx) -> EffectFuture<'_> {
        Box::pin(run(&self.0, job, tx))
    }

    fn target(&self) -> Option<&str> {
        Some(&self.0.target)
    }
}

async fn run(plan: &EffectPlan, job: Job, tx: Tx) -> Result<Done, EffectError> {
    let mut given = Given::new(&job, Timestamp::now());
    for requirement in &plan.requirements {
        if !holds(requirement, &mut given).map_err(|fault| EffectError::refuse(fault.to_string()))? {
            return Err(EffectError::refuse(requirement.message.clone()));
        }
    }
    let mut done = Done::new();
    for (number, step) in (1..).zip(&plan.steps) {
        carry_out(step, &mut given, &tx).await.map_err(|fault| fault.in_step(number, step))?;
        done = done.effect(match step.verb {
            Verb::Insert => "db.insert",
            Verb::Update => "db.update",
            Verb::Delete => "db.delete",
        });
    }
    Ok(done)
}

fn holds(requirement: &Requirement, given: &mut Given<'_>) -> Result<bool, ValueFault> {
    let value = given.value(&requirement.value.value)?;
    let mut others = Vec::new();
    for other in requirement.test.values() {
        others.push(given.value(&other.value)?);
    }
    let within = |accepted: Ordering| others.iter().all(|bound| compare(&value, bound).is_some_and(|found| found != accepted));
    Ok(match requirement.test {
        Test::Equals(_) | Test::In(_) => others.iter().any(|other| same(&value, other)),
        Test::NotIn(_) => !others.iter().any(|other| same(&value, other)),
        Test::AtLeast(_) => within(Ordering::Less),
        Test::AtMost(_) => within(Ordering::Greater),
    })
}

async fn carry_out(step: &Step, given: &mut Given<'_>, tx: &Tx) -> Result<(), StepFault> {
    let table = tx.open_table(&step.table)?;
    let set = bound(&step.set, table, given)?;
    let filter = bound(&step.filter, table, given)?;
    let rows = match step.verb {
        Verb::Insert => tx.insert(&step.table, &set).await.map(|()| 1)?,
        Verb::Update => tx.update(&step.table, &set, &filter).await?,
        Verb::Delete => tx.delete(&step.table, &filter).await?,
    };
    if step.rows.hold(rows) { Ok(()) } else { Err(StepFault::Rows { found: rows, step: step.rows }) }
}

/// The columns with their values, a moment in the form that its column holds.
fn bound<'s>(assignments: &'s [Assignment], table: &OpenTable, given: &mut Given<'_>) -> Result<Vec<(&'s str, Scalar)>, ValueFault> {
    let mut values = Vec::with_capacity(assignments.len());
    for Assignment { column, value, .. } in assignments {
        let bound = match value {
            Expression::From { from: From::Now, .. } => {
                let held = forms(given.now()).find(|form| table.check(column, form).is_ok());
                held.map_or_else(|| given.value(value), Ok)?
            }
            _ => given.value(value)?,
        };
        values.push((column.as_str(), bound));
    }
    Ok(values)
}

/// Why a step did not do what it says.
#[derive(Debug)]
enum StepFault {
    Value(ValueFault),
    Tx(TxError),
    Rows { found: u64, step: super::config::Rows },
}

impl std::convert::From<ValueFault> for StepFault {
    fn from(fault: ValueFault) -> Self {
        Self::Value(fault)
    }
}

impl std::convert::From<TxError> for StepFault {
    fn from(error: TxError) -> Self {
        Self::Tx(error)
    }
}

impl StepFault {
    /// What the sender is told, and for the log what the database said.
    fn in_step(self, number: usize, step: &Step) -> EffectError {
        let place = format!("step {number} ({} `{}`)", step.verb.as_str(), step.table);
        match self {
            Self::Value(fault) => EffectError::refuse(format!("{place}: {fault}")),
            Self::Tx(error) if error.lost => {
                let reason = Some(format!("{place}: the database refused it"));
                EffectError { detail: format!("{place}: {error}"), reason }
            }
            Self::Tx(error) => EffectError::refuse(format!("{place}: {error}")),
            Self::Rows { found, step } => EffectError::refuse(format!("{place}: {found} rows, not {}", expected(step))),
        }
    }
}

fn expected(rows: super::config::Rows) -> String {
    match (rows.min, rows.max) {
        (min, Some(max)) if min == max => min.to_string(),
        (min, Some(max)) => format!("{min} to {max}"),
        (min, None) => format!("{min} or more"),
    }
}
