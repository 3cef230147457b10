//! How is an answer printed?
//!
//! The only place that writes to stdout and stderr. Answers go to stdout, everything else to stderr; colour only where a terminal shows it,
//! and never as the only sign of anything.
//!
//! # Invariants
//! - What a database, an application or a model wrote may hold a credential: none goes to stdout, neither in a line nor in a string of JSON.
//! - A reader that went away is no error. An answer that could not be written for another reason is said once, and the exit code is 1; what
//!   was begun goes on.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;
use synapsor_protocol::credential::{has_credential, redacted};

use crate::failure::Failure;

/// Exit code 1: an error, or a negative outcome.
pub(crate) const NEGATIVE: u8 = 1;

/// Whether some of the answer could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints one line to stdout, or several.
pub(crate) fn line(text: impl Display) {
    answer(&lines_redacted(&text.to_string()));
}

/// Prints one line to stderr.
pub(crate) fn note(text: impl Display) {
    // There is nobody left to tell.
    let _gone = write(&mut anstream::stderr().lock(), &text);
}

/// The exit code of a program that ends with this one, and 1 if some of its answer could not be written.
pub(crate) fn ended(code: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) { ExitCode::from(NEGATIVE) } else { code }
}

/// Prints a record as JSON to stdout. What a terminal would hide is escaped, so that the JSON is the same and looks like what it says.
pub(crate) fn json(record: &impl Serialize) {
    match serde_json::to_value(record).and_then(|record| serde_json::to_string_pretty(&strings_redacted(record))) {
        Ok(text) => answer(&visible_json(&text)),
        Err(cause) => note(format_args!("error: the answer cannot be written as JSON: {cause}")),
    }
}

/// Prints a record as one line of JSON to stdout.
pub(crate) fn json_line(record: &impl Serialize) {
    match serde_json::to_value(record).and_then(|record| serde_json::to_string(&strings_redacted(record))) {
        Ok(text) => answer(&visible_json(&text)),
        Err(cause) => note(format_args!("error: the answer cannot be written as JSON: {cause}")),
    }
}

/// Says why a verb failed. With `--json` the answer on stdout is JSON all the same.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> ExitCode {
    let failure = &failure.redacted();
    if as_json {
        let mut error = serde_json::json!({"message": failure.message, "details": failure.details, "hint": failure.hint});
        if let Some(code) = failure.code {
            error["code"] = code.into();
        }
        json(&serde_json::json!({"ok": false, "error": error}));
    } else {
        told(failure).for_each(note);
    }
    ExitCode::from(NEGATIVE)
}

/// The lines of a failure, for a person.
fn told(failure: &Failure) -> impl Iterator<Item = String> {
    let message = format!("{}: {}", paint("error", AnsiColor::Red), visible(&failure.message));
    let hint = failure.hint.as_ref().map(|hint| format!("{}: {}", paint("hint", AnsiColor::Cyan), visible(hint)));
    std::iter::once(message).chain(failure.details.iter().map(|line| visible(line))).chain(hint)
}

/// So many of them: `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Exit code 0 or 1.
pub(crate) fn exit(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::from(NEGATIVE) }
}

/// The words in a colour, where a terminal shows it.
pub(crate) fn paint(words: &str, colour: AnsiColor) -> String {
    styled(words, colour.on_default())
}

/// The words in bold.
pub(crate) fn bold(words: &str) -> String {
    styled(words, Style::new().bold())
}

fn styled(words: &str, style: Style) -> String {
    format!("{style}{words}{style:#}")
}

/// The text with everything that a terminal would not show, or would show as something else, written as an escape: control characters,
/// direction overrides, characters of no width. Line breaks too.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// The same for JSON text: a hidden character stands only within a string, where JSON has an escape for it. The line breaks between
/// members stay.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_hidden(c) {
            shown.push(c);
        } else {
            shown.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    shown
}

fn is_hidden(c: char) -> bool {
    c.is_control() || is_directive(c) || is_blank(c)
}

/// Separators, joiners, direction marks and overrides, annotations, selectors and tags.
fn is_directive(c: char) -> bool {
    let plain =
        matches!(c, '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    plain || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters and spaces that show nothing.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
}

/// The text without credentials: each line by itself, because one that begins in a line ends there.
fn lines_redacted(text: &str) -> Cow<'_, str> {
    if !text.split('\n').any(has_credential) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(redacted).collect::<Vec<_>>().join("\n"))
}

