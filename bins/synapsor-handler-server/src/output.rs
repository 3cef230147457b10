//! How is an answer printed?
//!
//! The only place that writes to stdout and stderr beside the log. A reader that went away is no error.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use synapsor_handler::declared::{Finding, Severity};

use crate::failure::Failure;

/// Exit code 1: an error, or a negative outcome.
const NEGATIVE: u8 = 1;

/// Prints one line to stdout.
pub(crate) fn line(text: impl Display) {
    write(&mut anstream::stdout().lock(), &text);
}

/// Prints one line to stderr.
pub(crate) fn note(text: impl Display) {
    write(&mut anstream::stderr().lock(), &text);
}

/// Says why a verb failed.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    note(format_args!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(format_args!("hint: {hint}"));
    }
    exit(false)
}

/// Exit code 0 or 1.
pub(crate) fn exit(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::from(NEGATIVE) }
}

/// The findings and how many there are, for a person.
pub(crate) fn findings(findings: &[Finding]) -> String {
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counted = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Notice, "notice")]
        .into_iter()
        .map(|(severity, one)| (count(severity), one))
        .filter(|(count, _)| *count > 0)
        .map(|(count, one)| format!("{count} {one}{}", if count == 1 { "" } else { "s" }));
    let counted: Vec<String> = counted.collect();
    text += if counted.is_empty() { "in order".to_owned() } else { counted.join(", ") }.as_str();
    text
}

/// The findings as one JSON record.
pub(crate) fn findings_json(ok: bool, findings: &[Finding]) -> String {
    let told = findings.iter().map(|finding| {
        serde_json::json!({
            "severity": finding.severity.as_str(), "code": finding.code, "path": finding.path, "message": finding.message,
            "line": finding.line, "column": finding.column, "hint": finding.hint,
        })
    });
    let record = serde_json::json!({"ok": ok, "findings": told.collect::<Vec<_>>()});
    serde_json::to_string_pretty(&record).unwrap_or_default()
}

fn write(stream: &mut impl Write, text: &dyn Display) {
    // Whoever read us may be gone; there is nobody left to tell.
    let _gone = writeln!(stream, "{text}").and_then(|()| stream.flush());
}
