//! Why does a server not start?

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server did not start, or had to stop. Nothing was served, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An address beyond loopback without TLS.
    #[error("`{address}` is beyond loopback, where requests may not travel in the clear")]
    Cleartext {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// No token is required, though others than this machine can connect.
    #[error("`{address}` can be reached by others, so a token is required")]
    OpenToOthers {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The server can be reached by other names than its own address, and none is listed.
    #[error("`{address}` stands for every address of this machine, so the allowed hosts must be listed")]
    HostsRequired {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The token is empty, or no HTTP header can carry it.
    #[error("the token is empty or has characters that no header can carry")]
    UnusableToken,
    /// The address to listen on is neither an IP address nor `localhost`.
    #[error("`{host}` is neither an IP address nor `localhost`")]
    InvalidAddress {
        /// What was given.
        host: String,
    },
    /// An allowed host is no `host` or `host:port`.
    #[error("`{host}` is not a host, with or without a port")]
    InvalidHost {
        /// What was given.
        host: String,
    },
    /// An allowed origin is no `http(s)://host` or `http(s)://host:port`.
    #[error("`{origin}` is not an origin such as `https://app.example.com`")]
    InvalidOrigin {
        /// What was given.
        origin: String,
    },
    /// A file with a certificate or a key cannot be read, or holds none.
    #[error("`{}` holds no usable {what}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What it should hold: `certificate` or `private key`.
        what: &'static str,
        /// What reading it said.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit together, or TLS refuses them.
    #[error("the certificate and the private key cannot be used")]
    Tls(#[source] rustls::Error),
    /// The operating system does not give us the address.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The signals that end a process cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}

impl HttpError {
    /// What to do about it, if one sentence can say it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Cleartext { .. } => Some("give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it"),
            Self::OpenToOthers { .. } => Some("leave out `--dev-no-auth`"),
            Self::HostsRequired { .. } => Some("list the names that clients use with `--allowed-host`"),
            Self::UnusableToken => Some("use a long random text of visible ASCII characters"),
            Self::InvalidAddress { .. } => Some("use `127.0.0.1`, `::1`, `localhost` or an address of this machine"),
            Self::InvalidHost { .. }
            | Self::InvalidOrigin { .. }
            | Self::TlsFile { .. }
            | Self::Tls(_)
            | Self::Bind { .. }
            | Self::Signals(_) => None,
        }
    }
}
