//! What may the file hold?
