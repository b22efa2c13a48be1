//! The address, taken apart, and the mistakes that can be seen before anything is asked.

use crate::diagnosis::Diagnosis;
use http::Uri;

/// Where a page connects.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) uri: Uri,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encrypted: bool,
    /// Whether it is the service's own WebSocket, with no gateway in front.
    pub(crate) direct: bool,
}

impl Address {
    /// The service's own WebSocket is told in its address whom it speaks to; a gateway is not.
    pub(crate) fn for_session(self, token: &str, session: Option<&str>) -> Result<Self, Diagnosis> {
        if !self.direct {
            return Ok(self);
        }
        let scheme = if self.encrypted { "wss" } else { "ws" };
        let authority = self.uri.authority().map_or("", http::uri::Authority::as_str);
        let session = session.unwrap_or_default();
        let uri = format!("{scheme}://{authority}{}?sessionId={session}&token={token}", self.uri.path());
        let uri = uri.parse().map_err(|_| Diagnosis::Token("its session cannot stand in an address.".into()))?;
        Ok(Self { uri, ..self })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Diagnosis> {
        let wrong = |what: &str| Diagnosis::Address(what.to_owned());
        let uri: Uri = text.trim().parse().map_err(|_| wrong("it is not written as one."))?;
        let encrypted = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            Some("https" | "http") => {
                return Err(wrong(
                    "it begins with http; the page's address is the output WebSocketUrl, which begins with wss://.",
                ));
            }
            _ => return Err(wrong("it must begin with wss://.")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it has no host."))?.to_owned();
        if uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("token="))) {
            return Err(wrong("there is a token in it, which would end up in logs; give it on standard input."));
        }
        let path = uri.path();
        let direct = path.ends_with("/terminal");
        if host.ends_with(".awsapprunner.com") {
            return Err(wrong(
                "it is App Runner itself, which cuts every WebSocket; give the gateway's, the output WebSocketUrl.",
            ));
        }
        if path.contains("@connections") {
            return Err(wrong("that is where the function posts to browsers; leave out /@connections."));
        }
        if host.contains(".execute-api.") && path.trim_matches('/').is_empty() {
            return Err(wrong("the stage is missing; it ends with /prod, or whatever the stage is called."));
        }
        if !encrypted && !local(&host) {
            return Err(wrong("without TLS the token can be read on its way; it must begin with wss://."));
        }
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), port, encrypted, direct, uri })
    }
}

fn local(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let gateway = Address::parse("wss://abc.execute-api.eu-central-1.amazonaws.com/prod\n").unwrap();
        assert_eq!((gateway.port, gateway.encrypted, gateway.direct), (443, true, false));
        let local = Address::parse("ws://127.0.0.1:3001/terminal?sessionId=a").unwrap();
        assert_eq!((local.port, local.encrypted, local.direct), (3001, false, true));
        assert_eq!(Address::parse("wss://[::1]:1/x").unwrap().host, "::1");
        assert!(Address::parse("wss://terminal.example.com").is_ok(), "a domain of one's own needs no stage");
    }

    #[test]
    fn only_the_service_itself_is_told_the_token_in_the_address() {
        let to = |address| Address::parse(address).unwrap().for_session("a.b.c", Some("lab")).unwrap().uri.to_string();
        assert_eq!(to("ws://127.0.0.1:3001/terminal"), "ws://127.0.0.1:3001/terminal?sessionId=lab&token=a.b.c");
        assert_eq!(to("wss://terminal.example.com/prod"), "wss://terminal.example.com/prod");
    }

    #[test]
    fn mistakes_are_seen_before_anything_is_asked() {
        for (address, sentence) in [
            ("https://abc.execute-api.eu-central-1.amazonaws.com/prod", "begins with wss://"),
            ("abc.execute-api.eu-central-1.amazonaws.com", "must begin with wss://"),
            ("wss://abc.execute-api.eu-central-1.amazonaws.com", "the stage is missing"),
            ("wss://abc.execute-api.eu-central-1.amazonaws.com/prod/@connections", "leave out /@connections"),
            ("wss://abc.eu-central-1.awsapprunner.com/terminal", "cuts every WebSocket"),
            ("wss://terminal.example.com/prod?token=x", "end up in logs"),
            ("ws://terminal.example.com/prod", "without TLS"),
            ("wss:///prod", "not written as one"),
            ("", "not written as one"),
        ] {
            let diagnosis = Address::parse(address).err().unwrap().to_string();
            assert!(diagnosis.contains(sentence), "{address}: {diagnosis}");
        }
    }
}
