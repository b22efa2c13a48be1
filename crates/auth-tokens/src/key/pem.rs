//! A public key in PEM, as OpenSSL writes it or as an environment variable holds it.

use super::error::KeyError;
use jsonwebtoken::DecodingKey;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

/// `rsaEncryption`, RFC 8017 appendix A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey`, RFC 5480 section 2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1` (P-256), RFC 5480 section 2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `id-Ed25519`, RFC 8410 section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Reads one public key, without a check of its numbers.
pub(super) fn parse(text: &str) -> Result<DecodingKey, KeyError> {
    let pems = pem::parse_many(restore_lines(text)).map_err(|_| KeyError::NotPem)?;
    let pem = match pems.as_slice() {
        [] => return Err(KeyError::NotPem),
        [pem] => pem,
        _ => return Err(KeyError::MultiplePems),
    };
    match pem.tag() {
        "PUBLIC KEY" => public_key(pem.contents()).ok_or(KeyError::Unsupported),
        "RSA PUBLIC KEY" => Ok(DecodingKey::from_rsa_der(pem.contents())),
        "CERTIFICATE" => Err(KeyError::Certificate),
        tag if tag.ends_with("PRIVATE KEY") => Err(KeyError::PrivateKey),
        _ => Err(KeyError::Unsupported),
    }
}

/// Restores line ends that became `\n` or spaces in a variable.
fn restore_lines(text: &str) -> String {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let parts = text.split("-----").map(|part| match part {
        label if label.starts_with("BEGIN ") || label.starts_with("END ") => label.to_owned(),
        body => format!("\n{}\n", body.split_whitespace().collect::<Vec<_>>().join("\n")),
    });
    parts.collect::<Vec<_>>().join("-----")
}

fn public_key(der: &[u8]) -> Option<DecodingKey> {
    let info = SubjectPublicKeyInfoRef::try_from(der).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    match info.algorithm.oid {
        RSA => Some(DecodingKey::from_rsa_der(key)),
        EC if info.algorithm.parameters_oid() == Ok(P256) => Some(DecodingKey::from_ec_der(key)),
        ED25519 => Some(DecodingKey::from_ed_der(key)),
        _ => None,
    }
}
