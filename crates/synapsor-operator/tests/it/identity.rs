//! Who acts is the account of the process; roles come from the configuration, never from a flag or a variable.

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_operator::{Account, identify};

use crate::desk::config;

fn check(operators: Value, name: &str, uid: u32, owner: u32, role: &str) -> String {
    let config = config(|c| {
        if !operators.is_null() {
            c["operators"] = operators;
        }
    });
    match identify(&config, &Account { name: name.into(), uid }, owner, Some("says she is root".into())) {
        Ok(identity) => format!("{} {}, {role}: {}", identity.account(), identity.uid(), identity.holds(role)),
        Err(error) => format!("refused: {error}"),
    }
}

#[test]
fn without_declared_operators_only_the_ledgers_owner_decides() {
    assert_snapshot!(check(Value::Null, "dana", 1000, 1000, "billing_lead"), @"dana 1000, billing_lead: true");
    assert_snapshot!(check(Value::Null, "erin", 1001, 1000, "billing_lead"), @"refused: account `erin` (uid 1001) does not own the ledger, which belongs to uid 1000, and the configuration declares no operators");
}

#[test]
fn declared_operators_hold_the_declared_roles_by_name_or_by_uid() {
    let operators = json!({"dana": {"roles": ["billing_lead"]}, "1001": {"roles": []}});
    assert_snapshot!(check(operators.clone(), "dana", 1000, 0, "billing_lead"), @"dana 1000, billing_lead: true");
    assert_snapshot!(check(operators.clone(), "dana", 1000, 0, "support_lead"), @"dana 1000, support_lead: false");
    assert_snapshot!(check(operators.clone(), "erin", 1001, 0, "billing_lead"), @"erin 1001, billing_lead: false");
    assert_snapshot!(check(operators, "mallory", 1002, 1002, "billing_lead"), @"refused: account `mallory` (uid 1002) is not among the operators that the configuration declares");
}

#[test]
fn the_account_is_what_the_system_says_and_not_a_variable() {
    let account = Account::of_process();
    assert!(!account.name.is_empty());
    assert_eq!(account, Account::of_process());
}
