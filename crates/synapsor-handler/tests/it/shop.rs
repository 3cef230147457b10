//! Which application is tested, on whichever engine?

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use synapsor_handler::{Builder, Done, EffectError, Handler, Job, Table, Tx};
use synapsor_testkit::{Folder, Mysql, Postgres, sqlite};

/// Runs each behaviour once per engine.
macro_rules! on_each_engine {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                super::$behaviour(&crate::shop::Shop::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                let Some(shop) = crate::shop::Shop::postgres() else { return };
                super::$behaviour(&shop).await;
            })*
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                let Some(shop) = crate::shop::Shop::mysql() else { return };
                super::$behaviour(&shop).await;
            })*
        }
    };
}
pub(crate) use on_each_engine;

/// A snapshot that holds on every engine.
macro_rules! assert_snapshot {
    ($value:expr, @$expected:literal) => {
        let value = $value;
        insta::allow_duplicates! { insta::assert_snapshot!(value, @$expected) }
    };
}
pub(crate) use assert_snapshot;

pub(crate) use synapsor_testkit::asking::TOKEN;

const CREDITS: &str = "create table credits (operation_id text not null, tenant_id text not null, invoice_id text not null, \
     cents bigint not null check (cents < 1000000), primary key (operation_id));";

/// The sample business, and how often its effects were begun.
pub(crate) struct Shop {
    kind: Kind,
    pub(crate) runs: Arc<AtomicUsize>,
}

enum Kind {
    Sqlite { _folder: Folder, path: PathBuf },
    Postgres(Postgres),
    Mysql(Mysql),
}

impl Shop {
    pub(crate) fn sqlite() -> Self {
        let folder = Folder::new();
        let path = sqlite::support_desk(&folder);
        Self::with(Kind::Sqlite { _folder: folder, path })
    }

    pub(crate) fn postgres() -> Option<Self> {
        let shop = Self::with_empty(Kind::Postgres(Postgres::shared()?));
        shop.execute(sqlite::SUPPORT_DESK);
        shop.execute(CREDITS);
        Some(shop)
    }

    pub(crate) fn mysql() -> Option<Self> {
        let shop = Self::with_empty(Kind::Mysql(Mysql::shared()?));
        shop.execute(sqlite::SUPPORT_DESK);
        shop.execute(CREDITS);
        Some(shop)
    }

    fn with(kind: Kind) -> Self {
        let shop = Self::with_empty(kind);
        shop.execute(CREDITS);
        shop
    }

    fn with_empty(kind: Kind) -> Self {
        Self { kind, runs: Arc::default() }
    }

    pub(crate) fn execute(&self, sql: &str) {
        match &self.kind {
            Kind::Sqlite { path, .. } => sqlite::execute(path, sql),
            Kind::Postgres(database) => database.execute(sql),
            Kind::Mysql(database) => database.execute(&as_mysql(sql)),
        }
    }

    pub(crate) fn table(&self, sql: &str) -> String {
        match &self.kind {
            Kind::Sqlite { path, .. } => sqlite::table(path, sql),
            Kind::Postgres(database) => database.table(sql),
            Kind::Mysql(database) => database.table(&as_mysql(sql)),
        }
    }

    pub(crate) fn schema(&self) -> &str {
        match &self.kind {
            Kind::Sqlite { .. } => "main",
            Kind::Postgres(_) => "public",
            Kind::Mysql(database) => database.name(),
        }
    }

    /// The sample's credits in a database that has the rest.
    pub(crate) fn on(database: Postgres) -> Self {
        Self::with(Kind::Postgres(database))
    }

    pub(crate) fn server(&self) -> &Postgres {
        match &self.kind {
            Kind::Postgres(database) => database,
            Kind::Sqlite { .. } | Kind::Mysql(_) => panic!("this shop is not on PostgreSQL"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.kind {
            Kind::Sqlite { path, .. } => path.clone(),
            Kind::Postgres(_) | Kind::Mysql(_) => panic!("only SQLite has a path"),
        }
    }

    /// The invoices of `acme`, the credits, and the receipts, as a person sees them.
    pub(crate) fn shown(&self) -> String {
        let invoices = self.table("select id, tenant_id, status, version from invoices where id = 'INV-1' order by tenant_id");
        let credits = self.table("select operation_id, tenant_id, invoice_id, cents from credits order by operation_id");
        format!("{invoices}\n{credits}")
    }

    pub(crate) fn receipts(&self) -> String {
        self.table("select operation_id, attempt, status from synapsor_handler_receipts order by operation_id")
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// A handler with nothing but its database and its tables.
    pub(crate) fn bare(&self) -> Builder {
        let builder = Handler::builder().statement_timeout(Duration::from_secs(10));
        let builder = match &self.kind {
            Kind::Sqlite { path, .. } => builder.sqlite(path),
            Kind::Postgres(database) => builder.postgres(database.url()),
            Kind::Mysql(database) => builder.mysql(database.url()),
        };
        let builder = builder.table(Table::new("invoices", "tenant_id").key("id"));
        builder.table(Table::new("credits", "tenant_id")).table(Table::new("tickets", "tenant_id"))
    }

    /// The handler with a token and the usual effects.
    pub(crate) fn handler(&self) -> Handler {
        let runs = self.runs.clone();
        let counted = move |job: Job, tx: Tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            credit(job, tx)
        };
        let builder = self.bare().bearer_token(TOKEN).effect("billing.credit", counted.clone());
        builder.rehearsable_effect("billing.credit_or_try", counted).build().unwrap()
    }

    /// The handler with a token and one effect, for the action `billing.credit`.
    pub(crate) fn with_effect<F, W>(&self, effect: F) -> Handler
    where
        F: Fn(Job, Tx) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Done, EffectError>> + Send + 'static,
    {
        self.bare().bearer_token(TOKEN).effect("billing.credit", effect).build().unwrap()
    }
}

/// Where its rows are.
impl AsRef<str> for Shop {
    fn as_ref(&self) -> &str {
        self.schema()
    }
}

/// A row in `credits` and the invoice's new status.
pub(crate) async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    insert(&job, &tx).await?;
    tx.update("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.insert").effect("db.update"))
}

/// The row in `credits` alone.
pub(crate) async fn insert(job: &Job, tx: &Tx) -> Result<(), EffectError> {
    let cents = job.patch().integer("credit_cents")?;
    let values = [("operation_id", job.operation_id().into()), ("invoice_id", job.object_id().into()), ("cents", cents.into())];
    Ok(tx.insert("credits", &values).await?)
}

/// The statements of the other engines as MySQL reads them: there a text that is a key has a length.
fn as_mysql(sql: &str) -> String {
    const TEXT: &str = " varchar(191) collate utf8mb4_nopad_bin";
    sql.replace("subject text", "subject longtext")
        .replace(" text ", &format!("{TEXT} "))
        .replace(" text,", &format!("{TEXT},"))
        .replace(" text)", &format!("{TEXT})"))
}
