//! How is a handler asked over HTTP?
//!
//! A connection per request, and one total time for it. In clear text only on loopback: elsewhere the token would travel for
//! anybody to read.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::transport::{Sending, Transport, TransportError};

/// How long one request may take.
const TIME: Duration = Duration::from_secs(30);
/// The largest answer.
const LIMIT: usize = 1 << 20;

/// Asks a handler at an address.
#[derive(Clone)]
pub struct HttpTransport {
    host: String,
    port: u16,
    path: Uri,
    authority: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTransport").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// The handler at `url`: `https://...`, or `http://...` on loopback. Certificates are verified against the system's
    /// authorities. Nothing is connected yet.
    pub fn new(url: &str) -> Result<Self, TransportError> {
        let refused = |reason| TransportError::Address { url: shown(url), reason };
        let uri: Uri = url.parse().map_err(|_| refused("it is no URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(refused("it begins neither with `https://` nor with `http://`")),
        };
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("it carries credentials"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if !secure && !is_loopback(&host) {
            return Err(refused("`http://` is for loopback only"));
        }
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse().map_err(|_| refused("its path is none"))?;
        let tls = secure.then(|| tls(&host)).transpose().map_err(|()| refused("its host has no certificate"))?;
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| refused("its host is none"))?;
        Ok(Self { host, port, path, authority, tls })
    }

    async fn ask(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        *request.uri_mut() = self.path.clone();
        request.headers_mut().insert(HOST, self.authority.clone());
        let unreachable = |cause: std::io::Error| TransportError::Unreachable(Box::new(cause));
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((connector, name)) => exchange(connector.connect(name.clone(), stream).await.map_err(unreachable)?, request).await,
        }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            let late = TransportError::Late { seconds: TIME.as_secs() };
            tokio::time::timeout(TIME, self.ask(request)).await.unwrap_or(Err(late))
        })
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let broken = |cause: hyper::Error| TransportError::Broken(Box::new(cause));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driving = tokio::spawn(connection);
    let answered = async {
        let (head, body) = sender.send_request(request.map(Full::new)).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, LIMIT).collect().await.map_err(|cause| match cause.downcast::<hyper::Error>() {
            Ok(cause) => broken(*cause),
            Err(_) => TransportError::TooLong { limit: LIMIT },
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    let answer = answered.await;
    driving.abort();
    answer
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn tls(host: &str) -> Result<(TlsConnector, ServerName<'static>), ()> {
    let name = ServerName::try_from(host.to_owned()).map_err(drop)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().map_err(drop)?.with_root_certificates(roots).with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// The address without what stands before an `@`.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let text = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::HttpTransport;

    #[test]
    fn only_loopback_is_asked_in_clear_text() {
        let asked = |url: &str| HttpTransport::new(url).map_or_else(|error| error.to_string(), |_| "asked".to_owned());
        for url in ["http://127.0.0.1:8090/synapsor", "http://localhost/x?y=1", "http://[::1]:1/", "https://handler.example/a"] {
            assert_eq!(asked(url), "asked", "{url}");
        }
        insta::assert_snapshot!(asked("http://handler.example/"), @"`http://handler.example/` cannot be asked: `http://` is for loopback only");
        insta::assert_snapshot!(asked("https://user:geheim@handler.example/"), @"`https://handler.example/` cannot be asked: it carries credentials");
        insta::assert_snapshot!(asked("ftp://127.0.0.1/"), @"`ftp://127.0.0.1/` cannot be asked: it begins neither with `https://` nor with `http://`");
        insta::assert_snapshot!(asked("not a url"), @"`not a url` cannot be asked: it is no URL");
    }
}
