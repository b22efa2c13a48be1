//! The user of a connection: taken once from the token, then sent by API Gateway with every event of the connection, or kept in
//! the connection's row where no authorizer is configured.

use serde_json::{Map, Value, json};
use shared_protocol::{ClassClaims, GroupId, ProfileName, Role, SessionId, UserClaims};

/// User of a connection, and what the user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub sub: String,
    /// The session; none for a connection that may only `ping` and `echo`.
    pub sid: Option<SessionId>,
    /// True for a carrier: a second connection of a page, which speaks only so that its runs may carry frames.
    pub carrier: bool,
    /// True if the user had as many connections as allowed when this one opened. It is told so, and closed.
    pub over_limit: bool,
    /// Role in the session.
    pub role: Role,
    /// True if the user operates the platform.
    pub admin: bool,
    /// True if the token itself names the session, and so may create it.
    pub create: bool,
    /// Expiry of the user's token, in seconds since 1970.
    pub uexp: u64,
    /// Time of issue of the token, in seconds since 1970, if the token has one.
    pub iat: Option<u64>,
    /// Group, name and id of the token.
    pub class: ClassClaims,
}

impl Identity {
    /// The identity of a verified token, and of the session that the query requests where the token names none. `carrier` is the
    /// kind of the connection.
    pub fn new(claims: UserClaims, requested: Option<SessionId>, carrier: bool) -> Self {
        let create = claims.sid.is_some();
        Self {
            sub: claims.sub,
            sid: claims.sid.or(requested),
            carrier,
            over_limit: false,
            role: claims.role,
            admin: claims.admin,
            create,
            uexp: claims.exp,
            iat: claims.iat,
            class: claims.class,
        }
    }

    /// The key under which a user's rows are counted: each kind of connection apart.
    pub fn row_user(&self) -> String {
        format!("{}{}", self.row_prefix(), self.sub)
    }

    /// Begin of [`Self::row_user`], before the `sub`.
    pub(crate) fn row_prefix(&self) -> String {
        let role = if self.role == Role::Controller { String::new() } else { format!("{}:", self.role) };
        let limit = if self.over_limit { "limit:" } else { "" };
        let carrier = if self.carrier { "carrier:" } else { "" };
        format!("{limit}{carrier}{role}")
    }

    /// The authorizer's context. All values are strings, because API Gateway passes every value on as a string.
    pub fn to_context(&self) -> Value {
        let mut context = json!({
            "sub": self.sub,
            "role": self.role,
            "admin": self.admin.to_string(),
            "create": self.create.to_string(),
            "uexp": self.uexp.to_string(),
        });
        for (name, set) in [("carrier", self.carrier), ("overLimit", self.over_limit)] {
            if set {
                context[name] = json!("true");
            }
        }
        if let Some(sid) = &self.sid {
            context["sid"] = json!(sid);
        }
        if let Some(iat) = self.iat {
            context["iat"] = json!(iat.to_string());
        }
        for (name, value) in class_fields(&self.class) {
            context[name] = json!(value);
        }
        context
    }

    /// Reads an event's `requestContext.authorizer`; `None` if another authorizer made it.
    pub fn from_context(context: &Map<String, Value>) -> Option<Self> {
        let text = |name| context.get(name).and_then(Value::as_str);
        let number = |name| text(name).and_then(|text| text.parse().ok());
        let flag = |name| text(name) == Some("true");
        Some(Self {
            sub: text("sub")?.to_owned(),
            sid: text("sid").map(SessionId::new).transpose().ok()?,
            carrier: flag("carrier"),
            over_limit: flag("overLimit"),
            role: text("role")?.parse().ok()?,
            admin: flag("admin"),
            create: flag("create"),
            uexp: number("uexp")?,
            iat: number("iat"),
            class: class_claims(text)?,
        })
    }
}

