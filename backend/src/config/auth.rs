//! Variables of authentication: the keys of users' tokens, the secret of the gateway, and the origins of pages.

use super::env::{ConfigError, Env, REDACTED, invalid};
use crate::clock::RandomSource;
use auth_tokens::{
    GatewaySecret, GatewayTokenVerifier, KeySetting, MIN_SECRET_BYTES, ShortSecretError, UserKey, UserTokenVerifier,
};

/// Keys and origins.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `GATEWAY_SECRET` (and `GATEWAY_SECRET_PREVIOUS` during a rotation), or derived from `JWT_SECRET` if only that is set. A
    /// public key cannot replace it.
    pub gateway: GatewayTokenVerifier,
    /// Signs questions to other instances: `GATEWAY_SECRET`, or what replaces it.
    pub instances: GatewaySecret,
    /// One of `JWT_SECRET` (HS256, at least 32 bytes), `JWT_PUBLIC_KEY` (RS256, ES256 or EdDSA: RSA of 2048 to 4096 bits, P-256
    /// or Ed25519 in PEM, whose line ends may be written as `\n`) and `JWT_JWKS` (the same as a key set in JSON, from which
    /// a token's `kid` selects). If set, `JWT_ISSUER` and `JWT_AUDIENCE` must be a token's `iss` and (one of) its `aud`.
    pub users: UserTokenVerifier,
    /// `ALLOWED_ORIGINS`, or `FRONTEND_URL`: comma-separated origins of pages that may use the HTTP API; none by default.
    pub origins: Vec<String>,
    /// True if no secret is configured, so that only this process knows the generated ones.
    pub random_secrets: bool,
}

pub(super) fn read(env: &Env<'_>, random: &dyn RandomSource) -> Result<AuthConfig, ConfigError> {
    let production = env.text("NODE_ENV").as_deref() == Some("production");
    let setting = KeySetting::from_lookup(|name| env.text(name)).map_err(ConfigError::Key)?;
    let random_secrets = setting.is_none();
    let missing = |name, reason| Err(ConfigError::Missing { name, reason });
    let short = |name| move |ShortSecretError| invalid(name, "at least 32 bytes long", REDACTED);
    let generated = random.bytes::<MIN_SECRET_BYTES>();
    let (key, secret) = match setting {
        None if production => {
            let reason =
                "NODE_ENV is production: it signs the users' tokens, unless JWT_PUBLIC_KEY or JWT_JWKS verifies them";
            return missing("JWT_SECRET", reason);
        }
        None => (UserKey::hs256(&generated).map_err(short("JWT_SECRET"))?, Some(generated.to_vec())),
        Some(KeySetting::Key(key)) => (key, env.text("JWT_SECRET").map(String::into_bytes)),
        Some(KeySetting::Url(_)) => {
            let reason = "JWT_JWKS_URL is for the gateway: the service fetches nothing, so it needs the key set";
            return missing("JWT_JWKS", reason);
        }
    };
    let gateway = match (env.text("GATEWAY_SECRET"), secret) {
        (Some(own), _) => GatewaySecret::new(own.as_bytes()),
        (None, Some(secret)) => GatewaySecret::derived_from(&secret),
        (None, None) => {
            let reason = "the gateway's requests are signed with it, and only JWT_SECRET could replace it";
            return missing("GATEWAY_SECRET", reason);
        }
    };
    let instances = gateway.map_err(short("GATEWAY_SECRET"))?;
    let mut secrets = vec![instances.clone()];
    if let Some(previous) = env.text("GATEWAY_SECRET_PREVIOUS") {
        secrets.push(GatewaySecret::new(previous.as_bytes()).map_err(short("GATEWAY_SECRET_PREVIOUS"))?);
    }
    let origins = env.text("ALLOWED_ORIGINS").or_else(|| env.text("FRONTEND_URL")).unwrap_or_default();
    if origins.split(',').any(|origin| origin.trim() == "*") {
        return Err(invalid("ALLOWED_ORIGINS", "a list of origins, because requests carry credentials", "*"));
    }
    let origins = origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase());
    Ok(AuthConfig {
        gateway: GatewayTokenVerifier::new(&secrets),
        instances,
        users: UserTokenVerifier { key, issuer: env.text("JWT_ISSUER"), audience: env.text("JWT_AUDIENCE") },
        origins: origins.filter(|origin| !origin.is_empty()).collect(),
        random_secrets,
    })
}
