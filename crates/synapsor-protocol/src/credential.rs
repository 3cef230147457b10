//! What in a text is a credential, whoever wrote it there?
//!
//! Four things are recognised: a URL with a password, a bearer token, a token of the control plane (`syn_wbr_...`), and a private key in
//! PEM. Each by its whole form, so that a text *about* such a thing is none: `Bearer of bad news`, `postgres://db.example.com/shop`.
//!
//! # Invariants
//! - What is no credential is never touched, and of a credential only the secret part: `postgres://app:[redacted]@db/shop`.
//! - Linear in the length of the text.
//!
//! This is the second line of defence. The first is that a [`Secret`](crate::Secret) cannot be printed.

use std::borrow::Cow;
use std::ops::Range;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// The schemes of databases, whose passwords may stand in a parameter too.
const DATABASES: [&str; 5] = ["postgres", "postgresql", "mysql", "mariadb", "mongodb"];

/// How far a URL is looked at, in bytes, and how far the first line of a key: so that a long text stays cheap.
const MAX_URL: usize = 4096;
const MAX_LABEL: usize = 64;

/// How far behind the first line of a key its text begins at the latest, in bytes, and the least of it that stands in one piece.
const MAX_BEFORE_KEY: usize = 200;
const MIN_KEY: usize = 40;

/// The shortest text after `Bearer` that is taken for a token.
const MIN_TOKEN: usize = 16;

/// The shortest rest of a token of the control plane.
const MIN_RUNNER_TOKEN: usize = 8;

const RUNNER_TOKEN: &str = "syn_wbr_";
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_KEY: &str = "PRIVATE KEY-----";
const PEM_END: &str = "-----END ";

/// Whether there is a credential in the text.
pub fn has_credential(text: &str) -> bool {
    next(text, 0).is_some()
}

/// The text with `[redacted]` in the place of each secret.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut from = 0;
    while let Some(secret) = next(text, from) {
        shown.push_str(&text[from..secret.start]);
        shown.push_str(REDACTED);
        from = secret.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// The next secret that begins at or after `from`.
fn next(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    // Everything that is looked for begins with, or is found by, one of these bytes.
    while let Some(found) = text.get(at..)?.find([':', 'B', 'b', 's', '-']) {
        let here = at + found;
        let secret = match text.as_bytes()[here] {
            b':' => url(text, here, from),
            b'-' => private_key(text, here),
            b's' => runner_token(text, here),
            _ => bearer(text, here),
        };
        if let Some(secret) = secret.filter(|secret| secret.start >= from && text[secret.clone()] != *REDACTED) {
            return Some(secret);
        }
        at = here + 1;
    }
    None
}

/// `scheme://user:password@host`, by its colon; of a database also `?password=...`.
fn url(text: &str, colon: usize, from: usize) -> Option<Range<usize>> {
    let rest = text[colon..].strip_prefix("://")?;
    let rest = &rest[..rest.floor_char_boundary(MAX_URL)];
    let rest = rest.find("://").map_or(rest, |next| &rest[..next]);
    let start = colon + 3;
    let scheme = text[from..colon].rsplit(|c: char| !c.is_ascii_alphanumeric() && !"+.-".contains(c)).next().unwrap_or_default();
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let database = DATABASES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) || scheme.to_ascii_lowercase().starts_with("mongodb+");
    let whole = rest.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).map_or(rest, |end| &rest[..end]);
    // A password with a slash in it is no proper URL, and a password all the same.
    let authority = if database { whole } else { whole.split(['/', '?', '#']).next().unwrap_or_default() };
    if let Some(at) = authority.rfind('@')
        && let Some(colon) = authority[..at].find(':')
        && colon + 1 < at
    {
        return Some(start + colon + 1..start + at);
    }
    if !database {
        return None;
    }
    let (_, parameters) = whole.split_once('?')?;
    let offset = start + whole.len() - parameters.len();
    let name = parameters.find("password=").filter(|at| *at == 0 || parameters.as_bytes()[at - 1] == b'&')?;
    let value = name + "password=".len();
    let length = parameters[value..].find('&').unwrap_or(parameters.len() - value);
    (length > 0).then_some(offset + value..offset + value + length)
}

/// `Bearer <token>`: long enough, and not a word.
fn bearer(text: &str, here: usize) -> Option<Range<usize>> {
    let word = text.get(here..here + 6)?;
    let begins = here == 0 || !text.as_bytes()[here - 1].is_ascii_alphanumeric();
    if !begins || !word.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let rest = &text[here + 6..];
    let token = rest.trim_start_matches([' ', '\t']);
    let start = here + 6 + rest.len() - token.len();
    let length = token.find(|c: char| !c.is_ascii_alphanumeric() && !"-._~+/=".contains(c)).unwrap_or(token.len());
    let token = &token[..length];
    let drawn = token.contains(|c: char| c.is_ascii_digit()) && token.contains(|c: char| c.is_ascii_alphabetic());
    (start > here + 6 && length >= MIN_TOKEN && drawn).then_some(start..start + length)
}

/// `syn_wbr_<token>`.
fn runner_token(text: &str, here: usize) -> Option<Range<usize>> {
    let rest = text[here..].strip_prefix(RUNNER_TOKEN)?;
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap_or(rest.len());
    (length >= MIN_RUNNER_TOKEN).then_some(here + RUNNER_TOKEN.len()..here + RUNNER_TOKEN.len() + length)
}

