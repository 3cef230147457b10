//! What a proposal may change, and what it takes.

use synapsor_protocol::{Identifier, Scalar};

use crate::proposal_rules::Advance;
use crate::raw::words::words;
use crate::raw::{Finite, Named, OneOf, Slot, Text, Whole, object};

object! {
    /// Where the value of a patch column comes from: exactly one of the two.
    #[cfg_attr(feature = "schemas", schemars(rename = "Binding", extend("minProperties" = 1, "maxProperties" = 1)))]
    RawBinding {
        /// The value itself; `null` is one.
        fixed: Scalar,
        /// The argument that holds it. A call that leaves an optional one out leaves the column as it is.
        from_arg: Text,
    }
}

object! {
    /// The bounds of a number, both inclusive.
    #[cfg_attr(feature = "schemas", schemars(rename = "Bound", extend("minProperties" = 1)))]
    RawBound {
        /// The least allowed value.
        minimum: Finite,
        /// The greatest allowed value.
        maximum: Finite,
    }
}

object! {
    /// Which states may follow which.
    #[cfg_attr(feature = "schemas", schemars(rename = "TransitionGuard", extend("required" = ["allowed"])))]
    RawTransition {
        /// The column that holds the present state; the patch column itself if it is absent.
        from_column: Identifier,
        /// Present state to the states that may follow.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        allowed: Named<Vec<Slot<Text>>>,
    }
}

object! {
    /// How a row that changed in the meantime is noticed: by `column`, or by a hash of the row where a person accepts that.
    #[cfg_attr(feature = "schemas", schemars(rename = "ConflictGuard"))]
    RawGuard {
        /// The version column.
        column: Identifier,
        /// Accepts that the table has no version column.
        weak_guard_ack: bool,
        /// Who moves the version column: the runner, which it is if this is absent, or the database.
        advance: OneOf<Advance>,
    }
}

words!(Advance {
    "auto" => Advance::Auto,
    "database" => Advance::Database,
});

object! {
    /// Who has to say yes.
    #[cfg_attr(feature = "schemas", schemars(rename = "Approval"))]
    RawApproval {
        /// A person decides.
        mode: OneOf<ApprovalWord>,
        /// The role that an approver must hold.
        required_role: Text,
        /// How long a proposal may wait, in seconds; seven days if it is absent.
        expires_after_seconds: Whole<315_360_000>,
    }
}

/// The only way to decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApprovalWord;

words!(ApprovalWord {
    "human" => ApprovalWord,
});
