//! Are the operators in order?

use std::collections::{BTreeMap, BTreeSet};

use super::report::{At, Report};
use crate::code::Code;
use crate::config::Operators;
use crate::raw::file::RawOperator;
use crate::raw::{Named, Slot, Text};

/// Who may decide; nobody is named where the file says nothing.
pub(crate) fn operators(slot: &Slot<Named<RawOperator>>, at: &At, report: &mut Report) -> Option<Option<Operators>> {
    if slot.is_absent() {
        return Some(None);
    }
    let Some(Named(operators)) = slot.given().filter(|operators| !operators.0.is_empty()) else {
        report.add(Code::OperatorsNotObject, at);
        return None;
    };
    let mut accounts = BTreeMap::new();
    for (account, slot) in operators {
        let at = at.field(account);
        if account.trim().is_empty() || account.chars().any(char::is_control) {
            report.add(Code::InvalidOperator, &at);
        }
        let raw = report.required(slot, Code::InvalidOperator, &at);
        let roles = raw.map(|raw| roles(raw, &at, report)).unwrap_or_default();
        accounts.insert(account.clone(), roles);
    }
    Some(Some(Operators::new(accounts)))
}

fn roles(raw: &RawOperator, at: &At, report: &mut Report) -> BTreeSet<String> {
    report.unknown(raw, at);
    let at = at.field("roles");
    let slots = report.required(&raw.roles, Code::InvalidOperatorRoles, &at).map(Vec::as_slice).unwrap_or_default();
    let indexed = slots.iter().enumerate();
    let roles = indexed.filter_map(|(index, slot)| report.required(slot, Code::InvalidOperatorRoles, &at.index(index)));
    roles.map(|Text(role)| role.clone()).collect()
}
