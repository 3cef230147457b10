//! What does an operator say about a server, and does it hold together?

use std::time::Duration;

use crate::access::Access;
use crate::error::HttpError;
use crate::host::HostRule;
use crate::listen::Listen;
use crate::origin::Origin;

/// What an operator says about a server. [`crate::Server::bind`] checks it as a whole.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: Listen,
    /// Who may call it.
    pub access: Access,
    /// Further names that clients call it by, `host` or `host:port`; its own address is always one.
    pub hosts: Vec<String>,
    /// Pages that may call it from a browser, `https://host`.
    pub origins: Vec<String>,
    /// What a stranger cannot make larger or slower.
    pub limits: Limits,
}

/// What a stranger cannot make larger or slower.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the system's queue.
    pub connections: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time for a TLS handshake, and for a head to arrive; an idle connection is closed after it.
    pub head_time: Duration,
    /// Time for a body to arrive.
    pub body_time: Duration,
    /// Time for a request as a whole, from its head to its answer.
    pub request_time: Duration,
    /// Time for a client to take some of an answer that is waiting to be sent.
    pub write_time: Duration,
    /// Time for answers to finish once the server was told to end.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            body_bytes: 1 << 20,
            head_bytes: 32 << 10,
            headers: 64,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(15),
            request_time: Duration::from_secs(120),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// Settings that hold together: the lists are read, and an open server is private.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) listen: Listen,
    pub(crate) access: Access,
    pub(crate) hosts: Vec<HostRule>,
    pub(crate) pages: Vec<Origin>,
    pub(crate) limits: Limits,
}

impl Settings {
    /// A private server on this address with this access, and nothing else allowed.
    pub fn new(listen: Listen, access: Access) -> Self {
        Self { listen, access, hosts: Vec::new(), origins: Vec::new(), limits: Limits::default() }
    }

    pub(crate) fn check(self) -> Result<Checked, HttpError> {
        let address = self.listen.address();
        match &self.access {
            Access::Open if !self.listen.is_private() => return Err(HttpError::OpenToOthers { address }),
            Access::Bearer(secret) if !is_token(secret.expose()) => return Err(HttpError::UnusableToken),
            Access::Open | Access::Endpoint | Access::Bearer(_) => {}
        }
        if address.ip().is_unspecified() && self.hosts.is_empty() {
            return Err(HttpError::HostsRequired { address });
        }
        let hosts = self.hosts.iter().map(|host| HostRule::parse(host)).collect::<Result<_, _>>()?;
        let pages = self.origins.iter().map(|origin| Origin::parse(origin)).collect::<Result<_, _>>()?;
        Ok(Checked { listen: self.listen, access: self.access, hosts, pages, limits: self.limits })
    }
}

impl Checked {
    /// Every name that clients may use, once the port is known.
    pub(crate) fn all_hosts(&self, port: u16) -> Vec<HostRule> {
        let address = self.listen.address().ip();
        let mut own = vec![std::net::SocketAddr::new(address, port).to_string()];
        if address.is_loopback() {
            own.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
        }
        // An address that was parsed before is a host; what is no host would only be missing from the list.
        let own = own.iter().filter_map(|host| HostRule::parse(host).ok());
        self.hosts.iter().cloned().chain(own).collect()
    }

    /// Every page that may call: the listed ones, and those of this very server.
    pub(crate) fn all_origins(&self, port: u16) -> Vec<Origin> {
        let scheme = self.listen.scheme();
        let own = self.all_hosts(port).into_iter().map(|rule| Origin::new(scheme, rule.host(), rule.port()));
        self.pages.iter().cloned().chain(own).collect()
    }
}

/// Whether a header can carry the token: visible ASCII only.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use synapsor_protocol::Secret;

    use super::Settings;
    use crate::{Access, Listen, Protection};

    fn check(host: &str, protection: Protection, access: Access, hosts: &[&str]) -> String {
        let listen = Listen::on(host, 8766, protection).unwrap();
        let settings = Settings { hosts: hosts.iter().map(|&host| host.to_owned()).collect(), ..Settings::new(listen, access) };
        match settings.check() {
            Ok(checked) => {
                let hosts: Vec<_> = checked.all_hosts(8766).iter().map(|rule| format!("{}:{:?}", rule.host(), rule.port())).collect();
                hosts.join(" ")
            }
            Err(error) => format!("refused: {error}"),
        }
    }

    fn token(text: &str) -> Access {
        Access::Bearer(Secret::new(text.to_owned()))
    }

    #[test]
    fn an_open_server_must_be_private() {
        insta::assert_snapshot!(check("127.0.0.1", Protection::None, Access::Open, &[]), @"127.0.0.1:Some(8766) localhost:Some(8766) 127.0.0.1:Some(8766) [::1]:Some(8766)");
        insta::assert_snapshot!(check("127.0.0.1", Protection::TlsProxy, Access::Open, &[]), @"refused: `127.0.0.1:8766` can be reached by others, so a token is required");
        insta::assert_snapshot!(check("10.0.0.1", Protection::TlsProxy, Access::Open, &[]), @"refused: `10.0.0.1:8766` can be reached by others, so a token is required");
    }

    #[test]
    fn a_server_on_every_address_must_know_its_names() {
        insta::assert_snapshot!(check("0.0.0.0", Protection::TlsProxy, token("t"), &[]), @"refused: `0.0.0.0:8766` stands for every address of this machine, so the allowed hosts must be listed");
        insta::assert_snapshot!(check("0.0.0.0", Protection::TlsProxy, token("t"), &["mcp.example.com"]), @"mcp.example.com:None 0.0.0.0:Some(8766)");
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused() {
        for text in ["", " ", "a b", "a\n", "é"] {
            assert!(check("127.0.0.1", Protection::None, token(text), &[]).starts_with("refused"), "{text:?}");
        }
    }
}
