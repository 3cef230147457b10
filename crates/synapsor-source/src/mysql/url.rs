//! What does a MySQL URL ask for?
//!
//! `mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/ca.pem&connect-timeout=5`, or `mariadb://`,
//! with the names and meanings of MySQL's own clients; `_` may stand for `-`. Whatever has no meaning here is refused by its
//! name, local files above all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::OptsBuilder;
use percent_encoding::percent_decode_str;
use synapsor_protocol::{Identifier, Secret, identifier};
use url::{Host, Url};

use super::tls::{Encryption, Roots};
use crate::error::SourceError;

const DEFAULT_PORT: u16 = 3306;
/// Prepared statements kept per connection; a configuration has a few per capability.
const CACHED_STATEMENTS: usize = 256;
/// How often an idle connection shows that it is alive, so that a firewall does not forget it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// What `ssl-mode` may say.
const MODES: &str = "`ssl-mode` must be DISABLED, PREFERRED, REQUIRED or VERIFY_IDENTITY";

/// The driver verifies a host's name, or nothing.
const ANY_HOST: &str = "`ssl-mode=VERIFY_CA` would accept any host of the authority; use VERIFY_IDENTITY, and `tls-sni-servername` where the \
                        certificate names another host";

/// A server, and the TLS with which it is reached.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Without TLS.
    pub(super) plain: OptsBuilder,
    pub(super) encryption: Encryption,
    /// The longest that connecting may take, if the URL says so.
    pub(super) connect_timeout: Option<Duration>,
    #[cfg(feature = "guarded-write")]
    pub(super) database: Identifier,
}

/// Reads a URL. No value of it reaches the error.
pub(super) fn parse(name: &Arc<str>, url: &Secret) -> Result<Target, SourceError> {
    read(url.expose()).map_err(|reason| SourceError::InvalidUrl { name: name.clone(), reason })
}

fn read(url: &str) -> Result<Target, String> {
    if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
        return Err("it must begin with mysql:// or mariadb://".to_owned());
    }
    // The parser's text may quote the URL.
    let url = Url::parse(url).map_err(|_| "a part of it cannot be read".to_owned())?;
    if url.fragment().is_some() {
        return Err("a `#` in it must be written %23".to_owned());
    }
    let parameters = Parameters::read(url.query().unwrap_or_default())?;
    let database = database(&url)?;
    let host = host(&url)?;
    let encryption = parameters.encryption()?;
    let plain = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(url.port().unwrap_or(DEFAULT_PORT))
        .user(Some(decoded(url.username())?))
        .pass(url.password().map(decoded).transpose()?)
        .db_name(Some(database.as_str()))
        .socket(parameters.socket)
        // The driver would look for a local socket and leave TLS behind.
        .prefer_socket(false)
        // An UPDATE that finds its values there already has still matched its row.
        .client_found_rows(true)
        .tcp_keepalive(Some(KEEP_ALIVE))
        .stmt_cache_size(CACHED_STATEMENTS);
    Ok(Target {
        plain,
        encryption,
        connect_timeout: parameters.connect_timeout,
        #[cfg(feature = "guarded-write")]
        database,
    })
}

/// Schema and database are one thing here, so the receipts need one to live in.
fn database(url: &Url) -> Result<Identifier, String> {
    let name = decoded(url.path().strip_prefix('/').unwrap_or_default())?;
    if name.is_empty() {
        return Err("it names no database".to_owned());
    }
    Identifier::new(&name).ok_or_else(|| "the name of its database is not one of letters, digits and `_`".to_owned())
}

fn host(url: &Url) -> Result<String, String> {
    match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => decoded(name),
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(address.to_string()),
        Some(Host::Domain(_)) | None => Err("it names no host".to_owned()),
    }
}

/// What stands behind the `?`.
#[derive(Debug, Default)]
struct Parameters {
    mode: Option<String>,
    authority: Option<PathBuf>,
    /// What the certificate names, where that is not the host.
    certified: Option<String>,
    connect_timeout: Option<Duration>,
    socket: Option<String>,
}

impl Parameters {
    fn read(query: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or("a parameter has no value")?;
            read.set(key, &decoded(value)?)?;
        }
        Ok(read)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key.to_ascii_lowercase().replace('_', "-").as_str() {
            "ssl-mode" | "sslmode" => self.mode = Some(value.to_ascii_uppercase().replace('-', "_")),
            "ssl-ca" => self.authority = Some(PathBuf::from(value)),
            "tls-sni-servername" => self.certified = Some(value.to_owned()),
            "socket" => self.socket = Some(value.to_owned()),
            "connect-timeout" => self.connect_timeout = Some(seconds(value)?),
            "charset" | "default-character-set" if value.eq_ignore_ascii_case("utf8mb4") => {}
            "charset" | "default-character-set" => return Err("`charset` must be utf8mb4, or be left out".to_owned()),
            _ => return Err(unsupported(key)),
        }
        Ok(())
    }

    /// What MySQL's clients do for each mode; but an authority that nothing would be verified with is refused.
    fn encryption(&self) -> Result<Encryption, String> {
        let roots = || self.authority.clone().map_or(Roots::System, Roots::File);
        let encryption = match self.mode.as_deref().unwrap_or("PREFERRED") {
            // There is no TLS on a local socket, whatever the mode says.
            "DISABLED" | "PREFERRED" | "REQUIRED" | "VERIFY_IDENTITY" if self.socket.is_some() => Encryption::None,
            "DISABLED" => Encryption::None,
            "PREFERRED" => Encryption::Preferred,
            "REQUIRED" => Encryption::Required,
            "VERIFY_IDENTITY" => Encryption::Verified { roots: roots(), certified: self.certified.clone() },
            "VERIFY_CA" => return Err(ANY_HOST.to_owned()),
            _ => return Err(MODES.to_owned()),
        };
        let unread = self.authority.is_some() || self.certified.is_some();
        if unread && !matches!(encryption, Encryption::Verified { .. }) {
            return Err("`ssl-ca` and `tls-sni-servername` are looked at with `ssl-mode=VERIFY_IDENTITY` alone".to_owned());
        }
        Ok(encryption)
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "`connect-timeout` must be a number of seconds, from 1 to 3600".to_owned())
}

