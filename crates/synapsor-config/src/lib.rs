//! What did a person review and allow?
