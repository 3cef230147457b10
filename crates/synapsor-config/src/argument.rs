//! What may a model say to a capability?
//!
//! # Invariants
//! - Nothing is dropped: an argument that is not declared is refused by name, and one that tries to choose the tenant,
//!   the principal or another trusted value is refused as such.
//! - What passes is a [`Scalar`] of the declared type, inside the declared bounds.
//! - An error never repeats a value, only the argument's name, shortened.
//!
//! Start reading at [`Capability::check_arguments`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use synapsor_protocol::scalar::MAX_EXACT_INTEGER;
use synapsor_protocol::{Number, Scalar};

use crate::capability::Capability;
use crate::nearest::nearest;
use crate::reserved;

/// One argument that a capability takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Its type and bounds.
    pub kind: ArgKind,
    /// What the author tells a model about it.
    pub description: Option<String>,
    /// Whether every call has to give it.
    pub required: bool,
    /// The only values that are accepted (`enum`), never empty.
    pub allowed: Option<Vec<Scalar>>,
}

/// The type of an argument and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgKind {
    /// Text.
    String {
        /// The most UTF-16 code units it may have.
        max_length: Option<u64>,
    },
    /// A number that a double holds exactly.
    Number {
        /// The least allowed value.
        minimum: Option<Number>,
        /// The greatest allowed value.
        maximum: Option<Number>,
    },
    /// True or false.
    Boolean,
}

impl ArgKind {
    /// The type's name, as the file and JSON Schema spell it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Number { .. } => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// Why an argument was refused. The call had no effect, and repeating it unchanged will be refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct ArgumentError {
    argument: String,
    fault: ArgumentFault,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentFault {
    /// It names a value that only the trusted context or the review decides.
    Reserved,
    /// The capability does not take it.
    Unknown {
        /// The declared argument whose name is close.
        nearest: Option<String>,
    },
    /// It is required and was not given.
    Missing,
    /// It has another type.
    WrongType {
        /// The declared type.
        expected: &'static str,
    },
    /// It is a number that not every JSON reader holds exactly.
    InexactNumber,
    /// It holds the NUL character, which no database takes.
    Nul,
    /// It is too long.
    TooLong {
        /// The most UTF-16 code units it may have.
        max_length: u64,
    },
    /// It is too small.
    BelowMinimum {
        /// The bound.
        minimum: Number,
    },
    /// It is too large.
    AboveMaximum {
        /// The bound.
        maximum: Number,
    },
    /// It is none of the listed values.
    NotAllowed {
        /// The listed values.
        allowed: Vec<Scalar>,
    },
}

impl ArgumentError {
    fn new(argument: &str, fault: ArgumentFault) -> Self {
        Self { argument: shortened(argument), fault }
    }

    /// The argument's name: at most 64 characters, control characters replaced.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// What is wrong with it.
    pub fn fault(&self) -> &ArgumentFault {
        &self.fault
    }

    /// The internal code, as the ledger keeps it.
    pub fn code(&self) -> &'static str {
        match self.fault {
            ArgumentFault::Reserved => "MODEL_CANNOT_OVERRIDE_BINDING",
            ArgumentFault::Unknown { .. } => "ARGUMENT_UNKNOWN",
            ArgumentFault::Missing => "ARGUMENT_REQUIRED",
            ArgumentFault::WrongType { .. } | ArgumentFault::InexactNumber | ArgumentFault::Nul => "ARGUMENT_TYPE_INVALID",
            ArgumentFault::TooLong { .. } => "ARGUMENT_TOO_LONG",
            ArgumentFault::BelowMinimum { .. } => "ARGUMENT_BELOW_MINIMUM",
            ArgumentFault::AboveMaximum { .. } => "ARGUMENT_ABOVE_MAXIMUM",
            ArgumentFault::NotAllowed { .. } => "ARGUMENT_NOT_ALLOWED",
        }
    }

    fn sentence(&self) -> String {
        let name = &self.argument;
        match &self.fault {
            ArgumentFault::Reserved => format!("argument `{name}` is set by the trusted context and cannot be given"),
            ArgumentFault::Unknown { nearest: Some(nearest) } => format!("argument `{name}` is unknown; did you mean `{nearest}`?"),
            ArgumentFault::Unknown { nearest: None } => format!("argument `{name}` is unknown"),
            ArgumentFault::Missing => format!("argument `{name}` is required"),
            ArgumentFault::WrongType { expected } => format!("argument `{name}` must be a {expected}"),
            ArgumentFault::InexactNumber => format!("argument `{name}` is a number beyond 2^53, which cannot be held exactly"),
            ArgumentFault::Nul => format!("argument `{name}` holds the NUL character"),
            ArgumentFault::TooLong { max_length } => format!("argument `{name}` is longer than {max_length} UTF-16 code units"),
            ArgumentFault::BelowMinimum { minimum } => format!("argument `{name}` must be at least {minimum}"),
            ArgumentFault::AboveMaximum { maximum } => format!("argument `{name}` must be at most {maximum}"),
            ArgumentFault::NotAllowed { allowed } => format!("argument `{name}` must be one of: {}", listed(allowed)),
        }
    }
}

