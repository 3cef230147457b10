//! No text makes the validator do anything but answer.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use serde_json::Value;
use synapsor_config::{Checked, Code, Severity};

use crate::fixtures::{check, folder};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn places(checked: &Checked) -> BTreeSet<(String, Code)> {
    let kept = checked.findings.iter().filter(|finding| finding.code != Code::UnknownField);
    kept.map(|finding| (finding.path.clone(), finding.code)).collect()
}

#[test]
fn without_strict_only_unknown_fields_pass() {
    let mut shown = 0;
    for code in Code::ALL.iter().filter(|code| **code != Code::InvalidStrict) {
        let text = fixture(&format!("{code}/synapsor.runner.json"));
        let Ok(Value::Object(mut file)) = serde_json::from_slice(&text) else { continue };
        file.insert("strict".into(), true.into());
        let strict = check(Value::Object(file.clone()).to_string().as_bytes());
        file.insert("strict".into(), false.into());
        let lenient = check(Value::Object(file).to_string().as_bytes());
        assert_eq!(places(&lenient), places(&strict), "{code}");
        assert!(lenient.findings.iter().all(|finding| finding.code != Code::UnknownField), "{code}");
        shown += 1;
    }
    assert!(shown > 140, "only {shown} were compared");
}

#[test]
fn a_name_in_the_file_cannot_steer_a_terminal() {
    let checked = check(br#"{"version": 1, "mode": "shadow", "\u001b[2J": 1, "sources": {"\u001b[31m": 1}}"#);
    let shown: String = checked.findings.iter().map(ToString::to_string).collect();
    assert!(!shown.contains('\u{1b}') && shown.contains("$.\u{fffd}[2J"), "{shown}");
}

#[test]
fn a_file_full_of_mistakes_is_refused_with_the_first_thousand() {
    let members: Vec<String> = (0..3000).map(|index| format!(r#""field_{index}": 1"#)).collect();
    let checked = check(format!(r#"{{"version": 1, {}}}"#, members.join(", ")).as_bytes());
    assert!(checked.config.is_none());
    assert_eq!(checked.of(Severity::Error).count(), 1000);
}

#[test]
fn what_readers_of_json_disagree_about_is_refused_with_its_place() {
    for (text, said) in [
        ("", "1:1 the text is not JSON"),
        ("{\"version\": 1,}", "1:15 the text is not JSON"),
        ("{\n \"version\": 1,\n \"version\": 1\n}", "3:2 an object names a member twice"),
        ("{\"version\": 9007199254740993}", "1:13 a number cannot be held exactly: write it as a string"),
        ("{\"version\": NaN}", "1:13 the text is not JSON"),
        ("{\"a\": \"\\u0000\"}", "1:8 a string holds the NUL character"),
    ] {
        let checked = check(text.as_bytes());
        let finding = &checked.findings[0];
        let reason = finding.message.strip_prefix("the file cannot be read as JSON: ").unwrap();
        assert_eq!(format!("{}:{} {reason}", finding.line, finding.column), said);
        assert_eq!((finding.code, checked.findings.len()), (Code::InvalidJson, 1));
    }
    assert_eq!(check(&[b'{', 0xff]).findings[0].code, Code::InvalidJson);
    assert_eq!(check("[".repeat(100_000).as_bytes()).findings[0].code, Code::InvalidJson);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_that_was_damaged_anywhere_gets_an_answer(place in 0_usize..4000, length in 0_usize..40, inserted in "\\PC{0,8}") {
        let mut text = fixture("valid/sqlite.json");
        let start = place.min(text.len());
        let end = (start + length).min(text.len());
        text.splice(start..end, inserted.into_bytes());
        let checked = check(&text);
        let lines = text.split(|byte| *byte == b'\n').count();
        prop_assert_eq!(checked.config.is_none(), checked.of(Severity::Error).next().is_some());
        prop_assert!(checked.findings.iter().all(|finding| (1..=lines).contains(&finding.line) && finding.column >= 1));
    }
}
