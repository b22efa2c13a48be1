//! An authority and a certificate for one server on 127.0.0.1: made for it, trusted by nobody who is not told to.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use std::path::{Path, PathBuf};

/// The files, all PEM.
#[derive(Debug)]
pub(super) struct Certificates {
    /// The authority's certificate, for clients.
    pub(super) authority: PathBuf,
    /// The server's.
    pub(super) certificate: PathBuf,
    /// The server's private key.
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes them. They are valid from long ago to far away, because no clock is asked.
    pub(super) fn write(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(params, new_key()).expect("an authority can sign itself");

        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("the names are names");
        params.distinguished_name.push(DnType::CommonName, "Server of a test");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = new_key();
        let certificate = params.signed_by(&key, &authority).expect("an authority can sign");

        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("the server's folder can be written");
            path
        };
        Self {
            authority: write("authority.pem", authority.pem()),
            certificate: write("certificate.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
