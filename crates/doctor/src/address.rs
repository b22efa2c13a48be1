//! Parses the address, and finds the mistakes that need no connection.

use crate::diagnosis::Diagnosis;
use http::Uri;
use http::uri::Authority;
use std::net::IpAddr;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) uri: Uri,
    /// Host name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// True for `wss`.
    pub(crate) encrypted: bool,
    /// True for the service's own WebSocket, with no gateway in front.
    pub(crate) direct: bool,
    /// The page's origin, sent as a browser does.
    pub(crate) origin: Option<String>,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, Diagnosis> {
        let uri: Uri = text.trim().parse().map_err(|_| Diagnosis::Address("it is not a URL."))?;
        let encrypted = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            Some("https" | "http") => {
                return Err(Diagnosis::Address(
                    "it begins with http. Use the output WebSocketUrl, which begins with wss://.",
                ));
            }
            _ => return Err(Diagnosis::Address("it must begin with wss://.")),
        };
        let direct = uri.path().ends_with("/terminal");
        let address = Self::new(uri, encrypted, direct);
        let Self { uri, host, .. } = &address;
        let path = uri.path();
        let mistakes = [
            (host.is_empty(), "it has no host."),
            (
                uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("token="))),
                "it contains a token, which would end up in logs. Pass the token on standard input.",
            ),
            (
                host.ends_with(".awsapprunner.com"),
                "it is App Runner itself, which cuts every WebSocket. Use the gateway's, the output WebSocketUrl.",
            ),
            (
                path.contains("@connections"),
                "browsers do not connect to @connections, where the function posts; leave out /@connections.",
            ),
            (
                host.contains(".execute-api.") && path.trim_matches('/').is_empty(),
                "the stage is missing. It ends with /prod, or another stage's name.",
            ),
            (!address.is_private(), "without TLS the network can read the token. It must begin with wss://."),
        ];
        if let Some((_, mistake)) = mistakes.into_iter().find(|(found, _)| *found) {
            return Err(Diagnosis::Address(mistake));
        }
        Ok(address)
    }

    fn new(uri: Uri, encrypted: bool, direct: bool) -> Self {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        Self { host, port, encrypted, direct, origin: None, uri }
    }

    /// True if no network can read what is sent there.
    fn is_private(&self) -> bool {
        let is_loopback = || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        self.encrypted || self.host == "localhost" || is_loopback()
    }

    /// The service's own address for HTTP requests: the page's `NEXT_PUBLIC_HTTP_URL`.
    pub(crate) fn of_service(text: &str) -> Result<Self, Diagnosis> {
        let uri: Uri = text.trim().parse().map_err(|_| Diagnosis::Address("that after --http is not a URL."))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Diagnosis::Address("that after --http must begin with https://.")),
        };
        let address = Self::new(uri, encrypted, true);
        if !address.is_private() {
            return Err(Diagnosis::Address("without TLS the network can read the token: --http https://…"));
        }
        Ok(address)
    }

    /// The same address as pages of this origin use it.
    pub(crate) fn with_origin(&self, origin: Option<String>) -> Self {
        Self { origin, ..self.clone() }
    }

    /// The address of a carrier: a second connection of the same client.
    pub(crate) fn of_carrier(&self) -> Result<Self, Diagnosis> {
        let scheme = if self.encrypted { "wss" } else { "ws" };
        let authority = self.uri.authority().map_or("", Authority::as_str);
        let path = self.uri.path();
        let query = self.uri.query().map_or_else(String::new, |query| format!("{query}&"));
        let uri = format!("{scheme}://{authority}{path}?{query}carrier=1").parse();
        Ok(Self { uri: uri.map_err(|_| Diagnosis::Address("it is not a URL."))?, ..self.clone() })
    }

    /// Adds session and token to a direct address. A gateway takes the token from the handshake's headers instead.
    pub(crate) fn for_session(self, token: &str, session: Option<&str>) -> Result<Self, Diagnosis> {
        if !self.direct {
            return Ok(self);
        }
        let scheme = if self.encrypted { "wss" } else { "ws" };
        let authority = self.uri.authority().map_or("", Authority::as_str);
        let session = session.unwrap_or_default();
        let uri = format!("{scheme}://{authority}{}?sessionId={session}&token={token}", self.uri.path());
        let uri = uri.parse().map_err(|_| Diagnosis::Token("its session does not fit into a URL.".into()))?;
        Ok(Self { uri, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_addresses() {
        let gateway = Address::parse("wss://abc.execute-api.eu-central-1.amazonaws.com/prod\n").unwrap();
        assert_eq!((gateway.port, gateway.encrypted, gateway.direct), (443, true, false));
        let local = Address::parse("ws://127.0.0.1:3001/terminal?sessionId=a").unwrap();
        assert_eq!((local.port, local.encrypted, local.direct), (3001, false, true));
        assert_eq!(Address::parse("wss://[::1]:1/x").unwrap().host, "::1");
        assert!(Address::parse("wss://terminal.example.com").is_ok(), "a custom domain needs no stage");
    }

    #[test]
    fn only_a_direct_address_gets_session_and_token() {
        let to = |address| Address::parse(address).unwrap().for_session("a.b.c", Some("lab")).unwrap().uri.to_string();
        assert_eq!(to("ws://127.0.0.1:3001/terminal"), "ws://127.0.0.1:3001/terminal?sessionId=lab&token=a.b.c");
        assert_eq!(to("wss://terminal.example.com/prod"), "wss://terminal.example.com/prod");
    }

    #[test]
    fn the_services_own_address_is_one_of_http() {
        let service = Address::of_service("https://terminal.example.com\n").unwrap();
        assert_eq!((service.host.as_str(), service.port, service.encrypted), ("terminal.example.com", 443, true));
        assert!(Address::of_service("http://127.0.0.1:3001").is_ok());
        for (address, sentence) in [
            ("wss://terminal.example.com", "must begin with https://"),
            ("http://terminal.example.com", "without TLS"),
            ("", "not a URL"),
        ] {
            let diagnosis = Address::of_service(address).err().unwrap().to_string();
            assert!(diagnosis.contains(sentence), "{address}: {diagnosis}");
        }
    }

    #[test]
    fn a_carrier_has_the_same_address_with_a_mark() {
        let to = |address| Address::parse(address).unwrap().of_carrier().unwrap().uri.to_string();
        assert_eq!(to("wss://terminal.example.com/prod"), "wss://terminal.example.com/prod?carrier=1");
        assert_eq!(to("ws://127.0.0.1:1/prod?sessionId=a"), "ws://127.0.0.1:1/prod?sessionId=a&carrier=1");
    }

    #[test]
    fn finds_mistakes_without_connecting() {
        for (address, sentence) in [
            ("https://abc.execute-api.eu-central-1.amazonaws.com/prod", "begins with wss://"),
            ("abc.execute-api.eu-central-1.amazonaws.com", "must begin with wss://"),
            ("wss://abc.execute-api.eu-central-1.amazonaws.com", "the stage is missing"),
            ("wss://abc.execute-api.eu-central-1.amazonaws.com/prod/@connections", "leave out /@connections"),
            ("wss://abc.eu-central-1.awsapprunner.com/terminal", "cuts every WebSocket"),
            ("wss://terminal.example.com/prod?token=x", "end up in logs"),
            ("ws://terminal.example.com/prod", "without TLS"),
            ("wss:///prod", "not a URL"),
            ("", "not a URL"),
        ] {
            let diagnosis = Address::parse(address).err().unwrap().to_string();
            assert!(diagnosis.contains(sentence), "{address}: {diagnosis}");
        }
    }
}
