//! How does an author get a value of a job, of the type that it must have?

use synapsor_protocol::{Columns, Scalar};

/// Values by name: what was approved, or a row. Each getter says which value is not as it must be, and not what it is.
///
/// ```
/// use synapsor_handler::{Columns, Fields, Scalar};
///
/// let columns: Columns = [("cents".parse().unwrap(), Scalar::from(250))].into();
/// let fields = Fields::new("patch", &columns);
/// assert_eq!(fields.integer("cents").unwrap(), 250);
/// assert_eq!(fields.text("cents").unwrap_err().to_string(), "`cents` of the patch is no text");
/// assert_eq!(fields.optional_text("note").unwrap(), None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    of: &'static str,
    columns: &'a Columns,
}

/// A value that is not as the author needs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` of the {of} {problem}")]
#[non_exhaustive]
pub struct FieldError {
    /// Which.
    pub name: String,
    /// Of what: `patch`, `before` or `row`.
    pub of: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It is not there, or of a type that cannot be carried.
    Missing,
    /// It is null.
    Null,
    /// Another type.
    NoText,
    /// Another type, or with digits behind the point, or beyond 64 bits.
    NoInteger,
    /// Another type.
    NoNumber,
    /// Another type.
    NoBoolean,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "is not there",
            Self::Null => "is null",
            Self::NoText => "is no text",
            Self::NoInteger => "is no integer",
            Self::NoNumber => "is no number",
            Self::NoBoolean => "is neither true nor false",
        })
    }
}

impl<'a> Fields<'a> {
    /// The values of this row or patch.
    pub fn new(of: &'static str, columns: &'a Columns) -> Self {
        Self { of, columns }
    }

    /// All of them.
    pub fn columns(&self) -> &'a Columns {
        self.columns
    }

    /// The value, null included.
    pub fn scalar(&self, name: &str) -> Result<&'a Scalar, FieldError> {
        self.columns.get(name).ok_or_else(|| self.error(name, Problem::Missing))
    }

    /// The text.
    pub fn text(&self, name: &str) -> Result<&'a str, FieldError> {
        self.present(name)?.as_str().ok_or_else(|| self.error(name, Problem::NoText))
    }

    /// The integer, which may have come as a text if it is beyond 2^53.
    pub fn integer(&self, name: &str) -> Result<i64, FieldError> {
        let integer = match self.present(name)? {
            Scalar::Number(number) => number.as_i64(),
            Scalar::String(digits) => digits.parse().ok(),
            Scalar::Null | Scalar::Bool(_) => None,
        };
        integer.ok_or_else(|| self.error(name, Problem::NoInteger))
    }

    /// The number as a double. For exact decimals take the text.
    pub fn number(&self, name: &str) -> Result<f64, FieldError> {
        let number = match self.present(name)? {
            Scalar::Number(number) => Some(number.as_f64()),
            Scalar::String(digits) => digits.parse().ok().filter(|number: &f64| number.is_finite()),
            Scalar::Null | Scalar::Bool(_) => None,
        };
        number.ok_or_else(|| self.error(name, Problem::NoNumber))
    }

    /// True or false.
    pub fn boolean(&self, name: &str) -> Result<bool, FieldError> {
        match self.present(name)? {
            Scalar::Bool(value) => Ok(*value),
            Scalar::Null | Scalar::Number(_) | Scalar::String(_) => Err(self.error(name, Problem::NoBoolean)),
        }
    }

    /// The text, if there is one that is not null.
    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        if self.says(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// The integer, if there is one that is not null.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, FieldError> {
        if self.says(name) { self.integer(name).map(Some) } else { Ok(None) }
    }

    fn says(&self, name: &str) -> bool {
        self.columns.get(name).is_some_and(|value| !value.is_null())
    }

    fn present(&self, name: &str) -> Result<&'a Scalar, FieldError> {
        let value = self.scalar(name)?;
        if value.is_null() { Err(self.error(name, Problem::Null)) } else { Ok(value) }
    }

    fn error(&self, name: &str, problem: Problem) -> FieldError {
        FieldError { name: name.to_owned(), of: self.of, problem }
    }
}
