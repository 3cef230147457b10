//! How is HTTP served safely?
