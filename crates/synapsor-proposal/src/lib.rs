//! What may happen to a proposal next?
