//! Each record of `fixtures/protocol` is read, or refused, as its folder says.
//!
//! `valid` keeps the published schema and every rule. `tolerated` is what other writers send: readers take it, the
//! closed schema does not. `refused` has beside each record what a reader says of it; for `tolerated`, what a closed
//! reading says. `UPDATE_FIXTURES=1` writes these texts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use synapsor_protocol::record::{Record, read, read_closed};
use synapsor_protocol::{ChangeSet, ExecutionReceipt, OnboardingSelection, ProtocolManifest, RunnerRegistration, WritebackJob};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder of fixtures with this ending, in order.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = root().join("fixtures/protocol").join(folder);
    let entries = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    files
}

/// The kinds of records that there are: the folders.
fn kinds() -> Vec<String> {
    let entries = fs::read_dir(root().join("fixtures/protocol")).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

pub(crate) fn schema(kind: &str) -> jsonschema::Validator {
    let text = fs::read(root().join(format!("schemas/{kind}.schema.json"))).unwrap_or_else(|_| panic!("no schema for {kind}"));
    jsonschema::validator_for(&serde_json::from_slice(&text).unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
fn updating() -> bool {
    std::env::var("UPDATE_FIXTURES").is_ok()
}

/// The text beside a record says this.
fn expect_beside(file: &Path, said: &str) {
    let beside = file.with_extension("txt");
    if updating() {
        fs::write(&beside, format!("{said}\n")).unwrap();
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    assert_eq!(expected.trim_end(), said, "{}", beside.display());
}

fn check<T: Record + PartialEq + std::fmt::Debug>() {
    let schema = schema(T::KIND);
    for file in files(&format!("{}/valid", T::KIND), "json") {
        let (text, name) = (fs::read(&file).unwrap(), file.display());
        assert!(schema.is_valid(&serde_json::from_slice(&text).unwrap()), "{name} is not what the schema says");
        let record: T = read_closed(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        round_trips(&record, &schema, &name.to_string());
    }
    for file in files(&format!("{}/tolerated", T::KIND), "json") {
        let (text, name) = (fs::read(&file).unwrap(), file.display());
        assert!(!schema.is_valid(&serde_json::from_slice(&text).unwrap()), "{name} is what the schema says");
        let record: T = read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        round_trips(&record, &schema, &name.to_string());
        expect_beside(&file, &read_closed::<T>(&text).map_or_else(|error| error.to_string(), |_| "understood".to_owned()));
    }
    for file in files(&format!("{}/refused", T::KIND), "json") {
        let refused = read::<T>(&fs::read(&file).unwrap());
        let error = refused.err().unwrap_or_else(|| panic!("{} is read", file.display()));
        expect_beside(&file, &synapsor_protocol::chain::chain(&error));
    }
}

/// What we write of a record is what the schema says, and reads as the same record.
fn round_trips<T: Record + PartialEq + std::fmt::Debug>(record: &T, schema: &jsonschema::Validator, name: &str) {
    let written = serde_json::to_value(record).unwrap();
    let faults: Vec<String> = schema.iter_errors(&written).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {faults:?}");
    assert_eq!(read_closed::<T>(written.to_string().as_bytes()).unwrap(), *record, "{name}");
}

#[test]
fn each_record_is_read_or_refused_as_its_folder_says() {
    check::<ChangeSet>();
    check::<WritebackJob>();
    check::<ExecutionReceipt>();
    check::<RunnerRegistration>();
    check::<OnboardingSelection>();
    check::<ProtocolManifest>();
}

#[test]
fn there_is_a_schema_a_good_record_and_a_bad_one_of_each_kind() {
    let kinds = kinds();
    for kind in [ChangeSet::KIND, WritebackJob::KIND, ExecutionReceipt::KIND, RunnerRegistration::KIND, OnboardingSelection::KIND] {
        assert!(kinds.iter().any(|found| found == kind), "{kind}");
    }
    for entry in fs::read_dir(root().join("schemas")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        // Requests and receipts of handlers are signed, and in a folder of their own.
        let Some(kind) = file.strip_suffix(".schema.json") else { continue };
        assert!(kinds.iter().any(|found| found == kind), "schemas/{file} has no records in fixtures/protocol/{kind}");
    }
    for kind in kinds {
        let schema = schema(&kind);
        let good = files(&format!("{kind}/valid"), "json");
        assert!(!good.is_empty() && !files(&format!("{kind}/refused"), "json").is_empty(), "{kind}");
        for file in good {
            let record = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let faults: Vec<String> = schema.iter_errors(&record).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", file.display());
        }
    }
}

#[test]
fn a_text_beside_a_record_belongs_to_one() {
    for kind in kinds() {
        for part in ["valid", "tolerated", "refused"] {
            for text in files(&format!("{kind}/{part}"), "txt") {
                assert!(text.with_extension("json").exists(), "{}", text.display());
            }
        }
    }
}

#[test]
fn the_manifest_is_a_record_like_the_others() {
    let text = fs::read(root().join("fixtures/protocol/MANIFEST.json")).unwrap();
    let manifest: ProtocolManifest = read_closed(&text).unwrap();
    assert!(schema(ProtocolManifest::KIND).is_valid(&serde_json::from_slice::<Value>(&text).unwrap()));
    assert!(manifest.artifacts.len() > 50);
}

#[test]
fn what_we_write_carries_the_hash_of_its_content() {
    let read_file = |path: &str| fs::read(root().join("fixtures/protocol").join(path)).unwrap();
    let sealed: ChangeSet = read(&read_file("change-set.v1/valid/sealed.json")).unwrap();
    sealed.verify().unwrap();
    let receipt: ExecutionReceipt = read(&read_file("execution-receipt.v1/valid/applied.json")).unwrap();
    assert_eq!(receipt.hash().unwrap(), receipt.receipt_hash);
}
