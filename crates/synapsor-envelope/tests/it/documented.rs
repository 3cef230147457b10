//! Does `docs/envelope.md` say what the types say?

use std::fs;
use std::path::Path;

use synapsor_envelope::{Envelope, SafeCode};

const SECTION: &str = "### `";
const RETRYABLE: &str = "- **Retryable:** ";

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/envelope.md")).expect("the document is there")
}

/// Each section about a code: the code, and what it says of trying again.
fn sections(document: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in document.lines() {
        if let Some(code) = line.strip_prefix(SECTION) {
            sections.push((code.trim_end_matches('`').to_owned(), String::new()));
        } else if let (Some(said), Some((_, retryable))) = (line.strip_prefix(RETRYABLE), sections.last_mut()) {
            retryable.push_str(said);
        }
    }
    sections
}

#[test]
fn each_safe_code_has_a_section_in_the_order_of_the_list() {
    let documented: Vec<String> = sections(&document()).into_iter().map(|(code, _)| code).collect();
    let codes: Vec<&str> = SafeCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes);
}

#[test]
fn each_section_says_whether_the_code_is_retryable() {
    for ((code, said), known) in sections(&document()).iter().zip(SafeCode::ALL) {
        let word = if known.retryable() { "yes" } else { "no" };
        assert!(said.starts_with(word), "{code} says `{said}`, and it is {word}");
    }
}

#[test]
fn each_envelope_in_the_document_is_one_that_we_could_have_written() {
    let document = document();
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let mut seen = 0;
    for block in blocks {
        let given: serde_json::Value = serde_json::from_str(block).unwrap();
        let envelope: Envelope = serde_json::from_value(given.clone()).unwrap_or_else(|error| panic!("{error}:\n{block}"));
        assert_eq!(envelope.to_value(), given);
        seen += 1;
    }
    assert!(seen > 0, "the document shows no envelope");
}
