//! What does a worker do so that the ledger does not grow for ever?
//!
//! It removes what the configuration keeps no longer, when it begins and then every hour. What may go is decided by the ledger alone.

use std::time::Duration;

use synapsor_config::Retention;
use synapsor_ledger::{Cutoffs, Pruned};
use synapsor_protocol::Timestamp;
use synapsor_protocol::chain::chain;

use crate::port::OperatorPort;
use crate::worker::Chore;

/// How often a worker looks for what is old.
const EVERY: Duration = Duration::from_secs(3600);

/// The chore of a worker, where the configuration says for how long something is kept.
pub(crate) fn chore(port: &OperatorPort) -> Option<Chore> {
    let retention = port.config.retention;
    if retention == Retention::default() {
        return None;
    }
    let (ledger, account) = (port.ledger.clone(), port.identity.account().to_owned());
    Some(Chore::new("retention", EVERY, move || {
        let (ledger, account, cutoffs) = (ledger.clone(), account.clone(), cutoffs(retention, Timestamp::now()));
        Box::pin(async move {
            let pruned = ledger.prune(cutoffs, &account, false).await;
            pruned.map(|pruned| told(&pruned)).map_err(|error| chain(&error))
        })
    }))
}

fn cutoffs(retention: Retention, now: Timestamp) -> Cutoffs {
    let before = |kept: Option<Duration>| kept.map(|kept| now.before(kept));
    Cutoffs { reads: before(retention.reads), proposals: before(retention.proposals) }
}

/// What was removed; nothing if nothing was. What does not verify is told each time: somebody must look.
fn told(pruned: &Pruned) -> Option<String> {
    let rows: u64 = pruned.deleted.values().sum();
    let removed = (rows > 0).then(|| {
        let tables: Vec<String> = pruned.deleted.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
        format!("removed {rows} rows ({})", tables.join(", "))
    });
    let altered = (pruned.altered > 0).then(|| format!("{} old records stay because they do not verify", pruned.altered));
    let told: Vec<String> = removed.into_iter().chain(altered).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{Cutoffs, Duration, Pruned, Retention, Timestamp, cutoffs, told};

    #[test]
    fn what_is_kept_for_ever_has_no_cutoff() {
        let now = Timestamp::parse("2026-03-31T12:00:00Z").unwrap();
        let retention = Retention { reads: Some(Duration::from_secs(30 * 86_400)), proposals: None };
        assert_eq!(cutoffs(retention, now), Cutoffs { reads: Timestamp::parse("2026-03-01T12:00:00Z"), proposals: None });
    }

    #[test]
    fn nothing_is_told_of_nothing() {
        assert_eq!(told(&Pruned::default()), None);
        let pruned = Pruned { deleted: [("evidence".to_owned(), 2), ("query_audit".to_owned(), 3)].into(), altered: 1 };
        insta::assert_snapshot!(told(&pruned).unwrap(), @"removed 5 rows (evidence 2, query_audit 3); 1 old records stay because they do not verify");
    }
}
