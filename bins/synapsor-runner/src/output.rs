//! How is an answer printed?
//!
//! The only place that writes to stdout and stderr. Answers go to stdout, everything else to stderr; colour only where a terminal shows it,
//! and never as the only sign of anything. A reader that went away is no error.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;

/// Exit code 1: an error, or a negative outcome.
pub(crate) const NEGATIVE: u8 = 1;

/// Prints one line to stdout.
pub(crate) fn line(text: impl Display) {
    write(&mut anstream::stdout().lock(), &text);
}

/// Prints one line to stderr.
pub(crate) fn note(text: impl Display) {
    write(&mut anstream::stderr().lock(), &text);
}

/// Prints a record as JSON to stdout.
pub(crate) fn json(record: &impl Serialize) {
    match serde_json::to_string_pretty(record) {
        Ok(text) => line(text),
        Err(cause) => note(format_args!("error: the answer cannot be written as JSON: {cause}")),
    }
}

/// Says why a verb failed. With `--json` the answer on stdout is JSON all the same.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> ExitCode {
    if as_json {
        json(&serde_json::json!({"ok": false, "error": {"message": failure.message, "details": failure.details, "hint": failure.hint}}));
    } else {
        note(format_args!("{}: {}", paint("error", AnsiColor::Red), visible(&failure.message)));
        for line in &failure.details {
            note(visible(line));
        }
        if let Some(hint) = &failure.hint {
            note(format_args!("{}: {hint}", paint("hint", AnsiColor::Cyan)));
        }
    }
    ExitCode::from(NEGATIVE)
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

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn write(stream: &mut impl Write, text: &dyn Display) {
    // Whoever read us may be gone; there is nobody left to tell.
    let _gone = writeln!(stream, "{text}").and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_hides_is_made_visible() {
        insta::assert_snapshot!(visible("a\u{1b}[31mb\u{202e}c\u{200b}d\ne\u{e0041}é"), @r"a\u{1b}[31mb\u{202e}c\u{200b}d\u{a}e\u{e0041}é");
    }
}