/// The record without credentials: each string and each key by itself, before it is escaped.
fn strings_redacted(record: Value) -> Value {
    let owned = |text: String| if has_credential(&text) { redacted(&text).into_owned() } else { text };
    match record {
        Value::String(text) => Value::String(owned(text)),
        Value::Array(items) => items.into_iter().map(strings_redacted).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (owned(key), strings_redacted(value))).collect(),
        plain => plain,
    }
}

fn answer(text: &str) {
    if let Err(error) = write(&mut anstream::stdout().lock(), &text) {
        lost(&error);
    }
}

/// Remembers that some of the answer is lost, and says so the first time. Whoever read us may be gone, and misses nothing.
fn lost(error: &io::Error) {
    if error.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        note(format_args!("{}: the answer could not be written: {error}", paint("error", AnsiColor::Red)));
    }
}

fn write(stream: &mut impl Write, text: &dyn Display) -> io::Result<()> {
    writeln!(stream, "{text}").and_then(|()| stream.flush())
}

#[cfg(test)]
mod tests {
    use super::{lines_redacted, strings_redacted, told, visible, visible_json};
    use crate::failure::Failure;

    #[test]
    fn no_line_and_no_string_of_an_answer_has_a_credential() {
        let told = "last: see postgres://u:hunter2@h/d\n-----BEGIN PRIVATE KEY----- is missing\nwith Bearer 0123456789abcdefX, and more";
        insta::assert_snapshot!(lines_redacted(told), @r"
        last: see postgres://u:[redacted]@h/d
        -----BEGIN PRIVATE KEY----- is missing
        with Bearer [redacted], and more
        ");
        let record = serde_json::json!({"wrp_01J8Z": ["sha256:0f3a", 7, null, "a\nBearer 0123456789abcdefX\"é"],
            "postgres://u:hunter2@h/d": {"b": true}, "a": "z"});
        insta::assert_snapshot!(strings_redacted(record), @r#"{"wrp_01J8Z":["sha256:0f3a",7,null,"a\nBearer [redacted]\"é"],"postgres://u:[redacted]@h/d":{"b":true},"a":"z"}"#);
    }

    #[test]
    fn what_has_no_credential_is_printed_as_it_is_and_at_once() {
        let rows = "wrp_01J8Z0  applied  billing.propose_waiver  invoice:INV-1  2026-03-02T08:00:00Z\n".repeat(10_000);
        let began = std::time::Instant::now();
        assert!(matches!(lines_redacted(&rows), std::borrow::Cow::Borrowed(_)));
        assert!(began.elapsed().as_millis() < 2000, "{:?}", began.elapsed());
    }

    #[test]
    fn what_a_terminal_hides_is_made_visible() {
        insta::assert_snapshot!(visible("a\u{1b}[31mb\u{202e}c\u{200b}d\ne\u{e0041}é"), @r"a\u{1b}[31mb\u{202e}c\u{200b}d\u{a}e\u{e0041}é");
    }

    /// One of each kind of hidden characters, with both ends of the ranges.
    const HIDDEN: &str = "\u{7f}\u{80}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180e}\u{180f}\u{200b}\u{200d}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2065}\u{206f}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1d173}\u{1d17a}\u{e0000}\u{e0100}\u{e0fff}";

    #[test]
    fn no_hidden_character_is_printed_raw() {
        assert_eq!(visible(HIDDEN), HIDDEN.escape_unicode().to_string());
        let shown = "é ß あ 𝄞 العربية ไทย 한글 a\u{301} →";
        assert_eq!(visible(shown), shown);
    }

    #[test]
    fn no_part_of_a_failure_is_printed_raw() {
        let failure = Failure::new("a\u{202e}b").detail("c\u{9b}d\ne").hint("f\u{202e}g");
        let lines: Vec<String> = told(&failure).map(|line| anstream::adapter::strip_str(&line).to_string()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        error: a\u{202e}b
        c\u{9b}d
        e
        hint: f\u{202e}g
        ");
    }

    #[test]
    fn json_with_hidden_characters_is_printed_as_escapes_and_stays_equal() {
        let record = serde_json::json!({"key \u{202e}": ["\u{9b}31m \u{7f} \u{e0041} é\n\"\\", HIDDEN]});
        let text = serde_json::to_string_pretty(&record).unwrap();
        let printed = visible_json(&text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), record);
        assert_eq!(visible(&printed.replace('\n', "")), printed.replace('\n', ""));
        let first: Vec<&str> = printed.lines().take(3).collect();
        insta::assert_snapshot!(first.join("\n"), @r#"
        {
          "key \u202e": [
            "\u009b31m \u007f \udb40\udc41 é\n\"\\",
        "#);
    }
}
