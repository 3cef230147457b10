//! What if the effect ends our transaction? No effect of the runner can; an application's may.

use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::{Digest, Identifier, OperationId, Report, Secret};
use synapsor_testkit::{Folder, Mysql, Postgres, as_mysql, sqlite};

use super::session::{Effect, Row, Session, Verified};
use super::target::Target;
use super::transaction::{self, Stop};
use super::{Advance, Change, Claim, Guard, ReceiptTable, WriteSource};
use crate::{Engine, Location, SourceSettings, TableUse};

/// An effect that ends the transaction around it.
enum Escape {
    Commits,
    RollsBack,
}

impl Effect for Escape {
    async fn run<S: Session>(&self, session: &mut S, _: &Target<'_>, _: &Row) -> Result<(), Stop> {
        match self {
            Self::Commits => {
                session.commit().await.map_err(|error| Stop::failed(synapsor_protocol::ErrorCode::COMMIT_UNKNOWN, format!("{error:?}")))
            }
            Self::RollsBack => {
                session.rollback().await;
                Ok(())
            }
        }
    }

    fn verify(&self, _: &Target<'_>, _: &Row, _: &[Row]) -> Result<Verified, Stop> {
        Ok(Verified::default())
    }
}

fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

fn writer(location: Location) -> WriteSource {
    let receipts = ReceiptTable { schema: None, table: name("synapsor_writeback_receipts") };
    WriteSource::open(SourceSettings::new("desk", location), receipts).unwrap()
}

async fn change(writer: &WriteSource, schema: &str, attempt: u32) -> Change {
    let usage = TableUse {
        schema: name(schema),
        table: name("tickets"),
        primary_key: name("id"),
        tenant_key: Some(name("tenant_id")),
        columns: Vec::new(),
        patch: vec![name("status")],
        version: Some(name("version")),
        writes: true,
    };
    let table = writer.check(&usage).await.unwrap().table.unwrap();
    Change {
        claim: Claim {
            operation_id: OperationId::new("wrp_1:T-1").unwrap(),
            proposal_id: ProposalId::new("wrp_1").unwrap(),
            proposal_hash: Digest::of_bytes(b"close it"),
            job_id: JobId::new("wbj_1").unwrap(),
            attempt,
            action: "desk.close_ticket".to_owned(),
        },
        key: table.key(&"T-1".into()).unwrap(),
        tenant: Some(table.tenant(&"acme".into()).unwrap()),
        guard: Guard::Version { column: name("version"), expected: 1.into(), advance: Advance::Auto, row: None },
        patch: vec![(name("status"), table.value(&name("status"), &"closed".into()).unwrap())],
        table,
    }
}

async fn escape(writer: &WriteSource, schema: &str, effect: Escape) -> Report {
    let change = change(writer, schema, 1).await;
    let target = Target::new(&change).unwrap();
    match &writer.engine {
        Engine::Sqlite(sqlite) => {
            let mut session = sqlite.session(&writer.receipts).await.unwrap();
            writer.prepare(&mut session).await.unwrap();
            transaction::apply(&mut session, &target, &effect).await
        }
        Engine::Mysql(mysql) => {
            let mut session = mysql.session(&writer.receipts).await.unwrap();
            writer.prepare(&mut session).await.unwrap();
            transaction::apply(&mut session, &target, &effect).await
        }
        Engine::Postgres(postgres) => {
            let mut session = postgres.session(&writer.receipts).await.unwrap();
            writer.prepare(&mut session).await.unwrap();
            transaction::apply(&mut session, &target, &effect).await
        }
    }
}

/// Whatever the effect did to our transaction, the answer is `unknown`, and no later attempt runs it again.
async fn check(writer: &WriteSource, schema: &str, effect: Escape) {
    let report = escape(writer, schema, effect).await;
    assert_eq!((report.outcome.as_str(), report.code.unwrap().as_str()), ("unknown", "TRANSACTION_ENDED_BY_EFFECT"), "{:?}", report.detail);
    assert_eq!(report.detail.unwrap(), "the effect ended the transaction; look at the row");
    let next = writer.apply(&change(writer, schema, 2).await).await;
    assert_eq!((next.outcome.as_str(), next.code.unwrap().as_str()), ("unknown", "IDEMPOTENCY_RECEIPT_IN_PROGRESS"));
}

#[tokio::test]
async fn an_effect_that_ends_our_transaction_on_sqlite_is_unknown_and_not_repeated() {
    for effect in [Escape::Commits, Escape::RollsBack] {
        let folder = Folder::new();
        check(&writer(Location::Sqlite(sqlite::support_desk(&folder))), "main", effect).await;
    }
}

#[tokio::test]
async fn an_effect_that_ends_our_transaction_on_postgres_is_unknown_and_not_repeated() {
    for effect in [Escape::Commits, Escape::RollsBack] {
        let Some(database) = Postgres::shared() else { return };
        database.execute(sqlite::SUPPORT_DESK);
        check(&writer(Location::Postgres(Secret::new(database.url()))), "public", effect).await;
    }
}

#[tokio::test]
async fn an_effect_that_ends_our_transaction_on_mysql_is_unknown_and_not_repeated() {
    for effect in [Escape::Commits, Escape::RollsBack] {
        let Some(database) = Mysql::shared() else { return };
        database.execute(&as_mysql(sqlite::SUPPORT_DESK));
        check(&writer(Location::Mysql(Secret::new(database.url()))), database.name(), effect).await;
    }
}
