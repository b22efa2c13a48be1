//! Who speaks on a connection: made once from the user's token, then carried by API Gateway on every event of the
//! connection, or by the connection's row where no authorizer is configured.

use serde_json::{Map, Value, json};
use shared_protocol::{Role, SessionId, UserClaims};

/// What the gateway knows of a connection's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, as the token's `sub`.
    pub sub: String,
    /// The session; none for a connection that may only `ping` and `echo`.
    pub sid: Option<SessionId>,
    /// What the user may do in it.
    pub role: Role,
    /// Whether the user operates the platform.
    pub admin: bool,
    /// Whether the token itself names the session, which is authority enough to create it.
    pub create: bool,
    /// Expiry of the user's token, in seconds since 1970.
    pub uexp: u64,
    /// When the token was issued, in seconds since 1970, when it says so.
    pub iat: Option<u64>,
}

impl Identity {
    /// From a verified token, and the session that was asked for beside it.
    pub fn new(claims: UserClaims, asked: Option<SessionId>) -> Self {
        let create = claims.sid.is_some();
        Self {
            sub: claims.sub,
            sid: claims.sid.or(asked),
            role: claims.role,
            admin: claims.admin,
            create,
            uexp: claims.exp,
            iat: claims.iat,
        }
    }

    /// As an authorizer's context. API Gateway hands every value on as a string, so strings they are from the start.
    pub fn to_context(&self) -> Value {
        let mut context = json!({
            "sub": self.sub,
            "role": role_name(self.role),
            "admin": self.admin.to_string(),
            "create": self.create.to_string(),
            "uexp": self.uexp.to_string(),
        });
        if let Some(sid) = &self.sid {
            context["sid"] = json!(sid);
        }
        if let Some(iat) = self.iat {
            context["iat"] = json!(iat.to_string());
        }
        context
    }

    /// From an event's `requestContext.authorizer`. `None` when it is not ours (another authorizer's, or none).
    pub fn from_context(context: &Map<String, Value>) -> Option<Self> {
        let text = |name| context.get(name).and_then(Value::as_str);
        let number = |name| text(name).and_then(|text| text.parse().ok());
        let flag = |name| text(name) == Some("true");
        let sid = match text("sid") {
            Some(sid) => Some(SessionId::new(sid).ok()?),
            None => None,
        };
        Some(Self {
            sub: text("sub")?.to_owned(),
            sid,
            role: role_named(text("role")?)?,
            admin: flag("admin"),
            create: flag("create"),
            uexp: number("uexp")?,
            iat: number("iat"),
        })
    }
}

/// A role as it travels.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Controller => "controller",
        Role::Viewer => "viewer",
    }
}

/// The role of that name.
pub(crate) fn role_named(name: &str) -> Option<Role> {
    [Role::Controller, Role::Viewer].into_iter().find(|role| role_name(*role) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            sub: "ada".into(),
            sid: Some(SessionId::new("lab-7").unwrap()),
            role: Role::Viewer,
            admin: true,
            create: true,
            uexp: 1_800_000_000,
            iat: Some(1_799_990_000),
        }
    }

    #[test]
    fn a_context_holds_strings_only_and_comes_back() {
        for identity in [identity(), Identity { sid: None, iat: None, create: false, ..identity() }] {
            let context = identity.to_context();
            let fields = context.as_object().unwrap();
            assert!(fields.values().all(Value::is_string), "{context}");
            assert_eq!(Identity::from_context(fields), Some(identity));
        }
    }

    #[test]
    fn a_foreign_or_damaged_context_is_nobody() {
        let foreign = json!({"principalId": "ada", "integrationLatency": 12});
        assert_eq!(Identity::from_context(foreign.as_object().unwrap()), None);
        for (name, bad) in [("role", "root"), ("uexp", "soon"), ("sid", "../etc")] {
            let mut context = identity().to_context();
            context[name] = json!(bad);
            assert_eq!(Identity::from_context(context.as_object().unwrap()), None, "{name}");
        }
    }
}
