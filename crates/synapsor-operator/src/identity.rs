//! Who acts?
//!
//! The account of the process: its uid, and the name that the system's user database gives it. Never `$USER`, never a flag.

use nix::unistd::{Uid, User};
use synapsor_config::Config;
use synapsor_proposal::{OperatorIdentity, Roles};

use crate::error::OperatorError;

/// The account of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name; the uid in decimal if the system has no name for it.
    pub name: String,
    /// Its number.
    pub uid: u32,
}

impl Account {
    /// The account of this process.
    pub fn of_process() -> Self {
        let uid = Uid::current();
        let named = User::from_uid(uid).ok().flatten();
        Self { name: named.map_or_else(|| uid.to_string(), |user| user.name), uid: uid.as_raw() }
    }
}

/// The identity and the roles of an account. `ledger_owner` is the uid that owns the ledger's file; `note` is a remark beside what is
/// recorded and gives no authority.
///
/// Where the configuration declares operators, the account must be one of them (by name or by uid). Where it does not, the owner of the
/// ledger holds every role and everybody else is refused.
pub fn identify(config: &Config, account: &Account, ledger_owner: u32, note: Option<String>) -> Result<OperatorIdentity, OperatorError> {
    let Account { name, uid } = account;
    let roles = match &config.operators {
        Some(operators) => {
            let declared = operators.roles_of(name).or_else(|| operators.roles_of(&uid.to_string()));
            Roles::Named(declared.cloned().ok_or_else(|| OperatorError::NotAnOperator { account: name.clone(), uid: *uid })?)
        }
        None if *uid == ledger_owner => Roles::Every,
        None => return Err(OperatorError::NotTheOwner { account: name.clone(), uid: *uid, owner: ledger_owner }),
    };
    Ok(OperatorIdentity::new(name.clone(), *uid, roles, note))
}
