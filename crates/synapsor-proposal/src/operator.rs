//! Who decides?
//!
//! # Invariants
//! - An identity is made in one place, behind the feature `decisions`: code that serves a model cannot make one.
//! - It is not deserialisable: no record and no request can bring one along.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
#[cfg(feature = "decisions")]
use synapsor_protocol::credential::redacted;

/// The longest note that an operator may leave beside a decision, in bytes.
pub const MAX_NOTE_BYTES: usize = 500;

/// The account under which a person, a policy or a worker acts, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorIdentity {
    account: String,
    uid: u32,
    roles: Roles,
    note: Option<String>,
}

/// The roles an account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roles {
    /// Every role: nobody declared operators, and this account owns the ledger.
    Every,
    /// These and no other.
    Named(BTreeSet<String>),
}

/// What an event keeps of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// The name of the OS account, which the system gave, not the environment.
    pub account: String,
    /// Its number.
    pub uid: u32,
    /// What the person added with `--actor`: a remark, no identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl OperatorIdentity {
    /// The identity of this account. `note` is cut to [`MAX_NOTE_BYTES`]; it is a remark and gives no authority.
    #[cfg(feature = "decisions")]
    pub fn new(account: impl Into<String>, uid: u32, roles: Roles, note: Option<String>) -> Self {
        let note = note.map(|note| cut(redacted(&note).into_owned(), MAX_NOTE_BYTES));
        Self { account: account.into(), uid, roles, note }
    }

    /// The account's name.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The account's number.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether it holds this role.
    pub fn holds(&self, role: &str) -> bool {
        match &self.roles {
            Roles::Every => true,
            Roles::Named(roles) => roles.contains(role),
        }
    }

    /// What an event keeps of it.
    pub fn record(&self) -> OperatorRecord {
        OperatorRecord { account: self.account.clone(), uid: self.uid, note: self.note.clone() }
    }
}

#[cfg(feature = "decisions")]
fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(end.unwrap_or(0));
    text
}
