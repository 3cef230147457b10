//! What can a model do?
