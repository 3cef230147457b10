//! altered
