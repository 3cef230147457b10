//! Which lies does a handler tell, and what does each answer prove?

/// What a server answers that keeps nothing, whether it commits before, and what may be claimed then.
pub(crate) struct Lie {
    pub(crate) name: &'static str,
    pub(crate) commits: bool,
    pub(crate) answer: Answer,
    pub(crate) claims: &'static str,
}

/// What goes over the wire.
pub(crate) enum Answer {
    /// A status and a body.
    Whole(u16, &'static str),
    /// The same, with another header.
    With(u16, &'static str, &'static str),
    /// The connection ends instead.
    Nothing,
    /// The body ends in the middle.
    Half(&'static str),
    /// No answer while anybody waits.
    Silence,
    /// A body that is longer than anybody reads.
    Endless,
}

const APPLIED: &str = r#"{"status":"applied","rows_affected":1,"source_database_mutated":true}"#;
pub(crate) const FAILED: &str =
    r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"HANDLER_BUSINESS_ERROR"}"#;
const EXCEPTION: &str = r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"HANDLER_EXCEPTION"}"#;

/// The first five are lies that a valid receipt tells: they are believed, as the contract says, and nothing else is.
pub(crate) const CATALOGUE: [Lie; 30] = [
    lie("failed after committing", true, Answer::Whole(500, FAILED), "failed"),
    lie("failed after committing, with 200", true, Answer::Whole(200, FAILED), "failed"),
    lie("applied without doing it", false, Answer::Whole(200, APPLIED), "applied"),
    lie("applied with 500", true, Answer::Whole(500, APPLIED), "applied"),
    lie(
        "conflict after committing",
        true,
        Answer::Whole(409, r#"{"status":"conflict","rows_affected":0,"source_database_mutated":false}"#),
        "conflict",
    ),
    lie("an exception after committing", true, Answer::Whole(500, EXCEPTION), "unknown"),
    lie("an exception with 200", false, Answer::Whole(200, EXCEPTION), "unknown"),
    lie(
        "failed, and something changed",
        true,
        Answer::Whole(200, r#"{"status":"failed","rows_affected":1,"source_database_mutated":true}"#),
        "unknown",
    ),
    lie(
        "failed, and rows affected",
        true,
        Answer::Whole(200, r#"{"status":"failed","rows_affected":1,"source_database_mutated":false}"#),
        "unknown",
    ),
    lie(
        "applied, and nothing changed",
        false,
        Answer::Whole(200, r#"{"status":"applied","rows_affected":1,"source_database_mutated":false}"#),
        "unknown",
    ),
    lie("another operation", true, Answer::With(200, FAILED, "Idempotency-Key: wrp_other:A-1"), "unknown"),
    lie("another proposal", true, Answer::With(200, FAILED, "X-Synapsor-Proposal-Hash: sha256:00"), "unknown"),
    lie(
        "failed twice and applied once",
        true,
        Answer::Whole(200, r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"status":"applied"}"#),
        "unknown",
    ),
    lie(
        "a receipt and more",
        true,
        Answer::Whole(200, concat!(r#"{"status":"failed","rows_affected":0,"source_database_mutated":false}"#, "x")),
        "unknown",
    ),
    lie(
        "an unknown word",
        true,
        Answer::Whole(200, r#"{"status":"rolled_back","rows_affected":0,"source_database_mutated":false}"#),
        "unknown",
    ),
    lie("an error page", true, Answer::Whole(200, "<html>failed</html>"), "unknown"),
    lie("bytes", true, Answer::Whole(200, "\u{1}\u{2}\u{0}failed"), "unknown"),
    lie("nothing with 200", true, Answer::Whole(200, ""), "unknown"),
    lie("another JSON", true, Answer::Whole(200, r#"{"ok":true}"#), "unknown"),
    lie("500 and a page", true, Answer::Whole(500, "failed"), "unknown"),
    lie("502 of a proxy", true, Answer::Whole(502, "bad gateway"), "unknown"),
    lie("503, later", true, Answer::With(503, "", "Retry-After: 1"), "unknown"),
    lie("429, later", false, Answer::With(429, "", "Retry-After: 1"), "unknown"),
    lie("404", false, Answer::Whole(404, "not found"), "unknown"),
    lie("401 by who stands before it", true, Answer::Whole(401, "who are you"), "unknown"),
    lie("a redirect", true, Answer::With(302, "", "Location: /elsewhere"), "unknown"),
    lie("the connection ends", true, Answer::Nothing, "unknown"),
    lie("half a receipt", true, Answer::Half(FAILED), "unknown"),
    lie("silence", true, Answer::Silence, "unknown"),
    lie("no end", true, Answer::Endless, "unknown"),
];

const fn lie(name: &'static str, commits: bool, answer: Answer, claims: &'static str) -> Lie {
    Lie { name, commits, answer, claims }
}
