//! Is what happened what was said, once everything has recovered?
//!
//! Pure: it judges a [`Story`] that somebody else has gathered. The effects are those that the business database's own trigger
//! wrote, the receipts are the source's, the states are the ledger's, and what was told is what a process printed before it ended
//! or died.
//!
//! # Invariants
//! - An effect, a receipt `applied` and the state `applied` come together, and once.
//! - `conflict`, `failed`, `canceled`, `rejected` and `expired` have no effect.
//! - Nothing stays open: every unknown outcome is resolved, and to the truth.
//! - Nothing that a person was told is missing: a proposal, an approval, `applied`; and no attempt of which it was said that it did
//!   nothing is the one that made the change.

use std::collections::BTreeMap;

use crate::business::{Books, FIRST_VERSION};

/// What is wrong, in the three ways that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Said to be there, and is not.
    Lost,
    /// There twice.
    Duplicated,
    /// A state, a receipt or a word that is not true.
    WrongState,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) kind: Kind,
    pub(crate) words: String,
}

/// What a person or an agent was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The proposal is on record.
    Proposed { id: String },
    /// The decision is on record.
    Approved { id: String },
    /// An attempt ended so.
    Outcome { id: String, attempt: Option<u32>, outcome: String },
}

/// A proposal as the ledger has it in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposed {
    pub(crate) status: String,
    pub(crate) account: String,
    pub(crate) cents: i64,
}

/// Everything about one trial.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    pub(crate) proposals: BTreeMap<String, Proposed>,
    pub(crate) books: Books,
    pub(crate) told: Vec<Told>,
    /// What verifying the ledger said, if it did not say that all is well.
    pub(crate) damage: Option<String>,
    /// Whether proposals that nobody applied are part of the trial.
    pub(crate) may_be_open: bool,
}

/// Everything that is wrong.
pub(crate) fn judge(story: &Story) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    if let Some(damage) = &story.damage {
        wrongs.push(Wrong { kind: Kind::WrongState, words: format!("the ledger does not verify: {damage}") });
    }
    for (id, proposed) in &story.proposals {
        wrongs.extend(proposal(story, id, proposed));
    }
    wrongs.extend(strangers(story));
    wrongs.extend(accounts(&story.books));
    wrongs.extend(story.told.iter().filter_map(|told| broken_word(story, told)));
    wrongs
}

fn proposal(story: &Story, id: &str, proposed: &Proposed) -> Vec<Wrong> {
    let Proposed { status, account, cents } = proposed;
    let effects = story.books.effects.iter().filter(|(at, made, _)| (at, made) == (account, cents)).count();
    let receipts: Vec<&str> = story.books.receipts.iter().filter(|(of, ..)| of == id).map(|(_, status, _)| status.as_str()).collect();
    let mut wrongs = Vec::new();
    let mut wrong = |kind, words: String| wrongs.push(Wrong { kind, words: format!("{id}: {words}") });
    if effects > 1 {
        wrong(Kind::Duplicated, format!("{effects} effects, and the ledger says `{status}`"));
    }
    if receipts.len() > 1 {
        wrong(Kind::Duplicated, format!("{} receipts", receipts.len()));
    }
    let receipt = receipts.first().copied();
    match (status.as_str(), effects, receipt) {
        ("applied", 0, _) => wrong(Kind::Lost, format!("`applied`, and no effect; its receipt: {receipt:?}")),
        ("applied", _, Some("applied")) => {}
        ("applied", ..) => wrong(Kind::WrongState, format!("`applied`, and its receipt is {receipt:?}")),
        ("conflict" | "failed" | "canceled" | "rejected" | "expired", 0, receipt) if receipt != Some("applied") => {
            if receipt == Some("conflict") && status != "conflict" {
                wrong(Kind::WrongState, format!("`{status}`, and its receipt says conflict"));
            }
        }
        ("conflict" | "failed" | "canceled" | "rejected" | "expired", ..) => {
            wrong(Kind::WrongState, format!("`{status}`, with {effects} effects and the receipt {receipt:?}"));
        }
        ("pending_review", 0, None) => {}
        ("approved" | "pending_worker", 0, receipt) if story.may_be_open && receipt != Some("applied") => {}
        (open, ..) => wrong(Kind::WrongState, format!("still `{open}`, with {effects} effects and the receipt {receipt:?}")),
    }
    wrongs
}

/// Effects that belong to no proposal of the ledger.
fn strangers(story: &Story) -> impl Iterator<Item = Wrong> {
    let known = |account: &str, cents: i64| story.proposals.values().any(|known| (known.account.as_str(), known.cents) == (account, cents));
    let strange = story.books.effects.iter().filter(move |(account, cents, _)| !known(account, *cents));
    strange.map(|(account, cents, _)| Wrong {
        kind: Kind::Lost,
        words: format!("{account} got {cents}, and the ledger knows of no such proposal"),
    })
}

/// An account is what its last effect made of it, and its version counts them.
fn accounts(books: &Books) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    for (account, cents, version) in &books.accounts {
        let effects: Vec<_> = books.effects.iter().filter(|(of, ..)| of == account).collect();
        let count = i64::try_from(effects.len()).unwrap_or(i64::MAX);
        let last = effects.last().map(|(_, cents, version)| (*cents, *version));
        if last.is_some_and(|last| last != (*cents, *version)) || *version != FIRST_VERSION + count {
            let words = format!("{account} holds {cents} at version {version} after {count} effects, the last of which made {last:?}");
            wrongs.push(Wrong { kind: Kind::WrongState, words });
        }
    }
    wrongs
}

