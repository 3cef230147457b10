//! What may a model be told?
