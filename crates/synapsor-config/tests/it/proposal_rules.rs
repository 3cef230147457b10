//! What a reviewed proposal may change, from the file to the patch.

use std::collections::BTreeMap;
use std::path::Path;

use synapsor_config::ProposalRules;
use synapsor_protocol::{Columns, Identifier, Scalar};

/// The rules of a capability with these members beside the ones that every proposal has.
fn rules(members: &str) -> ProposalRules {
    let text = format!(
        r#"{{"version": 1, "mode": "review", "sources": {{"s": {{"engine": "sqlite", "path": "s.db"}}}},
        "trusted_context": {{"provider": "environment"}},
        "capabilities": [{{"name": "a.b", "kind": "proposal", "source": "s", "lookup": {{"id_from_arg": "id"}},
        "target": {{"schema": "main", "table": "t", "primary_key": "id", "tenant_key": "tenant"}},
        "visible_columns": ["id", "stage", "token_count"], "conflict_guard": {{"column": "version"}},
        "args": {{"id": {{"type": "string"}}, "fee": {{"type": "number", "required": false}}, "stage": {{"type": "string", "required": false}}}},
        {members}}}]}}"#
    );
    let checked = synapsor_config::check(text.as_bytes(), Path::new("/srv"));
    let mut config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings));
    config.capabilities.remove(0).proposal().unwrap().clone()
}

fn scalars(json: &str) -> BTreeMap<String, Scalar> {
    serde_json::from_str(json).unwrap()
}

fn columns(json: &str) -> Columns {
    scalars(json).into_iter().map(|(name, value)| (Identifier::new(&name).unwrap(), value)).collect()
}

fn patch(rules: &ProposalRules, arguments: &str) -> String {
    match rules.patch_of(&scalars(arguments)) {
        Ok(patch) => serde_json::to_string(&patch).unwrap(),
        Err(refused) => format!("{}: {refused}", refused.code()),
    }
}

fn permit(rules: &ProposalRules, before: &str, patch: &str) -> String {
    match rules.permit(&columns(before), &columns(patch)) {
        Ok(()) => "permitted".into(),
        Err(refused) => format!("{}: {refused}", refused.code()),
    }
}

#[test]
fn an_optional_argument_that_was_left_out_never_writes_null() {
    let both = rules(r#""patch": {"fee": {"from_arg": "fee"}, "stage": {"from_arg": "stage"}}, "allowed_columns": ["fee", "stage"]"#);
    insta::assert_snapshot!(patch(&both, r#"{"id": "1", "fee": 5}"#), @r#"{"fee":5}"#);
    insta::assert_snapshot!(patch(&both, r#"{"id": "1"}"#), @"PATCH_REQUIRED: the call changes nothing: each optional argument that sets a column was left out");
}

#[test]
fn a_reviewed_null_is_written() {
    let fixed = rules(r#""patch": {"stage": {"fixed": null}, "fee": {"from_arg": "fee"}}, "allowed_columns": ["fee", "stage"]"#);
    insta::assert_snapshot!(patch(&fixed, r#"{"id": "1"}"#), @r#"{"stage":null}"#);
}

#[test]
fn only_an_allowed_column_is_set() {
    let one = rules(r#""patch": {"fee": {"from_arg": "fee"}}, "allowed_columns": ["fee"]"#);
    insta::assert_snapshot!(permit(&one, "{}", r#"{"fee": "1.50"}"#), @"permitted");
    insta::assert_snapshot!(permit(&one, "{}", r#"{"fee": 1, "tenant": "other"}"#), @"PATCH_COLUMN_NOT_ALLOWED: column `tenant` may not be set by this capability");
    insta::assert_snapshot!(permit(&one, "{}", "{}"), @"PATCH_REQUIRED: the call changes nothing: each optional argument that sets a column was left out");
}

#[test]
fn a_bound_takes_numbers_between_its_ends() {
    let bounded = rules(
        r#""patch": {"fee": {"from_arg": "fee"}}, "allowed_columns": ["fee"], "numeric_bounds": {"fee": {"minimum": 0, "maximum": 9.5}}"#,
    );
    for fee in ["0", "9.5"] {
        assert_eq!(permit(&bounded, "{}", &format!(r#"{{"fee": {fee}}}"#)), "permitted");
    }
    insta::assert_snapshot!(permit(&bounded, "{}", r#"{"fee": -1}"#), @"PATCH_BELOW_MINIMUM: column `fee` must be at least 0");
    insta::assert_snapshot!(permit(&bounded, "{}", r#"{"fee": 9.6}"#), @"PATCH_ABOVE_MAXIMUM: column `fee` must be at most 9.5");
    insta::assert_snapshot!(permit(&bounded, "{}", r#"{"fee": "five"}"#), @"PATCH_NUMERIC_BOUND_TYPE_INVALID: column `fee` takes a number");
    insta::assert_snapshot!(permit(&bounded, "{}", r#"{"fee": null}"#), @"PATCH_NUMERIC_BOUND_TYPE_INVALID: column `fee` takes a number");
}

#[test]
fn a_transition_starts_from_the_state_that_was_read() {
    let staged = rules(
        r#""patch": {"stage": {"from_arg": "stage"}}, "allowed_columns": ["stage"],
        "transition_guards": {"stage": {"allowed": {"open": ["held", "shut"], "held": ["shut"]}}}"#,
    );
    insta::assert_snapshot!(permit(&staged, r#"{"stage": "open"}"#, r#"{"stage": "held"}"#), @"permitted");
    insta::assert_snapshot!(permit(&staged, r#"{"stage": "held"}"#, r#"{"stage": "open"}"#), @"PATCH_TRANSITION_NOT_ALLOWED: column `stage` may not move from its present state to the proposed one");
    insta::assert_snapshot!(permit(&staged, r#"{"stage": "Open"}"#, r#"{"stage": "held"}"#), @"PATCH_TRANSITION_NOT_ALLOWED: column `stage` may not move from its present state to the proposed one");
    insta::assert_snapshot!(permit(&staged, r#"{"stage": null}"#, r#"{"stage": "held"}"#), @"PATCH_TRANSITION_TYPE_INVALID: column `stage` moves between states that are texts");
    insta::assert_snapshot!(permit(&staged, "{}", r#"{"stage": "held"}"#), @"PATCH_TRANSITION_TYPE_INVALID: column `stage` moves between states that are texts");
}
