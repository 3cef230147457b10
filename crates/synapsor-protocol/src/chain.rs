//! How is an error told with its causes, in one line? For operators and for the ledger; never for a model.

use std::error::Error;

/// The error and its causes, joined by colons. A cause whose words stand there already is left out, and of each only the first line is
/// told: what a driver says on further lines may quote rows.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.map(first_line).fold(first_line(error), |told, cause| if told.ends_with(&cause) { told } else { format!("{told}: {cause}") })
}

fn first_line(error: &(dyn Error + 'static)) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::chain;
    use crate::preparse::{Limits, ParseError, from_slice};

    #[test]
    fn no_cause_is_told_twice() {
        let refused = from_slice::<bool>(b"[", Limits::DEFAULT).unwrap_err();
        insta::assert_snapshot!(chain(&refused), @"the text is not JSON (line 1, column 2)");
        let other = from_slice::<bool>(b"1", Limits::DEFAULT).unwrap_err();
        assert!(matches!(other, ParseError::Shape(_)));
        insta::assert_snapshot!(chain(&other), @"the record does not have the expected form: invalid type: integer `1`, expected a boolean at line 1 column 1");
    }
}
