//! Why did a verb not do what it was asked, and what helps?

use std::error::Error;
use std::fmt::Display;

use synapsor_protocol::chain::chain;

/// A verb that was refused: one sentence, and advice where there is some.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What a verb comes to.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), hint: None }
    }

    /// The error with its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        Self::new(chain(error))
    }

    /// The same with its cause and the causes of that.
    pub(crate) fn because(self, cause: &(dyn Error + 'static)) -> Self {
        Self { message: format!("{}: {}", self.message, chain(cause)), ..self }
    }

    /// The same with advice.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}