/// The claims for a class as fields of a context or a row; absent ones have none.
pub(crate) fn class_fields(class: &ClassClaims) -> impl Iterator<Item = (&'static str, &str)> {
    let ClassClaims { grp, name, jti, takeover, rec, profile } = class;
    let takeover = takeover.map(<&str>::from);
    let grp = grp.as_ref().map(GroupId::as_str);
    let (name, jti, rec) = (name.as_deref(), jti.as_deref(), rec.then_some("true"));
    let profile = profile.as_ref().map(ProfileName::as_str);
    let fields =
        [("grp", grp), ("name", name), ("jti", jti), ("takeover", takeover), ("rec", rec), ("profile", profile)];
    fields.into_iter().filter_map(|(field, value)| Some((field, value?)))
}

/// The claims for a class from the fields of a context or a row. `None` if one has no valid value.
pub(crate) fn class_claims<'a>(text: impl Fn(&'static str) -> Option<&'a str>) -> Option<ClassClaims> {
    let grp = text("grp").map(GroupId::new).transpose().ok()?;
    let takeover = text("takeover").map(str::parse).transpose().ok()?;
    let (name, jti) = (text("name").map(str::to_owned), text("jti").map(str::to_owned));
    let profile = text("profile").map(ProfileName::new).transpose().ok()?;
    Some(ClassClaims { grp, name, jti, takeover, rec: text("rec") == Some("true"), profile })
}

/// Name of the session for the log; `none` without one.
pub(crate) fn session_label(identity: Option<&Identity>) -> &str {
    identity.and_then(|identity| identity.sid.as_ref()).map_or("none", SessionId::as_str)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use shared_protocol::Takeover;

    pub(crate) fn identity() -> Identity {
        Identity {
            sub: "ada".into(),
            sid: Some(SessionId::new("lab-7").unwrap()),
            carrier: false,
            over_limit: false,
            role: Role::Viewer,
            admin: true,
            create: true,
            uexp: 1_800_000_000,
            iat: Some(1_799_990_000),
            class: ClassClaims {
                grp: Some(GroupId::new("class-7").unwrap()),
                name: Some("Ada Lovelace".into()),
                jti: Some("t/1".into()),
                takeover: Some(Takeover::Ask),
                rec: true,
                profile: Some(ProfileName::new("python").unwrap()),
            },
        }
    }

    #[test]
    fn a_context_holds_only_strings_and_round_trips() {
        let bare = Identity { sid: None, iat: None, create: false, class: ClassClaims::default(), ..identity() };
        for identity in
            [identity(), bare, Identity { carrier: true, ..identity() }, Identity { over_limit: true, ..identity() }]
        {
            let context = identity.to_context();
            let fields = context.as_object().unwrap();
            assert!(fields.values().all(Value::is_string), "{context}");
            assert_eq!(Identity::from_context(fields), Some(identity));
        }
    }

    #[test]
    fn each_kind_of_connection_has_its_own_count() {
        let ada = Identity { role: Role::Controller, ..identity() };
        let kinds = [
            ("ada", ada.clone()),
            ("carrier:ada", Identity { carrier: true, ..ada.clone() }),
            ("limit:ada", Identity { over_limit: true, ..ada }),
            ("viewer:ada", identity()),
            ("instructor:ada", Identity { role: Role::Instructor, ..identity() }),
            ("limit:carrier:viewer:ada", Identity { over_limit: true, carrier: true, ..identity() }),
        ];
        for (key, identity) in kinds {
            assert_eq!(identity.row_user(), key);
        }
    }

    #[test]
    fn a_foreign_or_damaged_context_gives_no_identity() {
        let foreign = json!({"principalId": "ada", "integrationLatency": 12});
        assert_eq!(Identity::from_context(foreign.as_object().unwrap()), None);
        for (name, bad) in [("role", "root"), ("uexp", "soon"), ("sid", "../etc"), ("grp", "a b")] {
            let mut context = identity().to_context();
            context[name] = json!(bad);
            assert_eq!(Identity::from_context(context.as_object().unwrap()), None, "{name}");
        }
    }
}
