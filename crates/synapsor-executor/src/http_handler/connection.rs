//! How does one request get to a handler, and its answer back?
//!
//! Look up, connect, shake hands, and only then write. One connection per request: what a kept one had in its buffers would be
//! somebody else's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::watched::{Watched, Witness};
use crate::terms::MAX_ANSWER_BYTES;

/// How much of an answer's head is read.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The name has no address that may be used.
    Lookup,
    /// Nobody listens, or nobody who can be reached.
    Connect(io::Error),
    /// The two could not agree on TLS, or the certificate is not the handler's.
    Tls(io::Error),
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// The answer is longer than what is read.
    TooLong,
    /// The time was over.
    Time,
}

/// One attempt to get an answer.
pub(super) struct Attempt<'a> {
    address: &'a Address,
    /// What TLS needs; there for every address that asks for it.
    tls: Option<&'a TlsConnector>,
    witness: Witness,
}

/// What TLS needs, built once. The roots are those of the web and of this system.
pub(super) fn connector() -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session could carry the request in its first flight, before the handshake said who is there.
    config.enable_early_data = false;
    Ok(TlsConnector::from(Arc::new(config)))
}

impl<'a> Attempt<'a> {
    pub(super) fn new(address: &'a Address, tls: Option<&'a TlsConnector>) -> Self {
        Self { address, tls, witness: Witness::default() }
    }

    /// Whether anything of the request may be on its way.
    pub(super) fn has_sent(&self) -> bool {
        self.witness.has_written()
    }

    /// Sends the request and reads the whole answer. Dropping it closes the connection.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answered, Trouble> {
        let stream = self.connect().await?;
        match (self.address.server_name(), self.tls) {
            (None, _) => self.over(stream, request).await,
            (Some(name), Some(tls)) => {
                let secured = tls.connect(name.clone(), stream).await.map_err(Trouble::Tls)?;
                self.over(secured, request).await
            }
            // Never in the clear what was meant for TLS.
            (Some(_), None) => Err(Trouble::Tls(io::ErrorKind::Unsupported.into())),
        }
    }

    /// The first address that answers. Without TLS only addresses of this machine are tried, whatever the name says.
    async fn connect(&self) -> Result<TcpStream, Trouble> {
        let cleartext = self.address.server_name().is_none();
        let found = lookup_host(self.address.host_and_port()).await.map_err(|_| Trouble::Lookup)?;
        let mut last = None;
        for address in found.filter(|address: &SocketAddr| !cleartext || address.ip().is_loopback()) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Only a matter of speed.
                    let _slower = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or(Trouble::Lookup, Trouble::Connect))
    }

    async fn over<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Answered, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watched = Watched { stream, witness: self.witness.clone() };
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD_BYTES);
        let (mut sender, connection) = builder.handshake(TokioIo::new(watched)).await.map_err(|_| Trouble::Broken)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|_| Trouble::Broken)?;
            let (head, body) = response.into_parts();
            Ok(Answered { status: head.status, body: collect(&head.headers, body).await?, headers: head.headers })
        };
        // The connection moves the bytes; when it ends, what it had read is still handed out.
        let moving = async {
            let _ended = connection.await;
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::select! {
            answered = exchange => answered,
            never = moving => match never {},
        }
    }
}

async fn collect(headers: &HeaderMap, body: Incoming) -> Result<Bytes, Trouble> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_ANSWER_BYTES) {
        return Err(Trouble::TooLong);
    }
    match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Trouble::TooLong),
        Err(_) => Err(Trouble::Broken),
    }
}
