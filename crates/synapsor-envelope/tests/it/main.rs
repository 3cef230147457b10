//! The envelope, seen from outside.

mod documented;
