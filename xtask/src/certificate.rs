//! How does the test server prove who it is?
//!
//! An authority of its own signs one certificate for the name `localhost` and for nothing else: over
//! 127.0.0.1 the same server is one with a wrong name, so a test can tell `verify-ca` from `verify-full`.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::error::TaskError;

/// What a TLS server needs, and what its clients need to trust it; all PEM.
pub(crate) struct ServerCertificate {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl ServerCertificate {
    /// Makes an authority, forgets its key, and keeps the one certificate that it signed.
    pub(crate) fn for_localhost() -> Result<Self, TaskError> {
        let authority_key = KeyPair::generate()?;
        let authority = authority()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self { authority: authority_certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn authority() -> Result<CertificateParams, TaskError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Synapsor test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(authority)
}
