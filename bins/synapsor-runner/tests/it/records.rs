//! Configurations and envelopes of `fixtures/protocol`, as other programs would have written them, are taken or refused as their folder
//! says. `UPDATE_FIXTURES=1` writes what is said of the refused ones.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use synapsor_config::{Checked, Severity};
use synapsor_envelope::Envelope;
use synapsor_protocol::WritebackJob;
use synapsor_protocol::record::read_closed;

use crate::desk::Desk;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The records of one folder: name and bytes.
fn records(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root().join("fixtures/protocol").join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
fn expect_beside(file: &Path, said: &str) {
    let beside = file.with_extension("txt");
    if std::env::var("UPDATE_FIXTURES").is_ok() {
        fs::write(&beside, format!("{}\n", said.trim_end())).unwrap();
    }
    assert_eq!(fs::read_to_string(&beside).unwrap_or_default().trim_end(), said.trim_end(), "{}", beside.display());
}

fn checked(text: &[u8]) -> Checked {
    synapsor_config::check(text, Path::new("/srv/shop"))
}

/// Path and code of each finding.
fn found(checked: &Checked) -> String {
    let line = |finding: &synapsor_config::Finding| format!("{} {} {}\n", finding.severity.as_str(), finding.code, finding.path);
    checked.findings.iter().map(line).collect()
}

#[test]
fn configurations_of_other_programs_are_valid_or_say_what_is_wrong() {
    for folder in ["synapsor.runner/valid", "synapsor.runner/tolerated"] {
        for (file, text) in records(folder) {
            let checked = checked(&text);
            assert!(checked.config.is_some(), "{}:\n{}", file.display(), found(&checked));
            expect_beside(&file, &found(&checked));
        }
    }
    for (file, text) in records("synapsor.runner/refused") {
        let checked = checked(&text);
        assert!(checked.of(Severity::Error).count() > 0, "{}", file.display());
        expect_beside(&file, &found(&checked));
    }
}

#[test]
fn what_is_tolerated_of_a_configuration_the_closed_schema_refuses() {
    let schema: Value = serde_json::from_slice(&fs::read(root().join("schemas/synapsor.runner.schema.json")).unwrap()).unwrap();
    let text = fs::read(root().join("fixtures/protocol/synapsor.runner/tolerated/reference-not-strict.json")).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    let known = schema["properties"].as_object().unwrap();
    assert!(config.as_object().unwrap().keys().any(|member| !known.contains_key(member)));
}

#[test]
fn envelopes_come_back_as_they_went() {
    for (file, text) in records("result-envelope.v2/valid") {
        let value: Value = serde_json::from_slice(&text).unwrap();
        let envelope: Envelope = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(serde_json::to_value(&envelope).unwrap(), value, "{}", file.display());
    }
    for (file, text) in records("result-envelope.v2/refused") {
        let refused = serde_json::from_slice::<Envelope>(&text);
        let said = refused.err().unwrap_or_else(|| panic!("{} is read", file.display())).to_string();
        expect_beside(&file, said.split(" at line").next().unwrap());
    }
}

#[test]
fn the_program_judges_a_job_as_its_reader_does() {
    let desk = Desk::sqlite();
    for folder in ["writeback-job.v1/valid", "writeback-job.v1/tolerated", "writeback-job.v1/refused"] {
        for (file, text) in records(folder) {
            let seen = desk.program("validate --job").args([&file]).run();
            let taken = read_closed::<WritebackJob>(&text).is_ok();
            assert_eq!(seen.code, Some(if taken { 0 } else { 1 }), "{}: {seen}", file.display());
        }
    }
}

/// A job of another program names proposals that this ledger never saw.
#[test]
fn a_job_of_another_ledger_is_refused() {
    let desk = Desk::sqlite();
    desk.propose("so that there is a ledger");
    for folder in ["writeback-job.v1/valid", "writeback-job.v1/tolerated"] {
        for (file, _) in records(folder) {
            let seen = desk.program("apply --job").args([&file]).run();
            assert_eq!(seen.code, Some(1), "{}: {seen}", file.display());
        }
    }
    let tables = desk.table("select count(*) from sqlite_schema where name = 'synapsor_writeback_receipts'");
    assert_eq!(tables.trim(), "0", "nothing may even be claimed");
}
