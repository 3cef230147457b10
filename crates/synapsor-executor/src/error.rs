//! Why can an executor not be opened?

use synapsor_protocol::handler::signature::SecretError;

/// Why an executor cannot be opened. Nothing was connected or started, and no value of a variable is repeated.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The address is no URL.
    #[error("`{variable}` holds no address: it must be `https://host/path`, or `http://` on this machine")]
    Address {
        /// The variable that holds it.
        variable: String,
    },
    /// The address has a user or a password in it.
    #[error("`{variable}` holds an address with a user in it; a token has a variable of its own")]
    AddressWithUser {
        /// The variable that holds it.
        variable: String,
    },
    /// The address is neither encrypted nor on this machine.
    #[error("`{variable}` holds an address of another machine without TLS; only `https` leaves this one")]
    Cleartext {
        /// The variable that holds it.
        variable: String,
    },
    /// The token cannot stand in a header.
    #[error("`{variable}` holds a token that cannot stand in a header")]
    Token {
        /// The variable that holds it.
        variable: String,
    },
    /// The signing secret cannot be used.
    #[error("`{variable}` holds no signing secret: {cause}")]
    SigningSecret {
        /// The variable that holds it.
        variable: String,
        /// What is wrong with it.
        cause: SecretError,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The command line cannot be split into words.
    #[error("`{variable}` holds a command line that {problem}")]
    CommandLine {
        /// The variable that holds it.
        variable: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}
