//! What goes to stdout: no credential, and nothing that is lost without a word.

use insta::assert_snapshot;
use synapsor_testkit::{Program, Seen};

use crate::desk::{Desk, PROGRAM};

/// Runs the program by a shell, which does what `redirected` says with its output.
fn shell(desk: &Desk, redirected: &str, words: &str) -> Seen {
    let line = redirected.replace("RUN", "\"$0\" \"$@\"");
    desk.with_environment(Program::at("/bin/sh")).args(["-c", &line, PROGRAM]).args(words.split_whitespace()).run()
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    for words in [
        "store head",
        &format!("replay show {id} --json"),
        "dead-letters list --json",
        "config show",
        "tools list",
        &format!("apply {id}"),
        "proposals show no-such-id --json",
    ] {
        let seen = shell(&desk, "RUN >/dev/full", words);
        assert_eq!(seen.code, Some(1), "{words}: {seen}");
        insta::allow_duplicates! { assert_snapshot!(seen.stderr, @"error: the answer could not be written: No space left on device (os error 28)") }
    }
    assert_eq!(desk.status(&id), "applied", "what was begun is done");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let desk = Desk::sqlite();
    desk.approved("x");
    for words in ["store stats", "proposals list --json"] {
        let seen = shell(&desk, "( sleep 0.2; RUN; echo \"ended with $?\" >&2 ) | true", words);
        insta::allow_duplicates! { assert_snapshot!(seen.stderr, @"ended with 0") }
    }
}

/// A database puts into its message what its trigger says.
#[test]
fn no_credential_that_a_database_tells_is_printed() {
    let desk = Desk::sqlite();
    desk.execute(
        "create trigger careless before update of late_fee_cents on invoices begin
           select raise(abort, 'ask postgres://u:canary-7f@h/d with Bearer canary7f0123456789abcdef'); end",
    );
    let id = desk.approved("x");
    let mut told = String::new();
    for words in ["apply --dry-run", "apply --dry-run --json", "apply --json", "apply", "dead-letters replay", "dead-letters replay --json"]
    {
        let seen = desk.run(&format!("{words} {id}"));
        assert!(!seen.to_string().contains("canary"), "{words}: {seen}");
        told.push_str(&seen.stdout);
    }
    assert!(told.contains("postgres://u:[redacted]@h/d with Bearer [redacted]"), "{told}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&desk.run(&format!("proposals show {id} --json")).stdout).unwrap()["ok"], true);
}
