//! Does a command get what it needs and nothing else, and does nothing of it stay?

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;
use synapsor_executor::{AfterUnknown, CommandHandler, CommandSettings, Executor, Fence, Job, Rehearsal};
use synapsor_protocol::handler::signature::DEFAULT_TOLERANCE;
use synapsor_protocol::{Outcome, Report, Secret, Timestamp};

use crate::sample::{job, named, terms, told};
use crate::scripted::{APPLIED, failed};

/// A folder with a script in it, and the words that run it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.sh"), script.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        Self { folder }
    }

    fn settings(&self) -> CommandSettings {
        let line = format!("sh '{}/run.sh' canary-argument", self.folder.path().display());
        let passed = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
        CommandSettings {
            terms: terms(),
            command: named("DESK_COMMAND", &line),
            path: Some("/usr/bin:/bin".to_owned()),
            environment: vec![passed("LANG", "C"), passed("DESK_KEY", "canary-of-the-desk")],
        }
    }

    fn handler(&self) -> CommandHandler {
        CommandHandler::open(self.settings()).unwrap()
    }

    fn impatient(&self, timeout: Duration) -> CommandHandler {
        let mut settings = self.settings();
        settings.terms.timeout = timeout;
        CommandHandler::open(settings).unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// What is reported of a command that is this script.
async fn report(script: &str) -> Report {
    Place::with(script).handler().run(&job(1)).await
}

async fn check(script: &str) -> String {
    told(&report(script).await)
}

#[tokio::test]
async fn a_command_gets_one_line_and_its_receipt_is_the_outcome() {
    let place = Place::with(&format!("cat > FOLDER/got; echo '{APPLIED}'"));
    let report = place.handler().run(&job(3)).await;
    assert_eq!(told(&report), "applied");
    assert_snapshot!(serde_json::to_string(&report.details).unwrap(), @r#"{"effects":["db.insert"]}"#);
    let got = place.file("got");
    assert_eq!((got.matches('\n').count(), got.ends_with('\n')), (1, true));
    let request: Value = serde_json::from_str(&got).unwrap();
    assert_eq!((request["attempt"].as_u64(), request["dry_run"].as_bool()), (Some(3), Some(false)));
    assert_eq!(request["change_set"]["scope"]["object_id"], "INV-1");
}

#[tokio::test]
async fn a_receipt_counts_however_the_command_ended() {
    assert_eq!(check(&format!("cat > /dev/null; echo '{APPLIED}'; exit 3")).await, "applied");
    assert_eq!(check(&format!("echo '{APPLIED}'; kill -9 $$")).await, "applied");
    assert_snapshot!(check(&format!("echo '{}'; echo out of paper >&2; exit 1", failed("NO_PAPER"))).await, @"failed NO_PAPER: the command answered that it did nothing; its standard error ends with: out of paper");
    assert_snapshot!(check(&format!("echo '{}'", failed("HANDLER_EXCEPTION"))).await, @"unknown HANDLER_EXCEPTION, again: the handler answered that it cannot say what happened");
}

#[tokio::test]
async fn without_a_receipt_the_outcome_is_unknown() {
    let mut lines = String::new();
    for script in [
        "exit 0",
        "exit 7",
        "kill -9 $$",
        "echo no receipt",
        "echo '{}'",
        "echo one >&2; echo two >&2; exit 2",
        "cat; exit 0",
        "exec sh -c 'exit 127'",
    ] {
        lines += &format!("{script} => {}\n", check(script).await);
    }
    assert_snapshot!(lines, @"
    exit 0 => unknown HANDLER_INVALID_RECEIPT, again: the command ended, and wrote no receipt: the text is not JSON (line 1, column 1)
    exit 7 => unknown HANDLER_EXIT_7, again: the command ended with 7, and wrote no receipt: the text is not JSON (line 1, column 1)
    kill -9 $$ => unknown HANDLER_KILLED, again: the command was ended by the signal 9, and wrote no receipt: the text is not JSON (line 1, column 1)
    echo no receipt => unknown HANDLER_INVALID_RECEIPT, again: the command ended, and wrote no receipt: the text is not JSON (line 1, column 1)
    echo '{}' => unknown HANDLER_INVALID_RECEIPT, again: the command ended, and wrote no receipt: the record does not have the expected form
    echo one >&2; echo two >&2; exit 2 => unknown HANDLER_EXIT_2, again: the command ended with 2, and wrote no receipt: the text is not JSON (line 1, column 1); its standard error ends with: one / two
    cat; exit 0 => unknown HANDLER_INVALID_RECEIPT, again: the command ended, and wrote no receipt: the record does not have the expected form
    exec sh -c 'exit 127' => unknown HANDLER_EXIT_127, again: the command ended with 127, and wrote no receipt: the text is not JSON (line 1, column 1)
    ");
}

#[tokio::test]
async fn a_command_has_path_and_what_the_configuration_passes_on_and_no_credential_of_the_runner() {
    let place = Place::with(&format!("env > FOLDER/env; echo \"$0 $*\" > FOLDER/words; echo '{APPLIED}'"));
    assert_eq!(told(&place.handler().run(&job(1)).await), "applied");
    let environment = place.file("env");
    // What a shell sets on its own is none of ours.
    let mut names: Vec<&str> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["DESK_KEY", "LANG", "PATH"]);
    assert!(place.file("words").ends_with("run.sh canary-argument\n"));
}

#[tokio::test]
async fn no_shell_stands_between() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Place::with("").settings();
    settings.command = named("DESK_COMMAND", &format!("printf %s '{APPLIED}' ; touch {0}/a && touch $({0}/b)", folder.path().display()));
    let report = CommandHandler::open(settings).unwrap().run(&job(1)).await;
    assert_eq!(report.outcome, Outcome::Unknown, "the words are printed too, and that is no receipt");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_command_says_to_its_operator_is_bounded_and_without_what_was_passed_to_it() {
    let told_of = check("echo \"no key canary-of-the-desk here\" >&2; exit 1").await;
    assert_snapshot!(told_of, @"unknown HANDLER_EXIT_1, again: the command ended with 1, and wrote no receipt: the text is not JSON (line 1, column 1); its standard error ends with: no key [redacted] here");
    let flood = report("yes 0123456789 | head -c 300000 >&2; exit 1").await;
    let detail = flood.detail.unwrap();
    assert!(detail.chars().count() < 1000 && detail.ends_with("0123456789 / 01234567"), "{detail}");
}

#[tokio::test]
async fn a_receipt_that_repeats_what_was_passed_tells_the_ledger_none_of_it() {
    let receipt =
        r#"{"status":"applied","rows_affected":1,"source_database_mutated":true,"new_version":"$DESK_KEY","details":{"$DESK_KEY":"$1"}}"#;
    let report = report(&format!("cat > /dev/null; echo \"{}\"", receipt.replace('"', "\\\""))).await;
    assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"outcome":"applied","rows_affected":1,"transient":false,"detail":"the new version in the answer held a secret and was left out","details":{"[redacted]":"[redacted]"}}"#);
}

#[tokio::test]
async fn a_long_value_that_is_said_often_leaves_no_part_of_it() {
    let place = Place::with("for i in 1 2 3 4 5 6 7 8 9; do printf %s \"$LONG\" >&2; done; exit 3");
    let mut settings = place.settings();
    let long: String = (0..1000).map(|number| format!("{number:04}~")).collect();
    settings.environment.push(("LONG".to_owned(), Secret::new(long)));
    let report = CommandHandler::open(settings).unwrap().run(&job(1)).await;
    assert!(!report.detail.unwrap().contains("0~"));
}

#[tokio::test]
async fn an_output_longer_than_a_receipt_is_no_receipt() {
    let told_of = check(&format!("echo '{APPLIED}'; yes | head -c 2000000")).await;
    assert_eq!(told_of, "unknown HANDLER_INVALID_RECEIPT, again: the command wrote more than 1048576 bytes");
}

/// Whether a process with this number, which a script left in a file, is still there.
fn lives(place: &Place, file: &str) -> bool {
    let number = place.file(file);
    let status = fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
    !number.trim().is_empty() && !status.is_empty() && !status.contains(") Z ")
}

/// Waits until a process is gone.
async fn gone(place: &Place, file: &str) -> bool {
    for _ in 0..100 {
        if !lives(place, file) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group_and_is_unknown() {
    let place =
        Place::with("echo $$ > FOLDER/leader; sh -c 'echo $$ > FOLDER/child; sleep 60' & echo working >&2; trap '' TERM; wait; sleep 60");
    let started = Instant::now();
    let told_of = told(&place.impatient(Duration::from_millis(700)).run(&job(1)).await);
    assert_snapshot!(told_of, @"unknown HANDLER_TIMEOUT, again: the command did not end within 700ms and was killed; its standard error ends with: working");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!place.file("child").is_empty() && gone(&place, "leader").await && gone(&place, "child").await);
}

#[tokio::test]
async fn what_a_command_leaves_in_its_group_ends_with_it_and_is_not_waited_for() {
    let place = Place::with(&format!(
        "sh -c 'echo $$ > FOLDER/child; exec sleep 60' & while [ ! -s FOLDER/child ]; do sleep 0.01; done; echo '{APPLIED}'"
    ));
    let started = Instant::now();
    assert_eq!(told(&place.handler().run(&job(1)).await), "applied");
    assert!(started.elapsed() < Duration::from_secs(4), "the pipe that the child holds is not waited for");
    assert!(gone(&place, "child").await);
}

#[tokio::test]
async fn a_caller_that_lets_go_leaves_no_process() {
    let place = Place::with("echo $$ > FOLDER/leader; sh -c 'echo $$ > FOLDER/child; sleep 60'; sleep 60");
    let (handler, job) = (place.handler(), job(1));
    let abandoned = tokio::time::timeout(Duration::from_millis(700), handler.run(&job)).await;
    assert!(abandoned.is_err() && !place.file("child").is_empty());
    assert!(gone(&place, "leader").await && gone(&place, "child").await);
}

#[tokio::test]
async fn a_command_that_cannot_start_did_nothing() {
    let mut settings = Place::with("").settings();
    settings.command = named("DESK_COMMAND", "/nowhere/canary --flag");
    assert_snapshot!(told(&CommandHandler::open(settings).unwrap().run(&job(1)).await), @"failed HANDLER_UNREACHABLE: the command in `DESK_COMMAND` cannot be started: no such file; it was given nothing");
    let place = Place::with("");
    let mut settings = place.settings();
    settings.command = named("DESK_COMMAND", Path::new(place.folder.path()).join("run.sh").to_str().unwrap());
    assert_snapshot!(told(&CommandHandler::open(settings).unwrap().run(&job(1)).await), @"failed HANDLER_UNREACHABLE: the command in `DESK_COMMAND` cannot be started: permission denied; it was given nothing");
}

#[test]
fn a_command_line_that_is_none_is_said_when_it_is_opened_and_not_repeated() {
    let mut settings = Place::with("").settings();
    settings.command = named("DESK_COMMAND", "run 'canary");
    let printed = format!("{settings:?}");
    assert_snapshot!(CommandHandler::open(settings).unwrap_err(), @"`DESK_COMMAND` holds a command line that has a quote that does not end");
    let handler = Place::with("").handler();
    assert!(!printed.contains("canary") && !format!("{handler:?}").contains("canary"), "{printed} {handler:?}");
}

#[tokio::test]
async fn a_dry_run_starts_only_a_command_that_rehearses() {
    let place = Place::with("cat > FOLDER/got; echo '{\"status\":\"applied\",\"rows_affected\":0,\"source_database_mutated\":false}'");
    let mut quiet = place.settings();
    quiet.terms.rehearses = false;
    assert!(matches!(CommandHandler::open(quiet).unwrap().rehearse(&job(1)).await, Rehearsal::Local));
    assert_eq!(place.file("got"), "", "nothing was started");
    for (line, why) in [("/nowhere/canary --flag", "no such file"), ("canary-7f", "no such program in the folders of PATH")] {
        let mut absent = place.settings();
        absent.terms.rehearses = false;
        absent.command = named("DESK_COMMAND", line);
        let Rehearsal::Handler(report) = CommandHandler::open(absent).unwrap().rehearse(&job(1)).await else { panic!("it is not there") };
        let expected = format!("failed HANDLER_UNREACHABLE: the command in `DESK_COMMAND` cannot be started: {why}; it was given nothing");
        assert_eq!(told(&report), expected);
    }
    let Rehearsal::Handler(report) = place.handler().rehearse(&job(1)).await else { panic!("the command is asked") };
    assert_eq!(told(&report), "applied");
    assert_eq!(serde_json::from_str::<Value>(&place.file("got")).unwrap()["dry_run"], true);
}

#[tokio::test]
async fn a_command_is_run_once_unless_it_keeps_the_operation_id() {
    let place = Place::with("");
    assert_eq!(place.handler().after_unknown(), AfterUnknown::Person);
    let mut safe = place.settings();
    safe.terms.keeps_operation_id = true;
    assert_eq!(CommandHandler::open(safe).unwrap().after_unknown(), AfterUnknown::FindOut);
    assert!(matches!(place.handler().fence(&job(1)).await, Fence::Unresolved(_)));
}

#[tokio::test]
async fn a_sender_that_was_held_up_for_too_long_starts_nothing() {
    let place = Place::with(&format!("touch FOLDER/ran; echo '{APPLIED}'"));
    let old = Job { issued_at: Timestamp::now().before(DEFAULT_TOLERANCE + Duration::from_secs(1)), ..job(1) };
    let report = place.handler().run(&old).await;
    assert_snapshot!(told(&report), @"failed HANDLER_UNREACHABLE, again: the sender was held up for longer than a request may be old; nothing was handed over");
    assert!(report.transient && !place.folder.path().join("ran").exists());
}
