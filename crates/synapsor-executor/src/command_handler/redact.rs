//! What of a command's own words may an operator see?
//!
//! All but the values that the command was given, the passwords of addresses in them, and what looks like a credential.

use synapsor_protocol::Secret;
use synapsor_protocol::credential::redacted;
use url::Url;

use super::words::Line;

/// What stands where something was taken out.
const TAKEN_OUT: &str = "[redacted]";

/// Shorter values, in bytes, are words that stand everywhere, and no secrets.
const SHORTEST: usize = 8;

/// A password in an address is one, unless it is so short that it stands everywhere.
const SHORTEST_PASSWORD: usize = 4;

/// What is taken out of a text; longer values first, so that none leaves a part of it behind.
#[derive(Debug, Clone)]
pub(super) struct Redaction(Vec<Secret>);

impl Redaction {
    /// The values of an environment and the arguments of a command line. `PATH`, the program, and what looks like an option or the
    /// path of a file are no secrets.
    pub(super) fn of(environment: &[(String, Secret)], line: &Line) -> Self {
        let passed = environment.iter().filter(|(name, _)| name != "PATH").map(|(_, value)| value.expose().trim());
        let said = line.arguments.iter().map(String::as_str).filter(|argument| argument.contains("://"));
        let whole: Vec<&str> = passed.chain(said).collect();
        let within = whole.iter().filter_map(|value| Url::parse(value).ok()).filter_map(|url| url.password().map(str::to_owned));
        let mut values: Vec<String> = within.filter(|password| password.len() >= SHORTEST_PASSWORD).collect();
        values.extend(whole.into_iter().filter(|value| value.len() >= SHORTEST).map(str::to_owned));
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values.into_iter().map(Secret::new).collect())
    }

    pub(super) fn of_text(&self, text: &str) -> String {
        let without = self.0.iter().fold(text.to_owned(), |text, value| text.replace(value.expose(), TAKEN_OUT));
        redacted(&without).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use synapsor_protocol::Secret;

    use super::super::words::Line;
    use super::Redaction;

    #[test]
    fn what_was_passed_to_a_command_is_taken_out_of_what_it_says() {
        let passed = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
        let environment = [
            passed("PATH", "/usr/bin:/bin"),
            passed("LANG", "de"),
            passed("MODE", "crash"),
            passed("DB", "postgres://app:hunter22@db/shop"),
            passed("OLD_DB", "mysql://app:pw-7@db/shop"),
            passed("TOKEN", "hunter22-and-more\n"),
        ];
        let line = Line::split("run --db sqlite://u:canary7f@x/y plain").unwrap();
        let said = "no: postgres://app:hunter22@db/shop, hunter22-and-more, hunter22, canary7f, pw-7, plain, de, crash, /usr/bin:/bin, \
            mysql://other:canary-3a@db/x";
        insta::assert_snapshot!(
            Redaction::of(&environment, &line).of_text(said),
            @"no: [redacted], [redacted], [redacted], [redacted], [redacted], plain, de, crash, /usr/bin:/bin, mysql://other:[redacted]@db/x"
        );
    }
}
