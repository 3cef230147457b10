//! Does a column's name say that it holds a secret?
//!
//! Read as words: `api_key`, `apiKey`, `reset_token`, `password_hash`. A word that only says something *about* a secret makes the name
//! harmless: `token_count`, `password_changed_at`, `cookie_consent`. So what follows the word for the secret must be a word for its form.
//! `key` alone is no secret: `idempotency_key`, `primary_key`.

/// Words that name a secret, also with a number behind them.
const SECRETS: [&str; 33] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "secrets",
    "token",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "apikey",
    "apikeys",
    "accesskey",
    "privatekey",
    "secretkey",
    "sshkey",
    "session",
    "sessionid",
    "sessid",
    "jwt",
    "jwts",
    "oauth",
    "ssn",
    "cvv",
    "cvc",
    "otp",
    "sid",
    "databaseurl",
    "dburl",
    "connectionstring",
];

/// Two words that name a secret together.
const PAIRS: [(&str, &str); 39] = [
    ("api", "key"),
    ("api", "keys"),
    ("access", "key"),
    ("access", "keys"),
    ("private", "key"),
    ("private", "keys"),
    ("secret", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("session", "id"),
    ("session", "key"),
    ("social", "security"),
    ("credit", "card"),
    ("card", "number"),
    ("connection", "string"),
    ("database", "url"),
    ("read", "url"),
    ("write", "url"),
    ("access", "tokens"),
    ("refresh", "tokens"),
    ("api", "tokens"),
    ("auth", "tokens"),
    ("ssh", "key"),
    ("ssh", "keys"),
    ("pass", "word"),
    ("pass", "phrase"),
    ("pass", "code"),
    ("user", "pass"),
    ("db", "pass"),
    ("smtp", "pass"),
    ("mail", "pass"),
    ("admin", "pass"),
    ("login", "pass"),
    ("mfa", "seed"),
    ("otp", "seed"),
    ("totp", "seed"),
    ("recovery", "code"),
    ("recovery", "codes"),
    ("backup", "codes"),
];

/// A word that names a secret where nothing stands before it: `pass`, and not `boarding_pass`.
const ALONE: &str = "pass";

/// Words for the form in which a secret is kept: after them it is one still.
const FORMS: [&str; 23] = [
    "hash",
    "hashed",
    "digest",
    "value",
    "text",
    "plain",
    "plaintext",
    "raw",
    "encrypted",
    "enc",
    "cipher",
    "base64",
    "hex",
    "pem",
    "salt",
    "data",
    "blob",
    "bytes",
    "string",
    "number",
    "old",
    "new",
    "current",
];

/// Whether a column of this name probably holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let word = |at: usize| words.get(at).map_or("", |word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    // `is_token`, `has_password`: a yes or a no.
    if matches!(word(0), "is" | "has" | "needs" | "requires") {
        return false;
    }
    (0..words.len()).any(|at| {
        let length = match (word(at), word(at + 1)) {
            pair if PAIRS.contains(&pair) => 2,
            (one, _) if SECRETS.contains(&one) || (at == 0 && one == ALONE) => 1,
            _ => return false,
        };
        let is_form = |word: &String| FORMS.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit());
        words[at + length..].iter().all(is_form)
    })
}

/// The words of a name, in small letters: at `_` and before a capital that follows a small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        if c == '_' || (c.is_ascii_uppercase() && was_small) {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut().filter(|_| c != '_') {
            last.push(c.to_ascii_lowercase());
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn a_name_for_a_secret_is_known_however_it_is_written() {
        for name in [
            "password",
            "PASSWORD",
            "user_password",
            "passwordHash",
            "password_hash",
            "password_salt",
            "passwd",
            "secret",
            "client_secret",
            "secret_2",
            "token",
            "access_token",
            "refreshToken",
            "reset_token",
            "token_value",
            "api_key",
            "apiKey",
            "apikey",
            "API_KEY",
            "aws_access_key",
            "private_key_pem",
            "session",
            "session_id",
            "sessionKey",
            "cookie",
            "credentials",
            "ssn",
            "social_security_number",
            "credit_card",
            "credit_card_number",
            "card_number",
            "cvv",
            "oauth",
            "oauth_token",
            "database_url",
            "connection_string",
            "refresh_tokens",
            "totp_secret",
            "_password_",
            "password2",
            "Password1",
            "apiKey2",
            "api_key_2",
            "ssh_key",
            "sshKey",
            "pass",
            "pass2",
            "pass_hash",
            "db_pass",
            "jwt",
            "user_jwt",
            "sessionid",
            "sessionID",
            "mfa_seed",
            "recovery_codes",
            "recoveryCodes",
            "pass_phrase",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn trap_34_and_trap_35_a_harmless_name_that_looks_like_one_is_harmless() {
        for name in [
            "token_count",
            "tokens_used",
            "tokens",
            "max_tokens",
            "prompt_tokens",
            "idempotency_key",
            "primary_key",
            "foreign_key",
            "key",
            "keyword",
            "monkey",
            "keyboard",
            "password_changed_at",
            "password_reset_required",
            "has_password",
            "is_secret",
            "secretary",
            "secret_santa",
            "token_type",
            "token_expires_at",
            "token_id",
            "cookie_consent",
            "cookies_accepted",
            "session_count",
            "session_started_at",
            "access_key_id",
            "credit_card_type",
            "credit_card_last4",
            "card_last_four",
            "ssn_last4",
            "passwordless",
            "oauth_provider",
            "tokenized",
            "status",
            "late_fee_cents",
            "public_key",
            "api_key_count",
            "read_at",
            "url",
            "sid_count",
            "passenger",
            "passengers",
            "compass",
            "bypass",
            "passport_no",
            "pass_rate",
            "passed",
            "boarding_pass",
            "season_pass",
            "pinned",
            "random_seed",
            "recovery_email",
            "recovery_codes_used",
            "jwt_issuer",
            "ssh_key_fingerprint",
            "oauth2_provider",
            "line2",
            "2",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
