//! Which pages may open a connection, judged by the `Origin` header that browsers send and pages cannot forge.

/// The allowed origins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Every origin. The token is the authority: no cookie rides on a WebSocket here, so a foreign page gains nothing.
    #[default]
    Any,
    /// These, as `scheme://host[:port]` in lower case.
    Only(Vec<String>),
}

impl AllowedOrigins {
    /// From a list with commas, such as `https://lab.example,http://localhost:3000`. `*` allows every origin.
    pub fn parse(list: &str) -> Self {
        let origins: Vec<String> = list.split(',').map(normal).filter(|origin| !origin.is_empty()).collect();
        if origins.is_empty() || origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(origins) }
    }

    /// Whether a connection with this `Origin` is allowed. Programs that are no browsers send none.
    pub fn allow(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(allowed), Some(origin)) => allowed.contains(&normal(origin)),
        }
    }
}

fn normal(origin: &str) -> String {
    origin.trim().trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_pass_and_a_missing_one_does() {
        let origins = AllowedOrigins::parse(" https://Lab.example/ ,http://localhost:3000");
        assert!(origins.allow(Some("https://lab.example")));
        assert!(origins.allow(Some("http://localhost:3000")));
        assert!(origins.allow(None));
        for foreign in ["https://lab.example.evil", "http://lab.example", "https://lab.example:444", "null", ""] {
            assert!(!origins.allow(Some(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn a_star_or_nothing_allows_all() {
        assert_eq!(AllowedOrigins::parse("https://a,*"), AllowedOrigins::Any);
        assert_eq!(AllowedOrigins::parse(" , "), AllowedOrigins::Any);
    }
}