fn decoded(value: &str) -> Result<String, String> {
    let text = percent_decode_str(value).decode_utf8().map_err(|_| "a part of it is not UTF-8")?;
    Ok(text.into_owned())
}

fn unsupported(key: &str) -> String {
    // A name that does not look like one may be a piece of a secret.
    let named = identifier::is_identifier(&key.replace('-', "_")) && key.len() <= 32;
    if named { format!("parameter `{key}` is not supported") } else { "a parameter is not supported".to_owned() }
}

#[cfg(test)]
mod tests {
    use mysql_async::Opts;
    use synapsor_protocol::Secret;

    fn check(url: &str) -> String {
        match super::parse(&"shop".into(), &Secret::new(url.to_owned())) {
            Ok(target) => {
                let opts = Opts::from(target.plain);
                let place = opts.socket().map_or_else(|| format!("{}:{}", opts.ip_or_hostname(), opts.tcp_port()), str::to_owned);
                let account = format!("{}:{}", opts.user().unwrap_or("-"), opts.pass().unwrap_or("-"));
                format!("{account} at {place}/{} {:?} {:?}", target.database, target.encryption, target.connect_timeout)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn tls_is_asked_for_as_the_clients_of_mysql_do() {
        let cases = [
            "mysql://u:p@h/db",
            "mariadb://u@h:3307/db?ssl-mode=DISABLED",
            "mysql://u:p%3Fw%40@h/db?ssl_mode=required&charset=utf8mb4",
            "mysql://u:p@h/db?ssl-mode=VERIFY_IDENTITY",
            "mysql://u:p@[::1]/db?sslmode=verify-identity&ssl-ca=%2Fetc%2Fca.pem&connect-timeout=5",
            "mysql://u:p@127.0.0.1/db?ssl-mode=VERIFY_IDENTITY&tls-sni-servername=db.example.org",
            "mysql://u:p@localhost/db?socket=/run/mysqld/mysqld.sock&ssl-mode=REQUIRED",
        ];
        let lines: Vec<String> = cases.iter().map(|url| check(url)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        u:p at h:3306/db Preferred None
        u:- at h:3307/db None None
        u:p?w@ at h:3306/db Required None
        u:p at h:3306/db Verified { roots: System, certified: None } None
        u:p at ::1:3306/db Verified { roots: File("/etc/ca.pem"), certified: None } Some(5s)
        u:p at 127.0.0.1:3306/db Verified { roots: System, certified: Some("db.example.org") } None
        u:p at /run/mysqld/mysqld.sock/db None None
        "#);
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_its_values() {
        let cases = [
            "postgres://u:canary@h/db",
            "mysql://u:canary@h",
            "mysql://u:canary@h/",
            "mysql://u:canary@h/canary-db",
            "mysql:///db",
            "mysql://u:canary@h/db#x",
            "mysql://u:canary@h:canary/db",
            "mysql://u:cana#ry@h/db",
            "mysql://u:canary@h/db?ssl-mode=canary",
            "mysql://u:canary@h/db?ssl-mode=VERIFY_CA&ssl-ca=canary",
            "mysql://u:canary@h/db?ssl-mode=REQUIRED&ssl-ca=canary",
            "mysql://u:canary@h/db?local-infile=1",
            "mysql://u:canary@h/db?allowMultiQueries=true",
            "mysql://u:canary@h/db?can ary=1",
            "mysql://u:canary@h/db?charset=latin1",
            "mysql://u:canary@h/db?connect-timeout=0",
            "mysql://u:canary@h/db?socket",
        ];
        let lines: Vec<String> = cases.iter().map(|url| check(url)).collect();
        let text = lines.join("\n");
        assert!(!text.contains("canary"), "{text}");
        insta::assert_snapshot!(text, @"
        the url of source `shop` cannot be used: it must begin with mysql:// or mariadb://
        the url of source `shop` cannot be used: it names no database
        the url of source `shop` cannot be used: it names no database
        the url of source `shop` cannot be used: the name of its database is not one of letters, digits and `_`
        the url of source `shop` cannot be used: it names no host
        the url of source `shop` cannot be used: a `#` in it must be written %23
        the url of source `shop` cannot be used: a part of it cannot be read
        the url of source `shop` cannot be used: a part of it cannot be read
        the url of source `shop` cannot be used: `ssl-mode` must be DISABLED, PREFERRED, REQUIRED or VERIFY_IDENTITY
        the url of source `shop` cannot be used: `ssl-mode=VERIFY_CA` would accept any host of the authority; use VERIFY_IDENTITY, and `tls-sni-servername` where the certificate names another host
        the url of source `shop` cannot be used: `ssl-ca` and `tls-sni-servername` are looked at with `ssl-mode=VERIFY_IDENTITY` alone
        the url of source `shop` cannot be used: parameter `local-infile` is not supported
        the url of source `shop` cannot be used: parameter `allowMultiQueries` is not supported
        the url of source `shop` cannot be used: a parameter is not supported
        the url of source `shop` cannot be used: `charset` must be utf8mb4, or be left out
        the url of source `shop` cannot be used: `connect-timeout` must be a number of seconds, from 1 to 3600
        the url of source `shop` cannot be used: a parameter has no value
        ");
    }
}
