//! Which value may a column hold, and what is its one canonical form?

use synapsor_protocol::{Identifier, Scalar};

/// A value that was parsed into its column's type, in the column's canonical form.
///
/// Only [`CheckedTable`](crate::CheckedTable) makes one, so it is also the proof that column and type exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedValue {
    pub(crate) column: Identifier,
    pub(crate) scalar: Scalar,
}

impl CheckedValue {
    /// The value in canonical form: what a row that holds it reads as.
    pub fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    /// The column that it was checked for.
    pub fn column(&self) -> &Identifier {
        &self.column
    }
}
