//! What is there after the process was killed between any two instructions.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use synapsor_ledger::{ReadRecord, Recorded};

use crate::fixture::{audit, child, child_folder, child_of, evidence, open_in, proposal};

/// Kills a process that records as fast as it can, five times, and looks for all that it was told is on record.
#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = child_folder();
    let mut answered = BTreeSet::new();
    for round in 0..5_u64 {
        let mut process = child("crash::child_records_until_it_is_killed", folder.path(), None);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(250 + 37 * round));
        process.kill().unwrap();
        process.wait().unwrap();
        let said = reader.join().unwrap();
        answered.extend(said.iter().filter_map(|line| line.strip_prefix("recorded ")).map(str::to_owned));
        let ledger = open_in(folder.path());
        let verified = ledger.operator().verify().await.unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
        let mut select = connection.prepare("SELECT evidence_id FROM evidence UNION ALL SELECT proposal_id FROM proposals").unwrap();
        let found: BTreeSet<String> = select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(answered.is_subset(&found), "{:?} are lost", answered.difference(&found));
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        // A read is two rows or none, a proposal all of its rows or none.
        let halves: i64 = connection
            .query_row("SELECT (SELECT count(*) FROM evidence) - (SELECT count(*) FROM query_audit)", [], |row| row.get(0))
            .unwrap();
        assert_eq!((halves, verified.proposals > 0), (0, true));
    }
    assert!(answered.len() > 20, "only {} were answered", answered.len());
}

/// Says what is on record only after it was answered so.
#[tokio::test]
async fn child_records_until_it_is_killed() {
    let Some(folder) = child_of() else { return };
    let ledger = open_in(&folder);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let agent = ledger.agent();
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let shown = evidence("INV-1");
                    let id = shown.evidence_id.clone();
                    agent.record_read(ReadRecord { evidence: Some(shown), audit: audit("INV-1") }).await.unwrap();
                    println!("\nrecorded {id}");
                    let object = format!("INV-{}-{writer}-{number}", std::process::id());
                    if let Recorded::Created(proposal) = agent.record_proposal(proposal(&object, "paid")).await.unwrap() {
                        println!("\nrecorded {}", proposal.id());
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}
