use std::path::Path;

use serde_json::{Map, Value, json};

use super::{ArgumentError, BTreeMap, Capability, Scalar};

const ARGS: &str = r#"{
    "id": {"type": "string"},
    "note": {"type": "string", "max_length": 4, "required": false},
    "amount": {"type": "number", "minimum": -5, "maximum": 10.5, "required": false},
    "count": {"type": "number", "required": false},
    "urgent": {"type": "boolean", "required": false},
    "stage": {"type": "string", "enum": ["open", "shut"], "required": false}
}"#;

fn capability(args: &str) -> Capability {
    let text = format!(
        r#"{{"version": 1, "mode": "read_only", "sources": {{"s": {{"engine": "sqlite", "path": "s.db"}}}},
        "trusted_context": {{"provider": "environment"}},
        "capabilities": [{{"name": "a.b", "kind": "read", "source": "s", "lookup": {{"id_from_arg": "id"}},
        "target": {{"schema": "main", "table": "t", "primary_key": "id", "tenant_key": "tenant"}},
        "visible_columns": ["id"], "args": {args}}}]}}"#
    );
    let checked = crate::check(text.as_bytes(), Path::new("/srv"));
    checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings)).capabilities.remove(0)
}

fn given(arguments: &Value) -> Result<BTreeMap<String, Scalar>, ArgumentError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    capability(ARGS).check_arguments(arguments)
}

fn check(arguments: &Value) -> String {
    match given(arguments) {
        Ok(checked) => format!("{checked:?}"),
        Err(refused) => format!("{}: {refused}", refused.code()),
    }
}

#[test]
fn arguments_that_fit_become_scalars() {
    insta::assert_snapshot!(check(&json!({"id": "R-1"})), @r#"{"id": String("R-1")}"#);
    insta::assert_snapshot!(check(&json!({"urgent": false, "stage": "shut", "id": "", "amount": -0.0, "note": "äöü€"})), @r#"{"amount": Number(0), "id": String(""), "note": String("äöü€"), "stage": String("shut"), "urgent": Bool(false)}"#);
}

#[test]
fn nothing_that_was_given_is_dropped() {
    insta::assert_snapshot!(check(&json!({"id": "R-1", "nte": "x"})), @"ARGUMENT_UNKNOWN: argument `nte` is unknown; did you mean `note`?");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "colour": "x"})), @"ARGUMENT_UNKNOWN: argument `colour` is unknown");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "a\u{1b}[2J": 1})), @"ARGUMENT_UNKNOWN: argument `a�[2J` is unknown");
    let long = "n".repeat(100_000);
    assert!(check(&json!({"id": "R-1", (long): 1})).len() < 200);
}

#[test]
fn trusted_values_are_no_arguments() {
    for name in ["tenant_id", "principalId", "expected_version", "allowed_columns"] {
        let refused = given(&json!({"id": "R-1", name: "x"})).unwrap_err();
        assert_eq!((refused.code(), refused.argument()), ("MODEL_CANNOT_OVERRIDE_BINDING", name));
    }
    insta::assert_snapshot!(check(&json!({"id": "R-1", "tenant_id": "acme"})), @"MODEL_CANNOT_OVERRIDE_BINDING: argument `tenant_id` is set by the trusted context and cannot be given");
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    insta::assert_snapshot!(check(&json!({})), @"ARGUMENT_REQUIRED: argument `id` is required");
    insta::assert_snapshot!(check(&json!({"id": 1})), @"ARGUMENT_TYPE_INVALID: argument `id` must be a string");
    insta::assert_snapshot!(check(&json!({"id": null})), @"ARGUMENT_TYPE_INVALID: argument `id` must be a string");
    insta::assert_snapshot!(check(&json!({"id": ["R-1"]})), @"ARGUMENT_TYPE_INVALID: argument `id` must be a string");
    insta::assert_snapshot!(check(&json!({"id": "R\u{0}1"})), @"ARGUMENT_TYPE_INVALID: argument `id` holds the NUL character");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "amount": "1"})), @"ARGUMENT_TYPE_INVALID: argument `amount` must be a number");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "amount": -5.5})), @"ARGUMENT_BELOW_MINIMUM: argument `amount` must be at least -5");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "amount": 11})), @"ARGUMENT_ABOVE_MAXIMUM: argument `amount` must be at most 10.5");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "urgent": 1})), @"ARGUMENT_TYPE_INVALID: argument `urgent` must be a boolean");
    insta::assert_snapshot!(check(&json!({"id": "R-1", "stage": "Open"})), @r#"ARGUMENT_NOT_ALLOWED: argument `stage` must be one of: "open", "shut""#);
}

#[test]
fn length_counts_utf16_units() {
    insta::assert_snapshot!(check(&json!({"id": "R-1", "note": "😀😀"})), @r#"{"id": String("R-1"), "note": String("😀😀")}"#);
    insta::assert_snapshot!(check(&json!({"id": "R-1", "note": "😀😀x"})), @"ARGUMENT_TOO_LONG: argument `note` is longer than 4 UTF-16 code units");
}

#[test]
fn a_number_that_a_double_may_have_rounded_is_refused() {
    let count = |text: &str| {
        let arguments: Map<String, Value> = serde_json::from_str(&format!(r#"{{"id": "R-1", "count": {text}}}"#)).unwrap();
        capability(ARGS).check_arguments(&arguments).map(|checked| checked["count"].to_string())
    };
    for text in ["9007199254740992", "-9007199254740992", "0.1", "9007199254740992.0"] {
        assert!(count(text).is_ok(), "{text}");
    }
    for text in ["9007199254740993", "-9007199254740993", "18446744073709551615", "99999999999999999999", "1e300"] {
        assert_eq!(count(text).unwrap_err().code(), "ARGUMENT_TYPE_INVALID", "{text}");
    }
}

#[test]
fn arguments_keep_the_order_of_the_file() {
    let names: Vec<String> = capability(ARGS).args.into_iter().map(|arg| arg.name).collect();
    assert_eq!(names, ["id", "note", "amount", "count", "urgent", "stage"]);
}
