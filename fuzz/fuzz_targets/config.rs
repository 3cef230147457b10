//! Does every text end in findings or in a configuration that stands, whatever it contains?
//!
//! The pre-parser sees the bytes first, then serde, then every rule of the reader.
//!
//! # Invariants
//! - Nothing panics, and the same text gives the same findings.
//! - A configuration exists exactly if no finding is an error.
//! - What the pre-parser lets through serde reads, and what serde writes the pre-parser lets through.
//! - An accepted file, written anew, is accepted again and means the same: the same capabilities with the same digests.
//! - A finding stands inside the text, and repeats no address that the text contains.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use synapsor_config::{Checked, Config, Finding, Severity, check};
use synapsor_protocol::preparse::{self, Limits};

fuzz_target!(|text: &[u8]| {
    let checked = check(text, Path::new("/srv/synapsor"));
    assert_eq!(checked.is_ok(), checked.of(Severity::Error).next().is_none(), "a configuration beside an error");
    assert_eq!(checked.findings, check(text, Path::new("/srv/synapsor")).findings, "the same text, other findings");
    stand_inside(text, &checked.findings);
    let Some(value) = read(text) else {
        assert!(checked.config.is_none(), "a configuration of a text that may not be read");
        return;
    };
    repeat_no_address(&value, &checked.findings);
    if let Some(config) = &checked.config {
        means_the_same(config, &value);
    }
});

/// The text as a value, if the pre-parser allows it.
fn read(text: &[u8]) -> Option<Value> {
    preparse::check(text, Limits::DEFAULT).ok()?;
    let value: Value = serde_json::from_slice(text).expect("the pre-parser let something through that is no JSON");
    let again = serde_json::to_vec(&value).expect("a value can be written");
    // Numbers get longer when a double is spelled out, so only the limit of the size may be met anew.
    preparse::check(&again, Limits { bytes: usize::MAX, ..Limits::DEFAULT }).expect("what serde wrote is refused");
    assert_eq!(value, serde_json::from_slice::<Value>(&again).expect("what serde wrote is read"), "a value that does not survive");
    Some(value)
}

fn means_the_same(config: &Config, value: &Value) {
    let Ok(anew) = serde_json::to_vec_pretty(value) else { return };
    if anew.len() > Limits::DEFAULT.bytes {
        return;
    }
    let Checked { config: Some(again), .. } = check(&anew, Path::new("/srv/synapsor")) else {
        panic!("an accepted file is refused when it is written anew");
    };
    let meant = |config: &Config| -> Vec<_> {
        config.capabilities.iter().map(|capability| (capability.name.to_string(), capability.digest(), capability.columns_to_read())).collect()
    };
    assert_eq!(meant(config), meant(&again), "the same file means two things");
}

fn stand_inside(text: &[u8], findings: &[Finding]) {
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    for finding in findings {
        assert!((1..=lines).contains(&finding.line), "a finding in a line that is not there");
        assert!((1..=text.len() + 1).contains(&finding.column), "a finding in a column that is not there");
        let _ = finding.to_string();
    }
}

/// An address may carry a password: whatever a person put where, no finding shows it.
fn repeat_no_address(value: &Value, findings: &[Finding]) {
    match value {
        Value::String(text) if text.len() >= 16 && text.contains("://") => {
            let shown = findings.iter().any(|finding| finding.to_string().contains(text.as_str()));
            assert!(!shown, "a finding repeats an address");
        }
        Value::Array(items) => items.iter().for_each(|item| repeat_no_address(item, findings)),
        Value::Object(members) => members.values().for_each(|item| repeat_no_address(item, findings)),
        _ => (),
    }
}
