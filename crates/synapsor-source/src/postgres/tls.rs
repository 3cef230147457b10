//! Which certificate is believed, and how far did the handshake come?

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Socket;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Cause;

/// What is verified of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verification {
    /// Nothing: the connection is encrypted, but may end anywhere.
    None,
    /// That a known authority signed it.
    Chain(Roots),
    /// And that it names the host.
    Full(Roots),
}

/// Whose signatures are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's authorities, and Mozilla's.
    System,
    /// The certificates in this PEM file.
    File(PathBuf),
}

/// Builds the connector. Reads certificates from files.
pub(super) fn connector(verification: &Verification) -> Result<MakeRustlsConnect, Cause> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let mut config = match verification {
        Verification::None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient { roots: None, provider })),
        Verification::Chain(roots) => {
            let roots = Some(store(roots)?);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient { roots, provider }))
        }
        Verification::Full(roots) => builder.with_root_certificates(store(roots)?),
    }
    .with_no_client_auth();
    // Servers that accept TLS without being asked first demand the protocol's name.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn store(roots: &Roots) -> Result<RootCertStore, Cause> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Roots::File(path) => {
            for certificate in CertificateDer::pem_file_iter(path)? {
                store.add(certificate?)?;
            }
        }
    }
    if store.is_empty() { Err("the root certificate file holds no certificate".into()) } else { Ok(store) }
}

/// Verifies less than rustls would: the chain without the name, or nothing. Signatures of the handshake are verified.
#[derive(Debug)]
struct Lenient {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// How far the handshake of one connection came. The driver's errors do not say.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

const STARTED: u8 = 1;
const DONE: u8 = 2;

impl Progress {
    /// The handshake began and did not end well.
    pub(super) fn failed(&self) -> bool {
        self.0.load(Ordering::Relaxed) == STARTED
    }

    /// The server never agreed to one.
    pub(super) fn never_started(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// The connector with its progress.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) connector: MakeRustlsConnect,
    pub(super) progress: Progress,
}

type Inner = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl MakeTlsConnect<Socket> for Watched {
    type Stream = Stream;
    type TlsConnect = WatchedConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<WatchedConnect, Self::Error> {
        let inner = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.connector, host)?;
        Ok(WatchedConnect { inner, progress: self.progress.clone() })
    }
}

/// One handshake to come.
pub(super) struct WatchedConnect {
    inner: Inner,
    progress: Progress,
}

impl TlsConnect<Socket> for WatchedConnect {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            self.progress.0.store(STARTED, Ordering::Relaxed);
            let stream = self.inner.connect(socket).await?;
            self.progress.0.store(DONE, Ordering::Relaxed);
            Ok(stream)
        })
    }
}
