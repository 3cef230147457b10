//! What does the environment say?
//!
//! The only place that reads environment variables. What it returns is never printed: `Debug` shows nothing of it.

use std::collections::BTreeMap;
use std::fmt;

use synapsor_protocol::Secret;
use synapsor_protocol::name::EnvName;

use crate::error::ConfigError;

/// The environment of the process, or one made for a test.
#[derive(Clone)]
pub struct Environment(Values);

#[derive(Clone)]
enum Values {
    Process,
    Fixed(BTreeMap<String, String>),
}

impl Environment {
    /// The environment of this process, read anew at each question.
    pub fn process() -> Self {
        Self(Values::Process)
    }

    /// An environment with these variables and no others.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(Values::Fixed(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// The variable's value without line breaks and spaces at its end. `None` if it is unset, empty, or not UTF-8.
    pub fn value(&self, name: &EnvName) -> Option<String> {
        let value = self.raw(name.as_str())?;
        let trimmed = value.trim_end();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// The variable's value without the one line break that a file or a shell may add, and otherwise exactly: `acme` and `acme ` are two
    /// tenants. `None` if it is unset, empty, or not UTF-8.
    pub fn exact_value(&self, name: &EnvName) -> Option<String> {
        let value = self.raw(name.as_str())?;
        let line = value.strip_suffix('\n').map_or(value.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// The variable's value as a secret; the error names the variable.
    pub fn secret(&self, name: &EnvName) -> Result<Secret, ConfigError> {
        let value = self.value(name).ok_or_else(|| ConfigError::VariableMissing { name: name.clone() })?;
        Ok(Secret::new(value))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment module")]
    fn raw(&self, name: &str) -> Option<String> {
        match &self.0 {
            Values::Process => std::env::var(name).ok(),
            Values::Fixed(variables) => variables.get(name).cloned(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::{EnvName, Environment};

    #[test]
    fn a_value_loses_the_line_break_at_its_end_and_an_empty_one_is_absent() {
        let environment = Environment::of([("A", "acme \r\n"), ("B", " acme"), ("C", ""), ("D", " \n")]);
        let value = |name| environment.value(&EnvName::new(name).unwrap());
        assert_eq!(value("A").as_deref(), Some("acme"));
        assert_eq!(value("B").as_deref(), Some(" acme"));
        assert_eq!((value("C"), value("D"), value("E")), (None, None, None));
    }

    #[test]
    fn a_value_that_names_somebody_keeps_its_blanks() {
        let environment = Environment::of([("A", "acme \r\n"), ("B", "acme\n"), ("C", "acme\u{a0}"), ("D", "\n"), ("E", "acme\n\n")]);
        let value = |name| environment.exact_value(&EnvName::new(name).unwrap());
        assert_eq!(value("A").as_deref(), Some("acme "));
        assert_eq!(value("B").as_deref(), Some("acme"));
        assert_eq!(value("C").as_deref(), Some("acme\u{a0}"));
        assert_eq!(value("D"), None);
        assert_eq!(value("E").as_deref(), Some("acme\n"));
    }

    #[test]
    fn no_value_is_ever_printed() {
        assert_eq!(format!("{:?}", Environment::of([("TOKEN", "canary-7f")])), "Environment");
        let missing = Environment::of([("A", "")]).secret(&EnvName::new("A").unwrap());
        insta::assert_snapshot!(missing.unwrap_err(), @"environment variable `A` is not set");
    }
}