/// A private key in PEM, to its end or to the text's. A first line that no key follows is only spoken of.
fn private_key(text: &str, here: usize) -> Option<Range<usize>> {
    let rest = text[here..].strip_prefix(PEM_BEGIN)?;
    let first = &rest[..rest.floor_char_boundary(MAX_LABEL)];
    let label = first.find("-----").map(|end| &first[..end + 5])?;
    if !label.ends_with(PEM_KEY) {
        return None;
    }
    let start = here + PEM_BEGIN.len() + label.len();
    if !begins_with_key(&text[start..]) {
        return None;
    }
    let end = text[start..].find(PEM_END).map_or(text.len(), |end| start + end);
    Some(start..end)
}

/// Whether base64 follows soon, behind blanks, line breaks however they are written, and the fields of an encrypted key. Both cases of letters
/// are in it, as in no hash.
fn begins_with_key(rest: &str) -> bool {
    let near = &rest[..rest.floor_char_boundary(MAX_BEFORE_KEY + MIN_KEY)];
    let near = near.split(PEM_END).next().unwrap_or_default();
    let mixed = |run: &str| run.contains(|c: char| c.is_ascii_uppercase()) && run.contains(|c: char| c.is_ascii_lowercase());
    near.split(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c)).any(|run| run.len() >= MIN_KEY && mixed(run))
}

#[cfg(test)]
mod tests {
    use super::{has_credential, redacted};

    #[test]
    fn only_the_secret_part_is_taken_out() {
        let shown: Vec<_> = [
            "postgres://app:hunter2@db.example.com:5432/shop",
            "could not connect: mysql://root:p%40ss/w@rd@10.0.0.1/shop, and postgresql://a:b@c/d",
            "postgres://db/shop?user=app&password=hunter2&sslmode=require",
            "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc-_~+/==",
            "authorization: bearer 0123456789abcdef0123456789abcdefX",
            "the token syn_wbr_9f8e7d6c5b4a was used",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1\n-----END RSA PRIVATE KEY-----\nafter",
            "-----BEGIN PRIVATE KEY-----\\nMIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1",
            "-----BEGIN EC PRIVATE KEY----- MIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1 -----END EC PRIVATE KEY----- after",
            "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0F2E4D6C8B0A19283746556473829100\n\n\
             MIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1\n-----END RSA PRIVATE KEY-----",
            "https://user:secret@example.com/x and redis://:pw@cache",
            "\"url\":\"postgres://u:s3cr3t@h/d\",\"next\":1",
        ]
        .map(|text| redacted(text).into_owned().replace('\n', "|"))
        .into();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        postgres://app:[redacted]@db.example.com:5432/shop
        could not connect: mysql://root:[redacted]@10.0.0.1/shop, and postgresql://a:[redacted]@c/d
        postgres://db/shop?user=app&password=[redacted]&sslmode=require
        Authorization: Bearer [redacted]
        authorization: bearer [redacted]
        the token syn_wbr_[redacted] was used
        -----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----|after
        -----BEGIN PRIVATE KEY-----[redacted]
        -----BEGIN EC PRIVATE KEY-----[redacted]-----END EC PRIVATE KEY----- after
        -----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----
        https://user:[redacted]@example.com/x and redis://:[redacted]@cache
        "url":"postgres://u:[redacted]@h/d","next":1
        "#);
    }

    #[test]
    fn trap_35_a_text_about_such_things_is_no_credential() {
        for honest in [
            "",
            "Bearer of bad news",
            "the bearer certificate-of-authenticity",
            "Bearer 12345678901234567890",
            "postgres://db.example.com/shop",
            "postgres://app@db.example.com/shop",
            "postgres://app:@db",
            "see https://example.com:8443/a@b?x=y",
            "mailto:a@b.com and 10:30 @ noon",
            "syn_wbr_",
            "syn_wbr_short",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\nMIIB",
            "-----BEGIN OPENSSH PRIVATE KEY----- was missing in the ticket; customer 4711 waits for an answer since Monday, and will call again",
            "-----BEGIN PRIVATE KEY-----\nis the first line, says commit 3f786850e387550fdab836ed7e6dc881de23001b",
            "-----BEGIN PRIVATE KEY-----",
            "token_count: 4711, idempotency_key: wrp_1:INV-1",
            "wer ist der Überbringer? Bearer ü",
            "a::b://c",
            "://u:p@h",
        ] {
            assert!(!has_credential(honest), "{honest}");
            assert_eq!(redacted(honest), honest);
        }
    }

    #[test]
    fn a_long_text_is_cheap() {
        for unit in [
            "a://",
            "postgres://a:b@",
            "bearer ",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN PRIVATE KEY-----",
            "syn_wbr_",
            "Bearer a1",
            "ß://",
        ] {
            let text = unit.repeat(200_000);
            let began = std::time::Instant::now();
            let _ = redacted(&text);
            assert!(began.elapsed().as_secs() < 10, "{unit}");
        }
    }

    #[test]
    fn what_is_redacted_has_no_credential_any_more() {
        let text = "mysql://a:b@c syn_wbr_12345678 Bearer aaaaaaaaaaaaaaaaaaaaa1 -----BEGIN EC PRIVATE KEY-----\n\
            MIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1";
        let once = redacted(text).into_owned();
        assert_eq!(redacted(&once), once);
    }
}
