//! Does the program have the verbs and flags that the documents name?

use std::collections::{BTreeMap, BTreeSet};

use synapsor_testkit::Program;

use crate::page::{pages, words};

const PROGRAM: &str = "synapsor-runner";

/// The verbs that have verbs of their own.
const GROUPS: [&str; 14] = [
    "mcp",
    "config",
    "tools",
    "proposals",
    "evidence",
    "query-audit",
    "receipts",
    "replay",
    "activity",
    "store",
    "shadow",
    "smoke",
    "dead-letters",
    "handler",
];

/// Every line of a shell block, and every quoted piece of text, that calls the program.
fn calls() -> Vec<(String, Vec<String>)> {
    let mut calls = Vec::new();
    for page in pages() {
        let blocks = page.blocks("sh");
        let lines = blocks.iter().flat_map(|block| block.lines()).map(str::to_owned).chain(page.quoted());
        let called = lines.filter_map(|line| line.strip_prefix(PROGRAM).filter(|rest| rest.starts_with(' ')).map(words));
        calls.extend(called.map(|words| (page.name.clone(), words)));
    }
    calls
}

/// The verb of a call, one word or two.
fn verb(words: &[String]) -> Vec<String> {
    let group = words.first().is_some_and(|first| GROUPS.contains(&first.as_str()));
    words.iter().take(if group { 2 } else { 1 }).cloned().collect()
}

#[test]
fn each_command_in_the_documents_exists_with_its_flags() {
    let mut by_verb: BTreeMap<Vec<String>, BTreeSet<(String, String)>> = BTreeMap::new();
    for (page, words) in calls() {
        let verb = verb(&words);
        let flags = words.iter().skip(verb.len()).filter(|word| word.starts_with("--"));
        by_verb.entry(verb.clone()).or_default().extend(flags.map(|flag| (flag.clone(), page.clone())));
    }
    assert!(by_verb.len() > 8, "the documents name few commands: {by_verb:?}");
    for (verb, flags) in by_verb {
        let seen = Program::at(env!("CARGO_BIN_EXE_synapsor-runner")).args(&verb).arg("--help").run();
        assert_eq!(seen.code, Some(0), "`{}` is no command: {seen}", verb.join(" "));
        for (flag, page) in flags {
            assert!(seen.stdout.contains(&flag), "{page}: `{}` has no `{flag}`", verb.join(" "));
        }
    }
}
