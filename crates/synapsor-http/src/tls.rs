//! How does a server end TLS?

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::HttpError;

/// The acceptor for these two PEM files: TLS 1.2 and 1.3, HTTP/1.1, no client certificates.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, HttpError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| unusable(key, "private key", source))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpError::Tls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(HttpError::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let refused = |source| unusable(path, "certificate", source);
    let chain: Vec<_> = CertificateDer::pem_file_iter(path).map_err(refused)?.collect::<Result<_, _>>().map_err(refused)?;
    if chain.is_empty() { Err(refused(PemError::NoItemsFound)) } else { Ok(chain) }
}

fn unusable(path: &Path, what: &'static str, source: PemError) -> HttpError {
    HttpError::TlsFile { path: path.to_owned(), what, source }
}
