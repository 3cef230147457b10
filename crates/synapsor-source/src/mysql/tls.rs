//! Which certificate is believed?

use std::path::{Path, PathBuf};

use mysql_async::{OptsBuilder, SslOpts};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::Cause;

/// Whether a connection is encrypted, and what is verified of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    /// If the server offers it; its certificate may be anybody's.
    Preferred,
    /// Always; its certificate may be anybody's.
    Required,
    /// Always, with a certificate that names the host and that a known authority signed.
    Verified {
        roots: Roots,
        /// The name that it has to carry instead, where the host has another one: at the end of a tunnel.
        certified: Option<String>,
    },
}

/// Whose signatures are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's authorities, and Mozilla's.
    System,
    /// The certificates in this PEM file.
    File(PathBuf),
}

impl Encryption {
    /// The connection's options with this encryption. Reads certificates from files.
    pub(super) fn over(&self, plain: OptsBuilder) -> Result<OptsBuilder, Cause> {
        let options = match self {
            Self::None => None,
            Self::Preferred | Self::Required => Some(SslOpts::default().with_danger_accept_invalid_certs(true)),
            Self::Verified { roots, certified } => Some(verified(roots)?.with_danger_tls_hostname_override(certified.clone())),
        };
        // The driver takes whichever provider the process has; the error is that it has one already.
        drop(ring::default_provider().install_default());
        Ok(plain.ssl_opts(options))
    }
}

fn verified(roots: &Roots) -> Result<SslOpts, Cause> {
    let (certificates, alone) = match roots {
        Roots::System => (system(), false),
        Roots::File(path) => (file(path)?, true),
    };
    let certificates = certificates.into_iter().map(|certificate| certificate.to_vec().into());
    Ok(SslOpts::default().with_root_certs(certificates.collect()).with_disable_built_in_roots(alone))
}

fn system() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs().certs;
    // One that cannot be read would end every connection.
    found.into_iter().filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok()).collect()
}

fn file(path: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let found = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err("the file of authorities holds no certificate".into()) } else { Ok(found) }
}
