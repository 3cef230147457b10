//! The schemas and the readers come from one source, and stay together.
//!
//! Every valid record is broken in every place with a list of values. What a closed reading takes the schema takes; what
//! it takes of an older form is no v1 record and is left out. A stranger is refused wherever the record is closed.

use std::fs;

use serde_json::{Map, Value, json};
use synapsor_protocol::record::{Record, RecordError, read, read_closed};
use synapsor_protocol::{ChangeSet, ExecutionReceipt, OnboardingSelection, ProtocolManifest, RunnerRegistration, WritebackJob};

use crate::fixtures::{files, schema};

fn records<T: Record>() -> Vec<Value> {
    files(&format!("{}/valid", T::KIND), "json").iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
}

/// Every place in a value.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let inside = match value {
        Value::Object(members) => members.iter().flat_map(|(name, value)| pointers(value, format!("{at}/{name}"))).collect(),
        Value::Array(items) => items.iter().enumerate().flat_map(|(index, value)| pointers(value, format!("{at}/{index}"))).collect(),
        _ => Vec::new(),
    };
    [at].into_iter().chain(inside).collect()
}

/// The record with one place changed in every way of a list, and without it.
fn broken(record: &Value, pointer: &str) -> Vec<Value> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(2.5),
        json!(""),
        json!(" "),
        json!("column"),
        json!("A_B"),
        json!("a.b"),
        json!("sha256:ab"),
        json!("2026-03-02T08:00:00Z"),
        json!([]),
        json!(["status"]),
        json!(["status", "status"]),
        json!({}),
        json!({"status": "x"}),
        json!({"kind": "none"}),
    ];
    let mut changed: Vec<Value> = values.into_iter().map(|value| replaced(record, pointer, |place| *place = value)).collect();
    if let Some((parent, name)) = pointer.rsplit_once('/') {
        changed.push(replaced(record, parent, |place| match place {
            Value::Object(members) => drop(members.shift_remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => {}
        }));
    }
    changed
}

fn replaced(record: &Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut record = record.clone();
    change(record.pointer_mut(pointer).unwrap());
    record
}

/// How many broken records were tried.
fn check<T: Record>() -> usize {
    let schema = schema(T::KIND);
    let mut tried = 0;
    for record in records::<T>() {
        for pointer in pointers(&record, String::new()) {
            for broken in broken(&record, &pointer) {
                tried += 1;
                let taken = read_closed::<T>(broken.to_string().as_bytes()).is_ok();
                let older = broken.get("protocol_version").is_some();
                let faults = || schema.iter_errors(&broken).map(|fault| fault.to_string()).collect::<Vec<_>>();
                assert!(!taken || older || schema.is_valid(&broken), "{} {pointer}: {:?}\n{broken:#}", T::KIND, faults());
            }
        }
    }
    tried
}

#[test]
fn what_a_closed_reading_takes_the_schema_takes() {
    let tried = [
        check::<ChangeSet>(),
        check::<WritebackJob>(),
        check::<ExecutionReceipt>(),
        check::<RunnerRegistration>(),
        check::<OnboardingSelection>(),
        check::<ProtocolManifest>(),
    ];
    assert!(tried.iter().all(|tried| *tried > 200), "{tried:?}");
}

/// Objects whose names are the writer's own, or which any writer may extend.
fn is_free(pointer: &str) -> bool {
    let free = ["before", "patch", "after", "patch_args", "numeric_bounds", "transition_guards", "allowed"];
    let open = ["/evidence", "/approval", "/writeback"];
    pointer.rsplit('/').next().is_some_and(|name| free.contains(&name)) || open.iter().any(|part| pointer.starts_with(part))
}

fn strangers<T: Record + PartialEq + std::fmt::Debug>() {
    let schema = schema(T::KIND);
    for record in records::<T>() {
        let plain: T = read(record.to_string().as_bytes()).unwrap();
        let objects = pointers(&record, String::new()).into_iter().filter(|at| record.pointer(at).is_some_and(Value::is_object));
        let open_here = |at: &str| is_free(at) && !(T::KIND == "onboarding-selection.v1" && at.starts_with("/approval"));
        for at in objects.filter(|at| !open_here(at)) {
            let strange = replaced(&record, &at, |place| {
                place.as_object_mut().unwrap().insert("stranger".to_owned(), Value::Object(Map::new()));
            });
            let text = strange.to_string();
            // Where exactly one member may be there, a second one is no member too many but another form.
            if let Ok(found) = read::<T>(text.as_bytes()) {
                assert_eq!(found, plain, "{at}");
                let refused = read_closed::<T>(text.as_bytes());
                assert!(
                    matches!(&refused, Err(RecordError::Unknown(path)) if path.ends_with(".stranger")),
                    "{} {at}: {refused:?}",
                    T::KIND
                );
            }
            assert!(!schema.is_valid(&strange), "{} {at}", T::KIND);
        }
    }
}

#[test]
fn a_stranger_is_ignored_by_an_open_reading_and_named_by_a_closed_one() {
    strangers::<ChangeSet>();
    strangers::<WritebackJob>();
    strangers::<ExecutionReceipt>();
    strangers::<RunnerRegistration>();
    strangers::<OnboardingSelection>();
    strangers::<ProtocolManifest>();
}
