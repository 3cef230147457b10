//! Where may a server listen?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::error::HttpError;

/// What keeps requests from travelling in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Nothing: only loopback will do.
    None,
    /// This server ends TLS itself, with these two PEM files.
    Tls {
        /// The certificate, followed by those between it and the root.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A proxy in front of it ends TLS; the operator vouches for the way between.
    TlsProxy,
}

/// An address that a server may listen on: loopback, or another one that is protected. Only [`Listen::on`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    address: SocketAddr,
    protection: Protection,
}

impl Listen {
    /// The address for an IP address or `localhost`, and a port; port 0 lets the system choose.
    ///
    /// Refuses names, because what they stand for may change, and addresses beyond loopback without protection.
    pub fn on(host: &str, port: u16, protection: Protection) -> Result<Self, HttpError> {
        let ip = ip_address(host).ok_or_else(|| HttpError::InvalidAddress { host: host.to_owned() })?;
        let address = SocketAddr::new(ip, port);
        if protection == Protection::None && !ip.is_loopback() {
            return Err(HttpError::Cleartext { address });
        }
        Ok(Self { address, protection })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What keeps requests from travelling in the clear.
    pub fn protection(&self) -> &Protection {
        &self.protection
    }

    /// Whether only processes of this machine can connect: on loopback, and no proxy passes requests of others on.
    pub fn is_private(&self) -> bool {
        self.address.ip().is_loopback() && self.protection != Protection::TlsProxy
    }

    /// The scheme by which clients reach this server.
    pub fn scheme(&self) -> &'static str {
        if self.protection == Protection::None { "http" } else { "https" }
    }
}

fn ip_address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Listen, Protection};

    fn check(host: &str, protection: Protection) -> String {
        match Listen::on(host, 8766, protection) {
            Ok(listen) => format!("{}://{}", listen.scheme(), listen.address()),
            Err(error) => format!("refused: {error}; hint: {}", error.hint().unwrap_or("none")),
        }
    }

    #[test]
    fn beyond_loopback_there_is_no_cleartext() {
        insta::assert_snapshot!(check("127.0.0.1", Protection::None), @"http://127.0.0.1:8766");
        insta::assert_snapshot!(check("localhost", Protection::None), @"http://127.0.0.1:8766");
        insta::assert_snapshot!(check("[::1]", Protection::None), @"http://[::1]:8766");
        insta::assert_snapshot!(check("127.8.8.8", Protection::None), @"http://127.8.8.8:8766");
        insta::assert_snapshot!(check("0.0.0.0", Protection::None), @"refused: `0.0.0.0:8766` is beyond loopback, where requests may not travel in the clear; hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it");
        insta::assert_snapshot!(check("::", Protection::None), @"refused: `[::]:8766` is beyond loopback, where requests may not travel in the clear; hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it");
        insta::assert_snapshot!(check("192.168.1.4", Protection::None), @"refused: `192.168.1.4:8766` is beyond loopback, where requests may not travel in the clear; hint: give `--tls-cert` and `--tls-key`, or `--behind-tls-proxy` if a proxy ends TLS in front of it");
        insta::assert_snapshot!(check("192.168.1.4", Protection::TlsProxy), @"https://192.168.1.4:8766");
        insta::assert_snapshot!(check("example.com", Protection::TlsProxy), @"refused: `example.com` is neither an IP address nor `localhost`; hint: use `127.0.0.1`, `::1`, `localhost` or an address of this machine");
    }

    #[test]
    fn a_server_behind_a_proxy_is_not_private() {
        assert!(Listen::on("127.0.0.1", 0, Protection::None).unwrap().is_private());
        assert!(!Listen::on("127.0.0.1", 0, Protection::TlsProxy).unwrap().is_private());
    }
}
