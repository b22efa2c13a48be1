//! The JWKS cache against a real HTTP server: times and rate of fetches, and failures.

use crate::server::Server;
use crate::support::{NOW, fixture_with};
use axum::body::Body;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{
    Config, Deps, Gateway, HandleError, MemoryConnections, RecordingBrowser, ScriptedBackend, SystemRandom,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const HOUR: u64 = 3600;

/// A key of the platform, derived from a number.
struct Key(u8);

impl Key {
    fn kid(&self) -> String {
        format!("key-{}", self.0)
    }

    fn signing_key(&self) -> EncodingKey {
        // PKCS #8 for Ed25519: a constant prefix and 32 bytes (RFC 8410 section 7).
        let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        EncodingKey::from_ed_der(&[&prefix[..], &[self.0; 32]].concat())
    }

    fn token(&self) -> String {
        let header = Header { kid: Some(self.kid()), ..Header::new(Algorithm::EdDSA) };
        let claims = json!({"sub": "ada", "exp": NOW + 1000 * HOUR, "iss": "platform", "aud": ["page", "terminal"]});
        jsonwebtoken::encode(&header, &claims, &self.signing_key()).unwrap()
    }
}

fn jwks(keys: &[Key]) -> String {
    let keys = keys.iter().map(|key| {
        let mut jwk = Jwk::from_encoding_key(&key.signing_key(), Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some(key.kid());
        jwk
    });
    json!({"keys": keys.collect::<Vec<_>>()}).to_string()
}

/// A platform that publishes keys, and a gateway that fetches them.
struct Platform {
    server: Server,
    clock: Arc<ManualClock>,
    gateway: Gateway,
}

impl Platform {
    async fn start() -> Self {
        let server = Server::start().await;
        let url = format!("{}/.well-known/jwks.json", server.url);
        let config = Config::from_lookup(|name| match name {
            "JWT_JWKS_URL" => Some(url.clone()),
            "JWT_ISSUER" => Some("platform".to_owned()),
            "JWT_AUDIENCE" => Some("terminal".to_owned()),
            _ => None,
        });
        let clock = Arc::new(ManualClock::new(NOW));
        let gateway = Gateway::new(Deps {
            config: config.unwrap(),
            backend: Arc::new(ScriptedBackend::default()),
            connections: Arc::new(MemoryConnections::default()),
            browser: Arc::new(RecordingBrowser::default()),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
        });
        Self { server, clock, gateway }
    }

    /// A platform whose key the gateway has fetched.
    async fn fetched(key: Key) -> Self {
        let mut platform = Self::start().await;
        platform.publishes(&[Key(key.0)]);
        assert_eq!(platform.authorize(&key.token()).await, Ok(()));
        assert_eq!(platform.fetches(), 1);
        platform
    }

    fn publishes(&self, keys: &[Key]) {
        self.server.answers(200, &[("content-type", "application/json")], jwks(keys));
    }

    async fn authorize(&self, token: &str) -> Result<(), HandleError> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let policy = self.gateway.handle(fixture_with("authorizer-query", token), deadline).await?;
        assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Allow");
        Ok(())
    }

    /// Number of fetches since the last call.
    fn fetches(&mut self) -> usize {
        let fetches = self.server.pending();
        self.server.clear();
        fetches
    }
}

#[tokio::test]
async fn keys_are_fetched_for_the_first_token_and_kept_for_ten_minutes() {
    let mut platform = Platform::start().await;
    assert_eq!(platform.fetches(), 0);
    platform.publishes(&[Key(1), Key(2)]);
    assert_eq!(platform.authorize(&Key(1).token()).await, Ok(()));
    let request = platform.server.arrived().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/.well-known/jwks.json"));
    assert_eq!(request.header("accept"), "application/jwk-set+json, application/json");
    assert_eq!(request.header("authorization"), "");
    for seconds in [0, 300, 299] {
        platform.clock.advance(Duration::from_secs(seconds));
        assert_eq!(platform.authorize(&Key(2).token()).await, Ok(()));
    }
    assert_eq!(platform.authorize("a.bad.token").await, Err(HandleError::Unauthorized));
    assert_eq!(platform.fetches(), 0);
    platform.clock.advance(Duration::from_secs(1));
    platform.publishes(&[Key(2)]);
    assert_eq!(platform.authorize(&Key(2).token()).await, Ok(()));
    assert_eq!(platform.fetches(), 1);
    // A withdrawn key is not accepted any more.
    assert_eq!(platform.authorize(&Key(1).token()).await, Err(HandleError::Unauthorized));
}

#[tokio::test]
async fn a_new_key_is_fetched_at_once_but_only_once_a_minute() {
    let mut platform = Platform::fetched(Key(1)).await;
    assert_eq!(platform.authorize(&Key(2).token()).await, Err(HandleError::Unauthorized));
    platform.clock.advance(Duration::from_secs(59));
    assert_eq!(platform.authorize(&Key(2).token()).await, Err(HandleError::Unauthorized));
    assert_eq!(platform.fetches(), 0);
    platform.clock.advance(Duration::from_secs(1));
    platform.publishes(&[Key(1), Key(2)]);
    assert_eq!(platform.authorize(&Key(2).token()).await, Ok(()));
    assert_eq!(platform.authorize(&Key(1).token()).await, Ok(()));
    assert_eq!(platform.fetches(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_fetches_once_a_minute_and_blocks_no_user() {
    let mut platform = Platform::fetched(Key(1)).await;
    for minute in 0..3 {
        platform.clock.advance(Duration::from_secs(60));
        platform.publishes(&[Key(1)]);
        let tokens: Vec<String> = (0..400).map(|number| Key((number % 200) as u8 + 50).token()).collect();
        let refused = futures_util::future::join_all(tokens.iter().map(|token| platform.authorize(token)));
        let good = Key(1).token();
        let (refused, admitted) = tokio::join!(refused, platform.authorize(&good));
        assert!(refused.iter().all(|authorized| *authorized == Err(HandleError::Unauthorized)), "{minute}");
        assert_eq!(admitted, Ok(()));
        assert_eq!(platform.fetches(), 1, "{minute}");
    }
}

#[tokio::test]
async fn concurrent_first_tokens_share_one_fetch() {
    let mut platform = Platform::start().await;
    platform.publishes(&[Key(1)]);
    let token = Key(1).token();
    let authorized = futures_util::future::join_all((0..50).map(|_| platform.authorize(&token))).await;
    assert!(authorized.iter().all(Result::is_ok), "{authorized:?}");
    assert_eq!(platform.fetches(), 1);
}

#[tokio::test]
async fn old_keys_are_used_for_a_day_while_the_platform_fails() {
    let mut platform = Platform::fetched(Key(1)).await;
    let elsewhere = Server::start().await;
    platform.clock.advance(Duration::from_secs(600));
    let large = format!("{{\"padding\":\"{}\",{}", "x".repeat(256 * 1024), &jwks(&[Key(1)])[1..]);
    let none = json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "key-2"}]}).to_string();
    let to = elsewhere.url.clone();
    for (status, headers, body) in [
        (500, &[][..], jwks(&[Key(2)])),
        (404, &[], String::new()),
        (204, &[], String::new()),
        (302, &[("location", to.as_str())], String::new()),
        (200, &[], "<html>".to_owned()),
        (200, &[], large),
        (200, &[], none),
    ] {
        platform.server.answers(status, headers, body);
        for _ in 0..3 {
            assert_eq!(platform.authorize(&Key(1).token()).await, Ok(()), "{status}");
            assert_eq!(platform.authorize(&Key(2).token()).await, Err(HandleError::Unauthorized), "{status}");
        }
        assert_eq!(platform.fetches(), 1, "{status}");
        platform.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(elsewhere.pending(), 0);

    platform.clock.advance(Duration::from_secs(24 * HOUR));
    for fetches in [1, 0] {
        assert_eq!(platform.authorize(&Key(1).token()).await, Err(HandleError::NoKeys));
        assert_eq!(platform.fetches(), fetches);
    }
    platform.clock.advance(Duration::from_secs(5));
    platform.publishes(&[Key(1)]);
    assert_eq!(platform.authorize(&Key(1).token()).await, Ok(()));
}

#[tokio::test]
async fn without_keys_connections_are_refused_and_the_next_fetch_is_soon() {
    let mut platform = Platform::start().await;
    platform.server.answers(503, &[], "");
    let deadline = Instant::now() + Duration::from_secs(60);
    let token = Key(1).token();
    let answer = platform.gateway.handle(fixture_with("connect-without-authorizer", &token), deadline).await.unwrap();
    assert_eq!(answer["statusCode"], 500);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["error"], "The gateway could not check the token; try again.");
    assert_eq!((&body["code"], &body["retryable"]), (&json!("INTERNAL"), &json!(true)));
    let error = platform.authorize(&token).await.unwrap_err();
    assert_eq!((&error, error.kind()), (&HandleError::NoKeys, "NoKeys"));
    assert_eq!(platform.fetches(), 1);
    platform.clock.advance(Duration::from_secs(5));
    platform.publishes(&[Key(1)]);
    assert_eq!(platform.authorize(&token).await, Ok(()));
}