impl Capability {
    /// Checks a call's arguments, all of them. The result holds exactly the declared arguments that were given.
    pub fn check_arguments(&self, given: &Map<String, Value>) -> Result<BTreeMap<String, Scalar>, ArgumentError> {
        for name in given.keys() {
            self.check_name(name)?;
        }
        let mut checked = BTreeMap::new();
        for arg in &self.args {
            match given.get(&arg.name) {
                Some(value) => drop(checked.insert(arg.name.clone(), arg.check(value)?)),
                None if arg.required => return Err(ArgumentError::new(&arg.name, ArgumentFault::Missing)),
                None => {}
            }
        }
        Ok(checked)
    }

    fn check_name(&self, name: &str) -> Result<(), ArgumentError> {
        if self.arg(name).is_some() {
            return Ok(());
        }
        let fault = if reserved::is_trust_field(name) {
            ArgumentFault::Reserved
        } else {
            let nearest = nearest(name, self.args.iter().map(|arg| arg.name.as_str()));
            ArgumentFault::Unknown { nearest: nearest.map(str::to_owned) }
        };
        Err(ArgumentError::new(name, fault))
    }
}

impl Arg {
    /// Checks one value.
    pub fn check(&self, value: &Value) -> Result<Scalar, ArgumentError> {
        self.accept(value).map_err(|fault| ArgumentError::new(&self.name, fault))
    }

    fn accept(&self, value: &Value) -> Result<Scalar, ArgumentFault> {
        let scalar = match (&self.kind, value) {
            (ArgKind::String { max_length }, Value::String(text)) => string(text, *max_length)?,
            (ArgKind::Number { minimum, maximum }, Value::Number(number)) => bounded(number, *minimum, *maximum)?,
            (ArgKind::Boolean, Value::Bool(value)) => Scalar::Bool(*value),
            _ => return Err(ArgumentFault::WrongType { expected: self.kind.type_name() }),
        };
        match &self.allowed {
            Some(allowed) if !allowed.contains(&scalar) => Err(ArgumentFault::NotAllowed { allowed: allowed.clone() }),
            _ => Ok(scalar),
        }
    }

    /// What of it a reviewer approved.
    pub(crate) fn reviewed(&self) -> ReviewedArg<'_> {
        let (max_length, minimum, maximum) = match self.kind {
            ArgKind::String { max_length } => (max_length, None, None),
            ArgKind::Number { minimum, maximum } => (None, minimum, maximum),
            ArgKind::Boolean => (None, None, None),
        };
        ReviewedArg {
            name: &self.name,
            r#type: self.kind.type_name(),
            required: self.required,
            max_length,
            minimum: minimum.map(Scalar::Number),
            maximum: maximum.map(Scalar::Number),
            allowed: self.allowed.as_deref(),
        }
    }
}

/// An argument as the capability's digest sees it.
#[derive(Serialize)]
pub(crate) struct ReviewedArg<'a> {
    pub(crate) name: &'a str,
    r#type: &'static str,
    required: bool,
    max_length: Option<u64>,
    minimum: Option<Scalar>,
    maximum: Option<Scalar>,
    allowed: Option<&'a [Scalar]>,
}

fn string(text: &str, max_length: Option<u64>) -> Result<Scalar, ArgumentFault> {
    if text.contains('\0') {
        return Err(ArgumentFault::Nul);
    }
    match max_length {
        Some(max_length) if text.encode_utf16().count() as u64 > max_length => Err(ArgumentFault::TooLong { max_length }),
        _ => Ok(Scalar::from(text)),
    }
}

fn bounded(number: &serde_json::Number, minimum: Option<Number>, maximum: Option<Number>) -> Result<Scalar, ArgumentFault> {
    let number = exact(number).ok_or(ArgumentFault::InexactNumber)?;
    if let Some(minimum) = minimum.filter(|minimum| number.as_f64() < minimum.as_f64()) {
        return Err(ArgumentFault::BelowMinimum { minimum });
    }
    if let Some(maximum) = maximum.filter(|maximum| number.as_f64() > maximum.as_f64()) {
        return Err(ArgumentFault::AboveMaximum { maximum });
    }
    Ok(Scalar::Number(number))
}

/// Beyond 2^53 a double has no neighbours to tell it from what the caller wrote.
fn exact(number: &serde_json::Number) -> Option<Number> {
    if number.is_f64() {
        let value = number.as_f64().filter(|value| value.abs() <= MAX_EXACT_INTEGER as f64);
        return value.and_then(Number::from_f64);
    }
    number.as_i64().and_then(Number::from_i64)
}

fn listed(allowed: &[Scalar]) -> String {
    let shown: Vec<String> = allowed.iter().map(Scalar::to_string).collect();
    shown.join(", ")
}

fn shortened(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    plain.take(64).collect()
}

#[cfg(test)]
mod tests;
