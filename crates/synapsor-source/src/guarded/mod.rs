//! How is an approved change applied exactly once, or visibly not, or visibly unknown?

mod change;

pub use change::{Advance, Change, Claim, Fence, Guard, Rehearsal, RowGuard};
