//! What does a test need that a user does not? (development only)
