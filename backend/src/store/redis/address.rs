//! Address and credentials of Redis, from a URL; for TLS also the trusted authorities.

use redis::IntoConnectionInfo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

pub(super) struct Tls {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

/// Printed without the password.
#[derive(derive_more::Display)]
#[display("{host}:{port}")]
pub(super) struct Address {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: i64,
    pub tls: Option<Tls>,
}

impl Address {
    /// Parses `redis[s]://[user][:password@]host[:port][/database]`. `authority` is a file of certificates (PEM) to trust instead
    /// of the public authorities. The error completes a sentence and shows nothing of the URL.
    pub(super) fn new(url: &str, authority: Option<&Path>) -> Result<Self, String> {
        let (encrypted, plain) = match url.strip_prefix("rediss://") {
            Some(rest) => (true, format!("redis://{rest}")),
            None => (false, url.to_owned()),
        };
        if !plain.starts_with("redis://") || plain.contains(['#', '?']) {
            return Err("must be redis://[user][:password@]host[:port][/database], or rediss:// for TLS".into());
        }
        let read = plain.into_connection_info().map_err(|error| match error.detail() {
            Some(detail) => format!("cannot be read: {detail}"),
            None => "cannot be read; special characters of a password have to be escaped, / as %2F for example".into(),
        })?;
        let redis::ConnectionAddr::Tcp(host, port) = read.addr().clone() else {
            return Err("must name a host".into());
        };
        let settings = read.redis_settings();
        let tls = if encrypted { Some(tls(&host, authority)?) } else { None };
        Ok(Self {
            host,
            port,
            user: settings.username().map(Into::into),
            password: settings.password().map(Into::into),
            database: settings.db(),
            tls,
        })
    }
}

fn tls(host: &str, authority: Option<&Path>) -> Result<Tls, String> {
    let mut roots = RootCertStore::empty();
    match authority {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unread =
                |error: &dyn std::fmt::Display| format!("certificates cannot be read from {}: {error}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unread(&error))? {
                let certificate = certificate.map_err(|error| unread(&error))?;
                roots.add(certificate).map_err(|error| unread(&error))?;
            }
            if roots.is_empty() {
                return Err(unread(&"there are none"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| "must name a host".to_owned())?;
    Ok(Tls { config: Arc::new(config), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_defaults_and_keeps_its_password_to_itself() {
        let address = Address::new("redis://cache.example", None).unwrap();
        assert_eq!((address.to_string().as_str(), address.database), ("cache.example:6379", 0));
        let address = Address::new("rediss://me:s%3Acret%2F@[::1]:7000/3", None).unwrap();
        assert_eq!(address.user.as_deref(), Some("me"));
        assert_eq!(address.password.as_deref(), Some("s:cret/"));
        assert_eq!((address.to_string().as_str(), address.database, address.tls.is_some()), ("::1:7000", 3, true));
    }

    #[test]
    fn an_error_hides_the_url() {
        for url in [
            "redis://:secret/half@host",
            "redis://:secret@",
            "redis://:secret@host/one",
            "redis://:secret@host:port",
            "redis://:secret@0.0.0.0",
            "rediss://:secret@host/#insecure",
            "redis+unix:///secret",
            "http://:secret@host",
            "secret",
        ] {
            let error = Address::new(url, None).err().unwrap();
            assert!(!error.contains("secret"), "{url}: {error}");
        }
        let missing = Address::new("rediss://host", Some(Path::new("/nowhere.pem"))).err().unwrap();
        assert!(missing.starts_with("certificates cannot be read from /nowhere.pem"), "{missing}");
    }
}
