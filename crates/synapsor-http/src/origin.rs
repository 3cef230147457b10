//! May the page that sends this request send it?
//!
//! Programs send no `Origin`; browsers always do when a page calls another site. What is there must be on the list:
//! scheme, host and port.

use std::sync::Arc;

use http::header::ORIGIN;
use http::{HeaderValue, Request, StatusCode};

use crate::answer::Rejection;
use crate::error::HttpError;
use crate::guard::Check;
use crate::host::host_and_port;

/// Scheme, host and port of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    host: String,
    port: u16,
}

impl Origin {
    /// `http://host`, `https://host`, either with `:port`. There are no wildcards, and `null` is no origin.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        Self::read(text).ok_or_else(|| HttpError::InvalidOrigin { origin: text.to_owned() })
    }

    pub(crate) fn new(scheme: &'static str, host: &str, port: Option<u16>) -> Self {
        Self { scheme, host: host.to_owned(), port: port.unwrap_or_else(|| default_port(scheme)) }
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
        let (host, port) = host_and_port(rest)?;
        Some(Self::new(scheme, &host, port))
    }
}

/// The pages that may call this server.
#[derive(Debug, Clone)]
pub struct OriginList(Arc<[Origin]>);

impl OriginList {
    /// A list; an empty one refuses every page.
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins.into())
    }

    /// Whether the header names an origin of the list.
    pub fn allows(&self, header: &HeaderValue) -> bool {
        let origin = header.to_str().ok().and_then(Origin::read);
        origin.is_some_and(|origin| self.0.contains(&origin))
    }
}

impl Check for OriginList {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let mut named = request.headers().get_all(ORIGIN).iter();
        let allowed = match (named.next(), named.next()) {
            (None, _) => true,
            (Some(origin), None) => self.allows(origin),
            (Some(_), Some(_)) => false,
        };
        if allowed {
            return Ok(());
        }
        tracing::warn!(origin = ?request.headers().get(ORIGIN), "refused a page that is not on the list");
        Err(Rejection::new(StatusCode::FORBIDDEN, "forbidden_origin", "Pages of that Origin may not call this server."))
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{Origin, OriginList};

    fn check(listed: &str, header: &str) -> bool {
        OriginList::new(vec![Origin::parse(listed).unwrap()]).allows(&HeaderValue::from_str(header).unwrap())
    }

    #[test]
    fn only_the_listed_scheme_host_and_port_are_allowed() {
        for (listed, header, allowed) in [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com", "https://app.example.com:443", true),
            ("https://app.example.com", "HTTPS://APP.example.com", true),
            ("https://app.example.com", "http://app.example.com", false),
            ("https://app.example.com", "https://app.example.com:8443", false),
            ("https://app.example.com", "https://app.example.com.evil.example", false),
            ("https://app.example.com", "https://evil.example", false),
            ("https://app.example.com", "null", false),
            ("https://app.example.com", "", false),
            ("http://localhost:8766", "http://localhost:8766", true),
            ("http://localhost:8766", "http://localhost", false),
            ("http://localhost:8766", "http://localhost:8766/path", false),
        ] {
            assert_eq!(check(listed, header), allowed, "{listed} against {header}");
        }
    }

    #[test]
    fn null_and_wildcards_cannot_be_listed() {
        for text in ["null", "*", "https://*", "example.com", "ftp://example.com", "https://"] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
