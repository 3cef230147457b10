//! `store stats|verify|head|backup|restore|prune|vacuum|reset`: the ledger as a whole.
//!
//! What takes something away asks for `--yes`, and for an account that may decide. What only looks, copies or
//! gives room back asks for neither, and for no configuration where `--store` names the ledger.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use synapsor_config::Config;
use synapsor_ledger::{Cutoffs, Head, LedgerError, Open, Pruned, Restored, Stats, StoreLease, Vacuumed, Verified};
use synapsor_operator::{Account, OperatorError, identify};
use synapsor_protocol::Timestamp;

use crate::cli::{Backup, Prune, Reset, Restore, Store, Vacuum, Whole};
use crate::compose::{Setup, ledger, records};
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: Store) -> Answer<ExitCode> {
    match verb {
        Store::Stats(words) => stats(&words).await,
        Store::Verify(words) => verify(&words).await,
        Store::Head(words) => head(&words).await,
        Store::Backup(words) => backup(&words).await,
        Store::Restore(words) => restore(&words),
        Store::Prune(words) => prune(&words).await,
        Store::Vacuum(words) => vacuum(&words),
        Store::Reset(words) => reset(&words),
    }
}

async fn stats(words: &Whole) -> Answer<ExitCode> {
    let stats = records(&Setup::store(&words.place)?)?.stats().await?;
    if words.format.json {
        let tables: serde_json::Map<String, Value> = stats.tables.iter().map(|one| (one.table.to_owned(), json!(one.rows))).collect();
        answer(&stats, [("tables", Value::Object(tables))]);
        return Ok(ExitCode::SUCCESS);
    }
    let Stats { path, layout, tables, page_count, page_size, approx_bytes, log_bytes, head, between, open } = &stats;
    let mut text = String::new();
    review::line(&mut text, "ledger", output::visible(&path.display().to_string()));
    review::line(&mut text, "layout", layout);
    review::line(&mut text, "bytes", format_args!("{approx_bytes} in {page_count} pages of {page_size}, and {log_bytes} in its log"));
    if let Some([first, last]) = between {
        review::line(&mut text, "written", format_args!("from {first} to {last}"));
    }
    if let Some(Head { commit, hash }) = head {
        review::line(&mut text, "head", format_args!("commit {commit}, {hash}"));
    }
    waiting(&mut text, open);
    for rows in tables {
        text.push_str(&format!("{:<19} {}\n", rows.table, rows.rows));
    }
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// What waits, and for whom.
fn waiting(text: &mut String, open: &Open) {
    let Open { pending_review, approved, pending_worker, unresolved, dead_letters, due, paused } = open;
    review::line(text, "waiting", format_args!("{pending_review} for a decision, {approved} approved, {pending_worker} claimed"));
    if *unresolved > 0 {
        review::line(text, "unresolved", format_args!("{unresolved}; `synapsor-runner reconcile` finds out"));
    }
    if *dead_letters > 0 {
        review::line(text, "dead letters", format_args!("{dead_letters}; `synapsor-runner dead-letters list` shows them"));
    }
    let pause = if *paused { ", and workers pause" } else { "" };
    review::line(text, "due", format_args!("{due}{pause}"));
}

async fn verify(words: &Whole) -> Answer<ExitCode> {
    let verified = records(&Setup::store(&words.place)?)?.verify().await?;
    if words.format.json {
        answer(&verified, []);
        return Ok(ExitCode::SUCCESS);
    }
    told(&verified);
    Ok(ExitCode::SUCCESS)
}

fn told(Verified { head, records, proposals }: &Verified) {
    let commits = head.as_ref().map_or(0, |head| head.commit);
    output::line(format_args!("verified: {records} records in {commits} commits, {proposals} proposals"));
    if let Some(Head { commit, hash }) = head {
        output::line(format_args!("head: commit {commit}, {hash}"));
    }
}

async fn head(words: &Whole) -> Answer<ExitCode> {
    let head = records(&Setup::store(&words.place)?)?.head().await?;
    if words.format.json {
        output::json(&json!({"ok": true, "head": head}));
    } else {
        output::line(head.map_or("nothing was recorded yet".to_owned(), |Head { commit, hash }| format!("commit {commit}, {hash}")));
    }
    Ok(ExitCode::SUCCESS)
}

async fn backup(words: &Backup) -> Answer<ExitCode> {
    let ledger = ledger(&Setup::store(&words.whole.place)?)?;
    if words.file.force {
        synapsor_ledger::replaceable(&words.file.output).map_err(irreplaceable)?;
    }
    let made = ledger.backup(&words.file.output, words.file.force).await?;
    if words.whole.format.json {
        answer(&made, []);
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("wrote {} ({} bytes)", output::visible(&made.path.display().to_string()), made.bytes));
    told(&made.verified);
    Ok(ExitCode::SUCCESS)
}

fn restore(words: &Restore) -> Answer<ExitCode> {
    let (config, store) = Setup::config_if_any(&words.whole.place)?;
    let by = allowed(config.as_deref(), &store)?;
    sure(words.sure.yes, "restoring puts the backup in the place of the ledger, which is kept beside it")?;
    let Restored { path, kept, claimed, undecided, verified } =
        &synapsor_ledger::restore(&store, &words.backup, &by, words.sure.force).map_err(taken)?;
    if words.whole.format.json {
        answer(verified, [("store", json!(path)), ("kept", json!(kept)), ("claimed", json!(claimed)), ("undecided", json!(undecided))]);
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("restored {}", output::visible(&path.display().to_string())));
    if let Some(kept) = kept {
        output::line(format_args!("what it was before is {}", output::visible(&kept.display().to_string())));
    }
    told(verified);
    if !claimed.is_empty() {
        let count = output::counted(claimed.len(), "open job");
        output::line(format_args!("{count} may have been carried out since the backup; `apply` or a worker finds out:"));
        claimed.iter().for_each(|id| output::line(format_args!("  {id}")));
    }
    if !undecided.is_empty() {
        let count = output::counted(undecided.len(), "proposal");
        output::line(format_args!("{count} waiting for a decision may have been decided and carried out since; look before you approve:"));
        undecided.iter().for_each(|id| output::line(format_args!("  {id}")));
    }
    Ok(ExitCode::SUCCESS)
}

async fn prune(words: &Prune) -> Answer<ExitCode> {
    let setup = Setup::load(&words.whole.place)?;
    let cutoff = Timestamp::now().before(words.older_than);
    let cutoffs = Cutoffs { reads: Some(cutoff), proposals: Some(cutoff) };
    let removes = words.sure.yes;
    let (by, _lease) = match removes {
        // Before the ledger is opened: whoever serves from it is not to be surprised.
        true => {
            let by = allowed(Some(&setup.config), &setup.store)?;
            let lease = StoreLease::maintain(&setup.store, "prune", words.sure.force);
            (by, Some(lease.map_err(|error| worker_prunes(&error, taken(error.clone())))?))
        }
        false => (String::new(), None),
    };
    let Pruned { deleted, altered } = setup.ledger()?.prune(cutoffs, &by, !removes).await?;
    if words.whole.format.json {
        output::json(
            &json!({"ok": true, "store": setup.store, "cutoff": cutoff, "dry_run": !removes, "deleted": deleted, "altered": altered}),
        );
        return Ok(ExitCode::SUCCESS);
    }
    let all: u64 = deleted.values().sum();
    let done = if removes { "removed" } else { "would remove" };
    output::line(format_args!("{done} {all} rows of what was settled before {cutoff}"));
    for (table, rows) in &deleted {
        output::line(format_args!("{table:<19} {rows}"));
    }
    if altered > 0 {
        output::line(format_args!("{altered} old records stay because they do not verify; `synapsor-runner store verify` names one"));
    }
    if !removes && all > 0 {
        output::note("nothing was removed yet; say `--yes` to do it");
    }
    Ok(ExitCode::SUCCESS)
}

fn vacuum(words: &Vacuum) -> Answer<ExitCode> {
    let done = synapsor_ledger::vacuum(&Setup::store(&words.whole.place)?, words.force).map_err(taken)?;
    if words.whole.format.json {
        answer(&done, []);
    } else {
        let Vacuumed { before, after } = done;
        output::line(format_args!("{before} bytes before, {after} bytes now"));
    }
    Ok(ExitCode::SUCCESS)
}

fn reset(words: &Reset) -> Answer<ExitCode> {
    let setup = Setup::load(&words.whole.place)?;
    allowed(Some(&setup.config), &setup.store)?;
    sure(words.sure.yes, "a reset removes every proposal, approval and receipt on record; the business databases keep their own receipts")?;
    let removed = synapsor_ledger::reset(&setup.store, words.sure.force).map_err(taken)?;
    if words.whole.format.json {
        output::json(&json!({"ok": true, "store": setup.store, "removed": removed, "source_database_changed": false}));
        return Ok(ExitCode::SUCCESS);
    }
    for path in removed {
        output::line(format_args!("removed {}", output::visible(&path.display().to_string())));
    }
    output::line("no business database was changed");
    Ok(ExitCode::SUCCESS)
}

/// The account of this process, if it may decide. Where there is no ledger, whoever makes one will own it; where there is no configuration,
/// nobody is declared, and so the owner may.
fn allowed(config: Option<&Config>, store: &Path) -> Answer<String> {
    let account = Account::of_process();
    let owner = fs::metadata(store).map_or(account.uid, |store| store.uid());
    match config {
        Some(config) => drop(identify(config, &account, owner, None)?),
        None if account.uid == owner => {}
        None => return Err(OperatorError::NotTheOwner { account: account.name, uid: account.uid, owner }.into()),
    }
    Ok(account.name)
}

/// Beside a server there is no way around: it must end first.
fn taken(error: LedgerError) -> Failure {
    let hint = match &error {
        LedgerError::Taken { holder: Some(holder), .. } if holder.mode == "mcp" => {
            format!("stop the server first, which is pid {}; if a desktop client started it, end that client", holder.pid)
        }
        LedgerError::Taken { holder: Some(holder), .. } => format!("run the command again when pid {} has ended", holder.pid),
        LedgerError::Taken { holder: None, .. } => "stop the server first".to_owned(),
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}

/// A file that is more than a copy of a ledger: the business's own, the configuration.
fn irreplaceable(error: LedgerError) -> Failure {
    Failure::from(error).hint("`--force` replaces a ledger or a backup of one, and nothing else; name another file")
}

/// What is old can go without stopping anybody.
fn worker_prunes(error: &LedgerError, failure: Failure) -> Failure {
    match (error, failure.hint.clone()) {
        (LedgerError::Taken { .. }, Some(hint)) => {
            failure.hint(format_args!("{hint}; or let a worker do it beside the server, with `storage.retention` in the configuration"))
        }
        _ => failure,
    }
}

fn sure(yes: bool, what: &str) -> Answer<()> {
    if yes { Ok(()) } else { Err(Failure::new(what).hint("say `--yes` to do it")) }
}

/// A record with `ok`, some of its members put otherwise.
fn answer<const N: usize>(record: &impl Serialize, instead: [(&str, Value); N]) {
    let mut answer = json!({"ok": true});
    if let (Some(members), Value::Object(record)) = (answer.as_object_mut(), json!(record)) {
        members.extend(record);
        members.extend(instead.map(|(name, value)| (name.to_owned(), value)));
    }
    output::json(&answer);
}
