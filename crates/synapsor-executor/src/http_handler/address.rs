//! Where is the handler?

use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;
use synapsor_protocol::Secret;
use url::{Host, Url};

use super::Named;
use crate::error::ExecutorError;

/// Where a handler is, ready to be connected to. `Debug` shows nothing of it: an address may have a secret in its path.
#[derive(Clone)]
pub(super) struct Address {
    tls: Option<ServerName<'static>>,
    host: String,
    port: u16,
    authority: HeaderValue,
    target: Uri,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address")
    }
}

impl Address {
    pub(super) fn parse(url: &Named<Secret>) -> Result<Self, ExecutorError> {
        let variable = || url.variable.clone();
        let unfit = || ExecutorError::Address { variable: variable() };
        let parsed = Url::parse(url.value.expose()).map_err(|_| unfit())?;
        let secure = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(unfit()),
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(ExecutorError::AddressWithUser { variable: variable() });
        }
        let host = parsed.host().ok_or_else(unfit)?;
        if !secure && !is_loopback(&host) {
            return Err(ExecutorError::Cleartext { variable: variable() });
        }
        // As the URL writes it, an address of version 6 in brackets; a connection and a certificate want it without them.
        let written = host.to_string();
        let bare = written.trim_matches(['[', ']']).to_owned();
        let port = parsed.port_or_known_default().ok_or_else(unfit)?;
        let authority = parsed.port().map_or_else(|| written.clone(), |port| format!("{written}:{port}"));
        let query = parsed.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self {
            tls: if secure { Some(ServerName::try_from(bare.clone()).map_err(|_| unfit())?) } else { None },
            host: bare,
            port,
            authority: HeaderValue::from_str(&authority).map_err(|_| unfit())?,
            target: format!("{}{query}", parsed.path()).parse().map_err(|_| unfit())?,
        })
    }

    /// The name that the certificate must have; none without TLS.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.tls.as_ref()
    }

    /// Whether it is reached by TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Host and port to look up.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The header `Host`.
    pub(super) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Path and query.
    pub(super) fn target(&self) -> &Uri {
        &self.target
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Named, Secret};

    fn check(url: &str) -> String {
        match Address::parse(&Named { variable: "DESK_URL".into(), value: Secret::new(url.into()) }) {
            Ok(address) => {
                let (host, port) = address.host_and_port();
                let tls = if address.server_name().is_some() { "tls to" } else { "to" };
                format!("{tls} {host} {port}, host {:?}, {}", address.authority(), address.target())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_taken_apart_once() {
        insta::assert_snapshot!(check("https://desk.example/synapsor/writeback?a=1&b=%20#top"), @r#"tls to desk.example 443, host "desk.example", /synapsor/writeback?a=1&b=%20"#);
        insta::assert_snapshot!(check("https://desk.example:8443"), @r#"tls to desk.example 8443, host "desk.example:8443", /"#);
        insta::assert_snapshot!(check("https://[2001:db8::1]/x"), @r#"tls to 2001:db8::1 443, host "[2001:db8::1]", /x"#);
        insta::assert_snapshot!(check("http://localhost:8090/x"), @r#"to localhost 8090, host "localhost:8090", /x"#);
        insta::assert_snapshot!(check("http://[::1]:8090/x"), @r#"to ::1 8090, host "[::1]:8090", /x"#);
        insta::assert_snapshot!(check("http://127.9.9.9/x"), @r#"to 127.9.9.9 80, host "127.9.9.9", /x"#);
    }

    #[test]
    fn only_tls_leaves_this_machine_and_no_address_is_repeated() {
        for url in
            ["http://desk.example/canary", "http://10.0.0.1/canary", "http://localhost.evil.example/canary", "http://[fe80::1]/canary"]
        {
            insta::allow_duplicates! {
                insta::assert_snapshot!(check(url), @"`DESK_URL` holds an address of another machine without TLS; only `https` leaves this one");
            }
        }
        for url in ["", "canary", "ftp://desk.example", "https://", "/synapsor/writeback", "https://desk.example:99999/"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(check(url), @"`DESK_URL` holds no address: it must be `https://host/path`, or `http://` on this machine");
            }
        }
        for url in ["https://user:canary@desk.example/", "https://user@desk.example/"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(check(url), @"`DESK_URL` holds an address with a user in it; a token has a variable of its own");
            }
        }
    }
}
