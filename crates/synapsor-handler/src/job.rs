//! What is an effect asked to do?

use std::sync::Arc;

use synapsor_protocol::Columns;
use synapsor_protocol::handler::Order;

use crate::fields::Fields;

/// One approved change of one row, for the effect that carries it out. Cheap to clone.
///
/// Everything in it was authenticated; the row is locked, has the trusted key and tenant, and is still the version that was
/// approved.
///
/// ```
/// use synapsor_handler::{FieldError, Job};
///
/// fn credit(job: &Job) -> Result<String, FieldError> {
///     let cents = job.patch().integer("credit_cents")?;
///     let status = job.row().text("status")?;
///     Ok(format!("{cents} for {} of {}, which is {status}", job.object_id(), job.tenant_id()))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Job {
    order: Arc<Order>,
    row: Arc<Columns>,
}

impl Job {
    pub(crate) fn new(order: Order) -> Self {
        Self { order: Arc::new(order), row: Arc::default() }
    }

    /// The same job with the row that was locked: for a [`Store`](crate::Store) of the application's own.
    #[must_use]
    pub fn with_row(mut self, row: Columns) -> Self {
        self.row = Arc::new(row);
        self
    }

    /// The proposal that was approved.
    pub fn proposal_id(&self) -> &str {
        self.order.proposal_id.as_str()
    }

    /// The operation: the same for every attempt, and the key under which outside services should know it.
    pub fn operation_id(&self) -> &str {
        self.order.operation_id.as_str()
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.order.attempt
    }

    /// The capability.
    pub fn action(&self) -> &str {
        &self.order.action
    }

    /// The tenant, as text.
    pub fn tenant_id(&self) -> &str {
        &self.order.tenant_id
    }

    /// The row's key, as text.
    pub fn object_id(&self) -> &str {
        &self.order.object_id
    }

    /// On whose behalf the change was proposed.
    pub fn principal(&self) -> &str {
        &self.order.principal
    }

    /// Who approved it, if the request says.
    pub fn approver(&self) -> Option<&str> {
        self.order.approved_by.as_deref()
    }

    /// Whether this is a rehearsal: everything is rolled back, whatever the effect returns. Only an effect that was registered
    /// as rehearsable ever sees that; it must do nothing outside the transaction then.
    pub fn is_rehearsal(&self) -> bool {
        self.order.dry_run
    }

    /// What was approved: columns, and parameters that are none.
    pub fn patch(&self) -> Fields<'_> {
        Fields::new("patch", &self.order.patch)
    }

    /// The row as the reviewer saw it; empty if the request does not say.
    pub fn before(&self) -> Fields<'_> {
        Fields::new("before", &self.order.before)
    }

    /// The row as it is locked now: every column that can be carried.
    pub fn row(&self) -> Fields<'_> {
        Fields::new("row", &self.row)
    }

    /// The whole request, for a [`Store`](crate::Store) of the application's own.
    pub fn order(&self) -> &Order {
        &self.order
    }
}
