//! What of an executor's settings is a secret?
//!
//! Whole values, and the parts of them that a program takes out and may say by themselves: the password of an address, a line of a key, a
//! member of a JSON text, what follows a name that says it. What is so short or so ordinary that it stands everywhere is none.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use synapsor_protocol::Secret;
use url::Url;

/// Shorter values, in bytes, are words that stand everywhere, and no secrets.
const SHORTEST: usize = 8;

/// What is named as a secret is one, unless it is so short that it stands everywhere.
const SHORTEST_NAMED: usize = 4;

/// The path at which handlers are served by the book.
const USUAL_PATH: &str = "/synapsor/writeback";

/// How a secret of Standard Webhooks begins; base64 follows, as lenient as it is read when requests are signed.
const WEBHOOK: &str = "whsec_";
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Parts of a name, without what parts its words, that say that it names a secret; and words that only say it by themselves.
const WITHIN: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "sessionkey",
    "authkey",
];
const ALONE: [&str; 6] = ["pass", "pw", "auth", "authorization", "bearer", "pin"];

/// The secrets that an executor was opened with. No `Debug`.
#[derive(Default)]
pub(crate) struct Loaded(Vec<Vec<u8>>);

impl Loaded {
    /// What an HTTP handler is opened with: its address, its token, and what signs its requests.
    pub(crate) fn of_service(url: &Secret, token: Option<&Secret>, signing_secret: Option<&Secret>) -> Self {
        let mut loaded = Self::default();
        loaded.target(url.expose());
        token.into_iter().for_each(|token| loaded.value(token.expose(), SHORTEST_NAMED));
        if let Some(secret) = signing_secret.map(Secret::expose) {
            loaded.value(secret, SHORTEST_NAMED);
            if let Some(encoded) = secret.strip_prefix(WEBHOOK) {
                loaded.value(encoded, SHORTEST_NAMED);
                loaded.add(LENIENT.decode(encoded).unwrap_or_default(), SHORTEST_NAMED);
            }
        }
        loaded
    }

    /// What a command is run with: its environment but for `PATH`, and its arguments.
    pub(crate) fn of_command(environment: &[(String, Secret)], arguments: &[String]) -> Self {
        let mut loaded = Self::default();
        environment.iter().filter(|(name, _)| name != "PATH").for_each(|(_, value)| loaded.value(value.expose(), SHORTEST));
        let mut named = false;
        for argument in arguments {
            loaded.argument(argument, named);
            named = argument.starts_with('-') && !argument.contains('=') && names_a_secret(argument);
        }
        loaded
    }

    /// Everything, each once.
    pub(super) fn into_secrets(mut self) -> Vec<Vec<u8>> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }

    fn add(&mut self, secret: impl Into<Vec<u8>>, shortest: usize) {
        let secret = secret.into();
        if secret.len() >= shortest {
            self.0.push(secret);
        }
    }

    /// Path and query of a handler's address; the host is none.
    fn target(&mut self, url: &str) {
        self.address(url);
        let Ok(url) = Url::parse(url.trim()) else { return };
        if url.path() != USUAL_PATH {
            self.decoded(url.path(), SHORTEST);
        }
        url.path_segments().into_iter().flatten().filter(|segment| is_drawn(segment)).for_each(|segment| self.decoded(segment, SHORTEST));
        for whole in [url.query(), url.fragment()].into_iter().flatten() {
            self.decoded(whole, SHORTEST);
        }
        url.query_pairs().for_each(|(_, value)| self.add(value.as_bytes(), SHORTEST));
    }

    /// One word of a command line. One that follows an option for a secret is one; of the others, what is no option, no file and no word.
    fn argument(&mut self, argument: &str, named: bool) {
        let file = |word: &str| Path::new(word).exists();
        if named && !argument.starts_with("--") && !file(argument) {
            return self.value(argument, SHORTEST_NAMED);
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            // `-psecret`
            _ if argument.starts_with('-') && !argument.starts_with("--") => ("", argument.get(2..).unwrap_or_default()),
            _ if argument.starts_with('-') => return,
            _ => ("", argument),
        };
        if names_a_secret(name) && !file(value) {
            return self.value(value, SHORTEST_NAMED);
        }
        if !value.bytes().all(|byte| byte.is_ascii_alphabetic()) && !file(value) {
            self.value(value, SHORTEST);
        }
    }

    /// A value, and what of it may be said by itself.
    fn value(&mut self, text: &str, shortest: usize) {
        let text = text.trim();
        self.decoded(text, shortest);
        // A key on one line often has its breaks written out.
        let broken = text.replace("\\n", "\n");
        broken.lines().for_each(|line| self.add(line.trim(), SHORTEST.max(shortest)));
        if let Ok(members @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            self.members("", &members);
        }
        self.address(text);
        text.split([' ', ',', ';', '\n', '"', '\'']).for_each(|part| self.address(part));
        self.named_parts(text);
    }

    /// As it is, and without percent-encoding.
    fn decoded(&mut self, text: &str, shortest: usize) {
        self.add(percent_decode_str(text).collect::<Vec<_>>(), shortest);
        self.add(text, shortest);
    }

    fn members(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => {
                self.add(text.trim(), if names_a_secret(name) { SHORTEST_NAMED } else { SHORTEST });
                text.lines().for_each(|line| self.add(line.trim(), SHORTEST));
                self.address(text);
            }
            Value::Array(items) => items.iter().for_each(|item| self.members(name, item)),
            Value::Object(members) => members.iter().for_each(|(name, value)| self.members(name, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The password of an address, also of one that is not written by the book.
    fn address(&mut self, text: &str) {
        let Some((_, rest)) = text.split_once("://") else { return };
        if let Some(password) = Url::parse(text).ok().as_ref().and_then(Url::password) {
            self.decoded(password, SHORTEST_NAMED);
        }
        let user = rest.rfind('@').map(|at| &rest[..at]);
        if let Some((_, password)) = user.and_then(|user| user.split_once(':')) {
            self.decoded(password, SHORTEST_NAMED);
        }
    }

    /// `password=...` of a connection string, `token: ...` and `Bearer ...` of a header.
    fn named_parts(&mut self, text: &str) {
        let mut before = "";
        for part in text.split([' ', '\n', ';', '&', '?', ',']).filter(|part| !part.is_empty()) {
            let bare = |text: &str| text.trim_matches(['"', '\'']).to_owned();
            if before.eq_ignore_ascii_case("bearer") || before.eq_ignore_ascii_case("basic") {
                self.add(bare(part), SHORTEST);
            } else if before.ends_with([':', '=']) && names_a_secret(before) {
                self.add(bare(part), SHORTEST_NAMED);
            } else if let Some((_, value)) = part.split_once(['=', ':']).filter(|(name, _)| names_a_secret(name)) {
                self.decoded(&bare(value), SHORTEST_NAMED);
            }
            before = part;
        }
    }
}

/// Whether a name, of an option or of a member, says that a secret follows. One that says so wrongly costs a word in a report.
fn names_a_secret(name: &str) -> bool {
    let words: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let last =
        name.trim_end_matches([':', '=', '"', '\'']).rsplit(['-', '_', '.', '"', '\'']).next().unwrap_or_default().to_ascii_lowercase();
    WITHIN.iter().any(|part| words.contains(part)) || ALONE.contains(&last.as_str())
}

/// Whether a part of a path looks as if it was drawn by lot and not chosen as a name.
fn is_drawn(segment: &str) -> bool {
    let capitals = segment.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    segment.bytes().any(|byte| byte.is_ascii_digit()) || (capitals && segment.bytes().any(|byte| byte.is_ascii_lowercase()))
}
