//! What must be true of the workspace as a whole.

mod crates;
