//! How many guarded transactions run per second by themselves? The floor of whatever applies changes.

use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::{Digest, Identifier, OperationId, Outcome, Scalar};
use synapsor_source::guarded::{Advance, Change, Claim, Guard};
use synapsor_source::{CheckedTable, TableUse, WriteSource};

use crate::load::Load;
use crate::plane::write_source;
use crate::shop::Shop;

/// The writing side of a shop, and what its catalog says.
pub(crate) struct Bare<'a> {
    shop: &'a Shop,
    source: WriteSource,
    table: CheckedTable,
}

/// One writer and the changes that it is to make.
pub(crate) struct Writer {
    source: WriteSource,
    changes: Vec<Change>,
}

impl<'a> Bare<'a> {
    /// With this many connections.
    pub(crate) async fn open(shop: &'a Shop, connections: usize) -> Self {
        let source = write_source(shop, connections);
        let check = source.check(&usage(shop)).await.expect("the server answers");
        Self { shop, source, table: check.table.expect("the table is what the bench made") }
    }

    /// This many writers with as many changes each, of invoices that nobody touched.
    pub(crate) fn writers(&self, count: usize, each: usize) -> Vec<Writer> {
        let made =
            |_| Writer { source: self.source.clone(), changes: (0..each).map(|_| change(&self.table, &self.shop.untouched())).collect() };
        (0..count).map(made).collect()
    }
}

impl Load for Writer {
    async fn once(&mut self) -> bool {
        let Some(change) = self.changes.pop() else { return false };
        let report = self.source.apply(&change).await;
        assert!(report.outcome == Outcome::Applied, "a change was not applied: {report:?}");
        true
    }
}

fn change(table: &CheckedTable, invoice: &str) -> Change {
    let proposal_id = ProposalId::generate();
    let value = |column: &str, value: Scalar| {
        let column = name(column);
        let checked = table.value(&column, &value).expect("the value fits its column");
        (column, checked)
    };
    Change {
        claim: Claim {
            operation_id: OperationId::derive(&proposal_id, invoice),
            proposal_hash: Digest::of_bytes(proposal_id.as_str().as_bytes()),
            proposal_id,
            job_id: JobId::generate(),
            attempt: 1,
            action: "billing.propose_waiver".to_owned(),
        },
        table: table.clone(),
        key: table.key(&invoice.into()).expect("the key fits its column"),
        tenant: Some(table.tenant(&"acme".into()).expect("the tenant fits its column")),
        guard: Guard::Version { column: name("version"), expected: Scalar::from(1_i64), advance: Advance::Auto, row: None },
        patch: vec![value("late_fee_cents", Scalar::from(0_i64)), value("waiver_reason", "the customer asked".into())],
    }
}

/// As the executor uses the table for a proposal of the bench.
fn usage(shop: &Shop) -> TableUse {
    let columns = ["id", "customer_id", "status", "amount_cents", "late_fee_cents", "waiver_reason", "tenant_id", "version"];
    TableUse {
        schema: name(shop.schema()),
        table: name("invoices"),
        primary_key: name("id"),
        tenant_key: Some(name("tenant_id")),
        columns: columns.map(name).to_vec(),
        patch: ["late_fee_cents", "waiver_reason"].map(name).to_vec(),
        version: Some(name("version")),
        writes: true,
    }
}

fn name(text: &str) -> Identifier {
    Identifier::new(text).expect("the name is an identifier")
}
