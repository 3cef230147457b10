//! What happens to the others when one member, or the whole batch, goes wrong.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::Batch;
use crate::LedgerError;
use crate::ledger::{Ledger, OpenOptions};

type Work = Box<dyn FnOnce(&mut Batch<'_>) -> Result<(), LedgerError> + Send>;

fn open(folder: &TempDir) -> Ledger {
    Ledger::open(&folder.path().join("ledger.db"), OpenOptions::default()).unwrap()
}

fn insert(id: &'static str) -> Work {
    Box::new(move |batch| {
        batch.connection.execute(
            "INSERT INTO diagnostics (diagnostic_id, tenant_id, commit_number, body_json) VALUES (?1, NULL, ?2, '{}')",
            (id, batch.commit),
        )?;
        Ok(())
    })
}

fn sql(statements: &'static str) -> Work {
    Box::new(move |batch| Ok(batch.connection.execute_batch(statements)?))
}

/// Runs these in one batch, and says what each was told and what is in the file afterwards.
async fn check(works: Vec<Work>) -> String {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    let slow: Work = Box::new(|_| {
        // Everybody else is in the queue by then.
        std::thread::sleep(Duration::from_millis(5));
        Ok(())
    });
    let asked: Vec<_> = std::iter::once(slow)
        .chain(works)
        .map(|work| {
            let writer = ledger.writer.clone();
            tokio::spawn(async move { writer.write(work).await })
        })
        .collect();
    let mut said = Vec::new();
    for answer in asked {
        said.push(answer.await.unwrap().map_or_else(|error| error.to_string(), |()| "done".to_owned()));
    }
    said.remove(0);
    // Whatever happened, the next one is served.
    ledger.writer.write(insert("next")).await.unwrap();
    format!("{} | {}", said.join(", "), stored(&folder.path().join("ledger.db")))
}

fn stored(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT diagnostic_id FROM diagnostics ORDER BY 1").unwrap();
    let ids: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    ids.join(" ")
}

#[tokio::test]
async fn a_member_that_fails_takes_only_its_own_work_with_it() {
    let half: Work = Box::new(|batch| {
        insert("half")(batch)?;
        Err(LedgerError::Closed)
    });
    insta::assert_snapshot!(check(vec![insert("a"), half, insert("b")]).await, @"done, the ledger is closed, done | a b next");
}

#[tokio::test]
async fn a_statement_that_fails_is_undone_with_its_member() {
    insta::assert_snapshot!(check(vec![insert("a"), insert("a"), sql("NO SUCH STATEMENT"), insert("b")]).await, @"done, the ledger's engine failed, the ledger's engine failed, done | a b next");
}

#[tokio::test]
async fn when_the_transaction_is_gone_nobody_is_told_that_it_was_done() {
    let rollback: Work = Box::new(|batch| {
        batch.connection.execute_batch("ROLLBACK")?;
        Err(LedgerError::Full)
    });
    insta::assert_snapshot!(check(vec![insert("a"), rollback, insert("b")]).await, @"the ledger took the transaction back, the ledger's disk is full, done | b next");
}

#[tokio::test]
async fn a_commit_that_fails_is_unsettled_for_all_and_the_handle_is_replaced() {
    let orphan = "PRAGMA defer_foreign_keys = ON; \
        INSERT INTO writeback_jobs (proposal_id, writeback_job_id, attempt, created_at) VALUES ('wrp_nowhere', 'wbj', 0, '')";
    insta::assert_snapshot!(check(vec![insert("a"), sql(orphan), insert("b")]).await, @"the ledger could not commit, and does not know if it did, the ledger could not commit, and does not know if it did, the ledger could not commit, and does not know if it did | next");
}

#[tokio::test]
async fn a_full_disk_is_called_so() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder);
    ledger.writer.write(sql("PRAGMA max_page_count = 1")).await.unwrap();
    let fill: Work = Box::new(|batch| {
        let body = "x".repeat(1 << 20);
        batch
            .connection
            .execute("INSERT INTO diagnostics (diagnostic_id, tenant_id, commit_number, body_json) VALUES ('full', NULL, 1, ?1)", [body])?;
        Ok(())
    });
    let refusal = ledger.writer.write(fill).await.unwrap_err();
    assert!(matches!(refusal, LedgerError::Full), "{refusal}");
    insta::assert_snapshot!(stored(&folder.path().join("ledger.db")), @"");
}
