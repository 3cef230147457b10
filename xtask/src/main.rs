//! Generated files and the test suite.

fn main() {}
