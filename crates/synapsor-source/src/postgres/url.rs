//! What does a PostgreSQL URL ask for?
//!
//! `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=5`, with the
//! meanings that libpq gives them. The two TLS parameters that the driver does not know are taken out here.

use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use synapsor_protocol::{Secret, identifier};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls::{Roots, Verification};
use crate::error::SourceError;

/// The parameters that the driver understands, as libpq spells them.
const DRIVER_PARAMETERS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// A server, and the TLS with which it is reached.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) verification: Verification,
}

/// Reads a URL. No value of it reaches the error.
pub(super) fn parse(name: &Arc<str>, url: &Secret) -> Result<Target, SourceError> {
    read(url.expose()).map_err(|reason| SourceError::InvalidUrl { name: name.clone(), reason })
}

fn read(url: &str) -> Result<Target, String> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("it must begin with postgres:// or postgresql://".to_owned());
    }
    let (base, query) = split_query(url);
    let mut kept = Vec::new();
    let (mut mode, mut root) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or("a parameter has no value")?;
        match key {
            "sslmode" => mode = Some(decoded(value)?),
            "sslrootcert" => root = Some(decoded(value)?),
            known if DRIVER_PARAMETERS.contains(&known) => kept.push(pair),
            unknown => return Err(unsupported(unknown)),
        }
    }
    let driver_url = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    // The driver's text may quote the URL.
    let mut config: Config = driver_url.parse().map_err(|_| "a part of it cannot be read".to_owned())?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("it names no host".to_owned());
    }
    if config.get_application_name().is_none() {
        config.application_name("synapsor");
    }
    let verification = verification(&mut config, mode.as_deref().unwrap_or("prefer"), root)?;
    Ok(Target { config, verification })
}

/// What libpq does for each mode.
fn verification(config: &mut Config, mode: &str, root: Option<String>) -> Result<Verification, String> {
    let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) && config.get_hostaddrs().is_empty();
    let roots = match root.as_deref() {
        None | Some("system") => Roots::System,
        Some(path) => Roots::File(PathBuf::from(path)),
    };
    let (driver_mode, verification) = match mode {
        "disable" => (SslMode::Disable, Verification::None),
        "allow" | "prefer" => (SslMode::Prefer, Verification::None),
        // With a root certificate at hand libpq verifies the chain even for `require`.
        "require" if root.is_some() => (SslMode::Require, Verification::Chain(roots)),
        "require" => (SslMode::Require, Verification::None),
        "verify-ca" => (SslMode::Require, Verification::Chain(roots)),
        "verify-full" => (SslMode::Require, Verification::Full(roots)),
        _ => return Err("`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full".to_owned()),
    };
    // There is no TLS on a local socket, whatever the mode says; libpq ignores it there too.
    config.ssl_mode(if local { SslMode::Disable } else { driver_mode });
    Ok(verification)
}

/// The part before the `?` of the parameters; a `?` in the password is none.
fn split_query(url: &str) -> (&str, &str) {
    let authority = url.find('@').unwrap_or(0);
    match url[authority..].find('?') {
        Some(at) => (&url[..authority + at], &url[authority + at + 1..]),
        None => (url, ""),
    }
}

fn decoded(value: &str) -> Result<String, String> {
    let text = percent_decode_str(value).decode_utf8().map_err(|_| "a parameter is not UTF-8")?;
    Ok(text.into_owned())
}

fn unsupported(key: &str) -> String {
    // A name that does not look like one may be a piece of a secret.
    let named = identifier::is_identifier(key) && key.len() <= 32;
    if named { format!("parameter `{key}` is not supported") } else { "a parameter is not supported".to_owned() }
}

#[cfg(test)]
mod tests {
    use synapsor_protocol::Secret;

    fn check(url: &str) -> String {
        match super::parse(&"shop".into(), &Secret::new(url.to_owned())) {
            Ok(target) => format!("{:?} {:?}", target.config.get_ssl_mode(), target.verification),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn tls_is_asked_for_as_libpq_does() {
        let cases = [
            "postgres://u:p@h/db",
            "postgresql://u:p@h:5433/db?sslmode=disable",
            "postgres://u:p@h/db?sslmode=require",
            "postgres://u:p@h/db?sslmode=require&sslrootcert=%2Fetc%2Fca.pem",
            "postgres://u:p@h/db?sslmode=verify-ca&sslrootcert=system",
            "postgres://u:p@h/db?sslmode=verify-full&connect_timeout=5&channel_binding=require",
            "postgres://u:p@/db?host=/run/postgresql&sslmode=require",
            "postgres://u:p?w@h/db?sslmode=require",
        ];
        let lines: Vec<String> = cases.iter().map(|url| check(url)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Prefer None
        Disable None
        Require None
        Require Chain(File("/etc/ca.pem"))
        Require Chain(System)
        Require Full(System)
        Disable None
        Require None
        "#);
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_its_values() {
        let cases = [
            "mysql://u:canary@h/db",
            "postgres://u:canary@h/db?sslmode=canary",
            "postgres://u:canary@h/db?sslkey=canary",
            "postgres://u:canary@h/db?can ary=1",
            "postgres://u:canary@h:canary/db",
            "postgres://u:canary@h/db?connect_timeout",
            "postgres://",
        ];
        let lines: Vec<String> = cases.iter().map(|url| check(url)).collect();
        let text = lines.join("\n");
        assert!(!text.contains("canary"), "{text}");
        insta::assert_snapshot!(text, @"
        the url of source `shop` cannot be used: it must begin with postgres:// or postgresql://
        the url of source `shop` cannot be used: `sslmode` must be disable, allow, prefer, require, verify-ca or verify-full
        the url of source `shop` cannot be used: parameter `sslkey` is not supported
        the url of source `shop` cannot be used: a parameter is not supported
        the url of source `shop` cannot be used: a part of it cannot be read
        the url of source `shop` cannot be used: a parameter has no value
        the url of source `shop` cannot be used: it names no host
        ");
    }
}
