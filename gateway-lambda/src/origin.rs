//! Pages that may open a connection, by the `Origin` header, which browsers send and pages cannot forge.

/// The origins that may open a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Every origin. Safe, because only the token authorizes: no cookie travels with these WebSockets.
    #[default]
    Any,
    /// Only these, as `scheme://host[:port]` in lower case.
    Only(Vec<String>),
}

impl AllowedOrigins {
    /// Parses a list with commas, such as `https://lab.example,http://localhost:3000`. `*` allows every origin.
    pub fn parse(list: &str) -> Self {
        let origins: Vec<String> = list.split(',').map(normalize).filter(|origin| !origin.is_empty()).collect();
        if origins.is_empty() || origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(origins) }
    }

    /// True if a connection with this `Origin` is allowed. Clients other than browsers send none.
    pub fn allow(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(allowed), Some(origin)) => allowed.contains(&normalize(origin)),
        }
    }
}

fn normalize(origin: &str) -> String {
    origin.trim().trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_origins_and_a_missing_one_are_allowed() {
        let origins = AllowedOrigins::parse(" https://Lab.example/ ,http://localhost:3000");
        assert!(origins.allow(Some("https://lab.example")));
        assert!(origins.allow(Some("http://localhost:3000")));
        assert!(origins.allow(None));
        for foreign in ["https://lab.example.evil", "http://lab.example", "https://lab.example:444", "null", ""] {
            assert!(!origins.allow(Some(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn a_star_or_an_empty_list_allows_all() {
        assert_eq!(AllowedOrigins::parse("https://a,*"), AllowedOrigins::Any);
        assert_eq!(AllowedOrigins::parse(" , "), AllowedOrigins::Any);
    }
}
