//! What does the read alone cost? The same row through a bare pool of tokio-postgres connections.

use std::sync::atomic::{AtomicU64, Ordering};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::{Config, NoTls};

use crate::load::Load;
use crate::plan::Plan;
use crate::shop::{INVOICES, POOL};

/// The columns and conditions of the runner's read, with the driver's own types.
const READ: &str = "select id, customer_id, status, amount_cents, late_fee_cents, waiver_reason, tenant_id from invoices \
    where id = $1 and tenant_id = $2 limit 2";

static CALLS: AtomicU64 = AtomicU64::new(1);

/// One reader at the shared pool.
pub(crate) struct PoolRead(Pool);

/// This many readers at one pool of the runner's size.
pub(crate) fn readers(plan: &Plan, count: usize) -> Vec<PoolRead> {
    let config: Config = plan.shop.url().parse().expect("the address of the server is valid");
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager).max_size(POOL).build().expect("a pool needs no more");
    (0..count).map(|_| PoolRead(pool.clone())).collect()
}

impl Load for PoolRead {
    async fn once(&mut self) -> bool {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let invoice = format!("INV-{}", call.wrapping_mul(7919) % INVOICES as u64);
        let client = self.0.get().await.expect("the pool has connections");
        let statement = client.prepare_cached(READ).await.expect("the statement is valid");
        let rows = client.query(&statement, &[&invoice, &"acme"]).await.expect("the server answers");
        assert!(rows.len() == 1, "the invoice is there");
        true
    }
}