fn endless() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<String, io::Error>>())
}

#[tokio::test]
async fn a_slow_fetch_delays_one_user_by_two_seconds_and_no_other() {
    let mut platform = Platform::fetched(Key(1)).await;
    platform.clock.advance(Duration::from_secs(600));
    platform.server.answers(200, &[], endless());
    let began = Instant::now();
    let token = Key(1).token();
    let fetching = async {
        let authorized = platform.authorize(&token).await;
        (authorized, began.elapsed())
    };
    let other = async {
        // Polled after the first has started to fetch.
        let authorized = platform.authorize(&token).await;
        (authorized, began.elapsed())
    };
    let ((first, waited), (second, at_once)) = tokio::join!(biased; fetching, other);
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(10), "{waited:?}");
    assert!(at_once < Duration::from_secs(2), "{at_once:?}");
    assert_eq!(platform.fetches(), 1);
}

#[tokio::test]
async fn a_silent_platform_is_an_error_in_time() {
    let mut platform = Platform::start().await;
    platform.server.answers(200, &[], endless());
    let began = Instant::now();
    let token = Key(1).token();
    let authorized = futures_util::future::join_all((0..20).map(|_| platform.authorize(&token))).await;
    assert!(authorized.iter().all(|authorized| *authorized == Err(HandleError::NoKeys)), "{authorized:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(platform.fetches(), 1);
}