fn broken_word(story: &Story, told: &Told) -> Option<Wrong> {
    let wrong = |kind, words| Some(Wrong { kind, words });
    let status = |id: &String| story.proposals.get(id).map(|proposed| proposed.status.as_str());
    match told {
        Told::Proposed { id } if status(id).is_none() => wrong(Kind::Lost, format!("{id}: was told to be on record, and is not")),
        Told::Approved { id } if matches!(status(id), None | Some("pending_review")) => {
            wrong(Kind::Lost, format!("{id}: was told to be approved, and is {:?}", status(id)))
        }
        Told::Outcome { id, outcome, .. } if matches!(outcome.as_str(), "applied" | "already_applied") && status(id) != Some("applied") => {
            wrong(Kind::Lost, format!("{id}: was told to be applied, and is {:?}", status(id)))
        }
        Told::Outcome { id, outcome, .. } if outcome == "conflict" && status(id) != Some("conflict") => {
            wrong(Kind::WrongState, format!("{id}: was told to be in conflict, and is {:?}", status(id)))
        }
        Told::Outcome { id, attempt: Some(attempt), outcome } if outcome == "failed" => {
            let made_it = |(of, status, by): &(String, String, u32)| of == id && status == "applied" && by == attempt;
            let made = story.books.receipts.iter().any(made_it);
            made.then(|| Wrong {
                kind: Kind::WrongState,
                words: format!("{id}: attempt {attempt} was told to have failed, and made the change"),
            })
        }
        Told::Proposed { .. } | Told::Approved { .. } | Told::Outcome { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Story {
        let proposed = |status: &str, cents| Proposed { status: status.to_owned(), account: "A-1".to_owned(), cents };
        Story {
            proposals: BTreeMap::from([("wrp_1".to_owned(), proposed("applied", 7)), ("wrp_2".to_owned(), proposed("conflict", 8))]),
            books: Books {
                effects: vec![("A-1".to_owned(), 7, 2)],
                accounts: vec![("A-1".to_owned(), 7, 2)],
                receipts: vec![("wrp_1".to_owned(), "applied".to_owned(), 2), ("wrp_2".to_owned(), "conflict".to_owned(), 1)],
            },
            told: vec![
                Told::Proposed { id: "wrp_1".to_owned() },
                Told::Outcome { id: "wrp_1".to_owned(), attempt: Some(2), outcome: "applied".to_owned() },
                Told::Outcome { id: "wrp_1".to_owned(), attempt: Some(1), outcome: "failed".to_owned() },
            ],
            ..Story::default()
        }
    }

    fn check(change: impl FnOnce(&mut Story)) -> String {
        let mut story = sound();
        change(&mut story);
        judge(&story).into_iter().map(|wrong| format!("{:?}: {}", wrong.kind, wrong.words)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_sound_is_not_accused() {
        assert_eq!(check(|_| ()), "");
    }

    #[test]
    fn a_lost_effect_is_seen() {
        let lost = check(|story| {
            story.books.effects.clear();
            story.books.accounts = vec![("A-1".to_owned(), 0, 1)];
        });
        insta::assert_snapshot!(lost, @r#"Lost: wrp_1: `applied`, and no effect; its receipt: Some("applied")"#);
    }

    #[test]
    fn a_second_effect_is_seen() {
        let doubled = check(|story| {
            story.books.effects.push(("A-1".to_owned(), 7, 3));
            story.books.accounts = vec![("A-1".to_owned(), 7, 3)];
        });
        insta::assert_snapshot!(doubled, @"Duplicated: wrp_1: 2 effects, and the ledger says `applied`");
    }

    #[test]
    fn an_effect_without_its_state_is_seen() {
        let claimed = check(|story| story.proposals.get_mut("wrp_1").unwrap().status = "failed".to_owned());
        insta::assert_snapshot!(claimed, @r#"
        WrongState: wrp_1: `failed`, with 1 effects and the receipt Some("applied")
        Lost: wrp_1: was told to be applied, and is Some("failed")
        "#);
        let open = check(|story| story.proposals.get_mut("wrp_1").unwrap().status = "pending_worker".to_owned());
        insta::assert_snapshot!(open, @r#"
        WrongState: wrp_1: still `pending_worker`, with 1 effects and the receipt Some("applied")
        Lost: wrp_1: was told to be applied, and is Some("pending_worker")
        "#);
    }

    #[test]
    fn a_forgotten_proposal_is_seen() {
        let forgotten = check(|story| drop(story.proposals.remove("wrp_1")));
        insta::assert_snapshot!(forgotten, @"
        Lost: A-1 got 7, and the ledger knows of no such proposal
        Lost: wrp_1: was told to be on record, and is not
        Lost: wrp_1: was told to be applied, and is None
        ");
    }

    #[test]
    fn an_attempt_that_was_called_failed_may_not_have_made_the_change() {
        let claim = check(|story| story.books.receipts[0].2 = 1);
        insta::assert_snapshot!(claim, @"WrongState: wrp_1: attempt 1 was told to have failed, and made the change");
    }

    #[test]
    fn an_account_that_nobody_changed_properly_is_seen() {
        let torn = check(|story| story.books.accounts[0].2 = 4);
        insta::assert_snapshot!(torn, @"WrongState: A-1 holds 7 at version 4 after 1 effects, the last of which made Some((7, 2))");
    }
}
