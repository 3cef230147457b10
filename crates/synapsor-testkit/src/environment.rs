//! What does the run tell its tests?

#![expect(clippy::disallowed_methods, reason = "this module is where tests read what `cargo xtask test` tells them")]

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

use url::Url;

/// `1`: tests that need a server are left out, and say so.
const NO_SERVICES: &str = "SYNAPSOR_TEST_NO_SERVICES";

/// How the run tells of one kind of server.
pub(crate) struct Announced {
    name: &'static str,
    url: &'static str,
    authority: &'static str,
}

pub(crate) const POSTGRES: Announced =
    Announced { name: "PostgreSQL", url: "SYNAPSOR_TEST_POSTGRES_URL", authority: "SYNAPSOR_TEST_POSTGRES_CA" };

pub(crate) const MYSQL: Announced =
    Announced { name: "MySQL or MariaDB", url: "SYNAPSOR_TEST_MYSQL_URL", authority: "SYNAPSOR_TEST_MYSQL_CA" };

impl Announced {
    /// The URL of a superuser of a server that the run may fill with databases, or `None` where servers are left out.
    ///
    /// # Panics
    /// If there is neither a server nor the word that servers are left out.
    pub(crate) fn url(&self) -> Option<Url> {
        if let Ok(text) = env::var(self.url) {
            return Some(Url::parse(&text).expect("the address of the test server is a URL"));
        }
        assert!(
            env::var(NO_SERVICES).is_ok_and(|word| word == "1"),
            "{} is not set; run `cargo xtask test`, or one command as in \
             `cargo xtask with-services cargo test -p NAME`, or leave such tests out with {NO_SERVICES}=1",
            self.url
        );
        left_out(self.name);
        None
    }

    /// A PEM file with the authority that signed the server's certificate.
    ///
    /// # Panics
    /// If the run does not say.
    pub(crate) fn authority(&self) -> PathBuf {
        env::var_os(self.authority).expect("the run names the authority of the test server").into()
    }
}

/// Says that the running test leaves something out, and what it would have needed: one line past the capture of test output.
/// `cargo xtask test` collects these lines.
pub fn left_out(needed: &str) {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // In one piece, or the words of parallel tests mix.
    let line = format!("left out: {package} {test} (needs {needed})\n");
    // Without a place to say it there is nobody to hear it.
    let _ = io::stderr().write_all(line.as_bytes());
}
