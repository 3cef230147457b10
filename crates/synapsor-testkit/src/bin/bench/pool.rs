//! What does the read alone cost? The same row through the bare driver of the engine, with a pool of the runner's size.

use std::sync::atomic::{AtomicU64, Ordering};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use mysql_async::prelude::Queryable;
use mysql_async::{Opts, OptsBuilder, PoolConstraints, PoolOpts};
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::{Config, NoTls};

use crate::load::Load;
use crate::plan::Plan;
use crate::shop::{Engine, INVOICES, POOL};

/// The columns and conditions of the runner's read, with the driver's own types.
const READ: &str = "select id, customer_id, status, amount_cents, late_fee_cents, waiver_reason, tenant_id from invoices where ";

static CALLS: AtomicU64 = AtomicU64::new(1);

/// One reader at the shared pool.
pub(crate) enum PoolRead {
    Postgres(Pool),
    Mysql(mysql_async::Pool),
    /// A connection of its own: there is no server to share.
    Sqlite(Connection),
}

/// This many readers at one pool of the runner's size.
pub(crate) fn readers(plan: &Plan, engine: Engine, count: usize) -> Vec<PoolRead> {
    let address = plan.shop(engine).address();
    match engine {
        Engine::Postgres => {
            let pool = postgres(&address);
            (0..count).map(|_| PoolRead::Postgres(pool.clone())).collect()
        }
        Engine::Mysql => {
            let pool = mysql(&address);
            (0..count).map(|_| PoolRead::Mysql(pool.clone())).collect()
        }
        Engine::Sqlite => {
            let open = || Connection::open_with_flags(&address, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the shop is a file");
            (0..count).map(|_| PoolRead::Sqlite(open())).collect()
        }
    }
}

fn postgres(url: &str) -> Pool {
    let config: Config = url.parse().expect("the address of the server is valid");
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    Pool::builder(manager).max_size(POOL).build().expect("a pool needs no more")
}

fn mysql(url: &str) -> mysql_async::Pool {
    let size = PoolConstraints::new(POOL, POOL).expect("the bounds are in order");
    // A connection that is reset forgets its prepared statements.
    let options = PoolOpts::default().with_constraints(size).with_reset_connection(false);
    let server = Opts::from_url(url).expect("the address of the server is valid");
    mysql_async::Pool::new(OptsBuilder::from_opts(server).prefer_socket(false).pool_opts(options))
}

impl Load for PoolRead {
    async fn once(&mut self) -> bool {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let invoice = format!("INV-{}", call.wrapping_mul(7919) % INVOICES as u64);
        let found = match self {
            Self::Postgres(pool) => {
                let client = pool.get().await.expect("the pool has connections");
                let statement =
                    client.prepare_cached(&format!("{READ}id = $1 and tenant_id = $2 limit 2")).await.expect("the statement is valid");
                client.query(&statement, &[&invoice, &"acme"]).await.expect("the server answers").len()
            }
            Self::Mysql(pool) => {
                let mut client = pool.get_conn().await.expect("the pool has connections");
                let statement = format!("{READ}id = ? and tenant_id = ? limit 2");
                let rows: Vec<mysql_async::Row> = client.exec(statement, (invoice, "acme")).await.expect("the server answers");
                rows.len()
            }
            Self::Sqlite(file) => {
                let mut statement =
                    file.prepare_cached(&format!("{READ}id = ?1 and tenant_id = ?2 limit 2")).expect("the statement is valid");
                let rows = statement.query_map((invoice, "acme"), |row| row.get::<_, String>(0)).expect("the file can be read");
                rows.count()
            }
        };
        assert!(found == 1, "the invoice is there");
        true
    }
}
