//! Is the request meant for this server?
//!
//! A page of another site can make a browser resolve that site's name to 127.0.0.1; what it cannot do is make the
//! browser send our name as `Host`. So the header is compared with a list, host and port.

use std::sync::Arc;

use http::header::HOST;
use http::uri::Authority;
use http::{Request, StatusCode};

use crate::answer::Rejection;
use crate::error::HttpError;
use crate::guard::Check;

/// One name that a client may call this server by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    host: String,
    port: Option<u16>,
}

impl HostRule {
    /// `host:port` allows that port, and no port in the header if it is 80 or 443. `host` allows no port, 80, 443 and the
    /// port that the server listens on. There are no wildcards.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let (host, port) = host_and_port(text).ok_or_else(|| HttpError::InvalidHost { host: text.to_owned() })?;
        Ok(Self { host, port })
    }

    /// The host, in lower case; an IPv6 address has its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if the rule names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    fn allows(&self, host: &str, port: Option<u16>, listening: u16) -> bool {
        let port_fits = match (self.port, port) {
            (Some(rule), Some(port)) => rule == port,
            (Some(rule), None) => is_default(rule),
            (None, Some(port)) => is_default(port) || port == listening,
            (None, None) => true,
        };
        port_fits && self.host == host
    }
}

/// The names that clients may call this server by.
#[derive(Debug, Clone)]
pub struct HostList {
    rules: Arc<[HostRule]>,
    listening: u16,
}

impl HostList {
    /// A list for a server that listens on this port.
    pub fn new(rules: Vec<HostRule>, listening: u16) -> Self {
        Self { rules: rules.into(), listening }
    }

    fn allows(&self, authority: &str) -> bool {
        host_and_port(authority).is_some_and(|(host, port)| self.rules.iter().any(|rule| rule.allows(&host, port, self.listening)))
    }
}

impl Check for HostList {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let mut named = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(Rejection::new(StatusCode::BAD_REQUEST, "bad_host", "A request names exactly one Host."));
        };
        let host_fits = host.to_str().is_ok_and(|host| self.allows(host));
        // An absolute target names a host of its own.
        let target_fits = request.uri().authority().is_none_or(|authority| self.allows(authority.as_str()));
        if host_fits && target_fits {
            return Ok(());
        }
        tracing::warn!(?host, "refused a request for a host that is not on the list");
        Err(Rejection::new(StatusCode::FORBIDDEN, "forbidden_host", "This server does not go by that Host."))
    }
}

/// Host in lower case and port of a `Host` header or an authority; `None` if it is neither or carries a user.
pub(crate) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let rest = authority.as_str().strip_prefix(host)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    let plain = rest.is_empty() || port.is_some();
    (plain && is_host(host)).then(|| (host.to_ascii_lowercase(), port))
}

fn is_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    }
}

fn is_default(port: u16) -> bool {
    matches!(port, 80 | 443)
}

#[cfg(test)]
mod tests {
    use super::{HostList, HostRule};

    fn check(rule: &str, header: &str) -> bool {
        HostList::new(vec![HostRule::parse(rule).unwrap()], 8766).allows(header)
    }

    #[test]
    fn only_the_listed_host_and_port_are_served() {
        for (rule, header, allowed) in [
            ("localhost:8766", "localhost:8766", true),
            ("localhost:8766", "LOCALHOST:8766", true),
            ("localhost:8766", "localhost:8767", false),
            ("localhost:8766", "localhost", false),
            ("localhost:8766", "localhost.:8766", false),
            ("localhost:8766", "localhost.evil.example:8766", false),
            ("localhost:8766", "evil.example:8766", false),
            ("localhost:8766", "user@localhost:8766", false),
            ("localhost:8766", "", false),
            ("[::1]:8766", "[::1]:8766", true),
            ("[::1]:8766", "[::2]:8766", false),
            ("mcp.example.com:443", "mcp.example.com", true),
            ("mcp.example.com", "mcp.example.com", true),
            ("mcp.example.com", "mcp.example.com:443", true),
            ("mcp.example.com", "mcp.example.com:8766", true),
            ("mcp.example.com", "mcp.example.com:9999", false),
            ("mcp.example.com", "mcp.example.com:99999", false),
        ] {
            assert_eq!(check(rule, header), allowed, "{rule} against {header}");
        }
    }

    #[test]
    fn a_rule_has_no_wildcards() {
        for text in ["*", "*.example.com", "", "http://example.com", "a b", "user@example.com", "[::1"] {
            assert!(HostRule::parse(text).is_err(), "{text}");
        }
    }
}
