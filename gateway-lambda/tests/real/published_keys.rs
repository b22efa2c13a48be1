//! The platform's keys by HTTP: fetched when they are needed, no oftener than they should be, and missed as little as possible.

use crate::server::Server;
use axum::body::Body;
use gateway_lambda::{Clock, Config, Deps, Gateway, HandleError, MemoryConnections, RecordingBrowser, ScriptedBackend};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const START: u64 = 1_795_000_000;
const HOUR: u64 = 3600;

/// A clock that goes when it is told to.
struct MovingClock(AtomicU64);

impl MovingClock {
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for MovingClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A key of the platform, which is what its name makes it.
struct Key(u8);

impl Key {
    fn kid(&self) -> String {
        format!("key-{}", self.0)
    }

    fn signing_key(&self) -> EncodingKey {
        // PKCS #8 for Ed25519: thirty-two bytes behind a prefix that never changes (RFC 8410 section 7).
        let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        EncodingKey::from_ed_der(&[&prefix[..], &[self.0; 32]].concat())
    }

    fn token(&self) -> String {
        let header = Header { kid: Some(self.kid()), ..Header::new(Algorithm::EdDSA) };
        let claims = json!({"sub": "ada", "exp": START + 1000 * HOUR, "iss": "platform", "aud": ["page", "terminal"]});
        jsonwebtoken::encode(&header, &claims, &self.signing_key()).unwrap()
    }
}

fn set(keys: &[Key]) -> String {
    let keys = keys.iter().map(|key| {
        let mut jwk = Jwk::from_encoding_key(&key.signing_key(), Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some(key.kid());
        jwk
    });
    json!({"keys": keys.collect::<Vec<_>>()}).to_string()
}

struct Platform {
    server: Server,
    clock: Arc<MovingClock>,
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
        let clock = Arc::new(MovingClock(AtomicU64::new(START)));
        let gateway = Gateway::new(Deps {
            config: config.unwrap(),
            backend: Arc::new(ScriptedBackend::new()),
            connections: Arc::new(MemoryConnections::default()),
            browser: Arc::new(RecordingBrowser::new()),
            clock: clock.clone(),
        });
        Self { server, clock, gateway }
    }

    /// Which has been asked for its keys once, and gave this one.
    async fn with(key: Key) -> Self {
        let mut platform = Self::start().await;
        platform.publishes(&[Key(key.0)]);
        assert_eq!(platform.judge(&key.token()).await, Ok(()));
        assert_eq!(platform.asked(), 1);
        platform
    }

    fn publishes(&self, keys: &[Key]) {
        self.server.answers(200, &[("content-type", "application/json")], set(keys));
    }

    async fn judge(&self, token: &str) -> Result<(), HandleError> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let policy = self.gateway.handle(event("authorizer-query", token), deadline).await?;
        assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Allow");
        Ok(())
    }

    /// How often it was asked since this was asked last.
    fn asked(&mut self) -> usize {
        let asked = self.server.unseen();
        self.server.see_all();
        asked
    }
}

fn event(name: &str, token: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap().replace("TOKEN", token)).unwrap()
}

#[tokio::test]
async fn keys_are_fetched_for_the_first_token_and_kept_for_ten_minutes() {
    let mut platform = Platform::start().await;
    assert_eq!(platform.asked(), 0);
    platform.publishes(&[Key(1), Key(2)]);
    assert_eq!(platform.judge(&Key(1).token()).await, Ok(()));
    let request = platform.server.arrived().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/.well-known/jwks.json"));
    assert_eq!(request.header("accept"), "application/jwk-set+json, application/json");
    assert_eq!(request.header("authorization"), "");
    for seconds in [0, 300, 299] {
        platform.clock.advance(seconds);
        assert_eq!(platform.judge(&Key(2).token()).await, Ok(()));
    }
    assert_eq!(platform.judge("a.bad.token").await, Err(HandleError::Unauthorized));
    assert_eq!(platform.asked(), 0);
    platform.clock.advance(1);
    platform.publishes(&[Key(2)]);
    assert_eq!(platform.judge(&Key(2).token()).await, Ok(()));
    assert_eq!(platform.asked(), 1);
    // What the platform has taken back is not believed any more.
    assert_eq!(platform.judge(&Key(1).token()).await, Err(HandleError::Unauthorized));
}

#[tokio::test]
async fn a_new_key_is_known_at_once_but_not_oftener_than_once_a_minute() {
    let mut platform = Platform::with(Key(1)).await;
    assert_eq!(platform.judge(&Key(2).token()).await, Err(HandleError::Unauthorized));
    platform.clock.advance(59);
    assert_eq!(platform.judge(&Key(2).token()).await, Err(HandleError::Unauthorized));
    assert_eq!(platform.asked(), 0);
    platform.clock.advance(1);
    platform.publishes(&[Key(1), Key(2)]);
    assert_eq!(platform.judge(&Key(2).token()).await, Ok(()));
    assert_eq!(platform.judge(&Key(1).token()).await, Ok(()));
    assert_eq!(platform.asked(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_names_asks_once_a_minute_and_stops_nobody() {
    let mut platform = Platform::with(Key(1)).await;
    for minute in 0..3 {
        platform.clock.advance(60);
        platform.publishes(&[Key(1)]);
        let tokens: Vec<String> = (0..400).map(|number| Key((number % 200) as u8 + 50).token()).collect();
        let refused = futures_util::future::join_all(tokens.iter().map(|token| platform.judge(token)));
        let good = Key(1).token();
        let (refused, admitted) = tokio::join!(refused, platform.judge(&good));
        assert!(refused.iter().all(|judged| *judged == Err(HandleError::Unauthorized)), "{minute}");
        assert_eq!(admitted, Ok(()));
        assert_eq!(platform.asked(), 1, "{minute}");
    }
}

#[tokio::test]
async fn many_first_tokens_at_once_are_served_by_one_fetch() {
    let mut platform = Platform::start().await;
    platform.publishes(&[Key(1)]);
    let token = Key(1).token();
    let judged = futures_util::future::join_all((0..50).map(|_| platform.judge(&token))).await;
    assert!(judged.iter().all(Result::is_ok), "{judged:?}");
    assert_eq!(platform.asked(), 1);
}

#[tokio::test]
async fn old_keys_serve_while_the_platform_fails_but_not_for_ever() {
    let mut platform = Platform::with(Key(1)).await;
    let mut elsewhere = Server::start().await;
    platform.clock.advance(600);
    let large = format!("{{\"padding\":\"{}\",{}", "x".repeat(256 * 1024), &set(&[Key(1)])[1..]);
    let none = json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "key-2"}]}).to_string();
    let to = elsewhere.url.clone();
    for (status, headers, body) in [
        (500, &[][..], set(&[Key(2)])),
        (404, &[], String::new()),
        (204, &[], String::new()),
        (302, &[("location", to.as_str())], String::new()),
        (200, &[], "<html>".to_owned()),
        (200, &[], large),
        (200, &[], none),
    ] {
        platform.server.answers(status, headers, body);
        for _ in 0..3 {
            assert_eq!(platform.judge(&Key(1).token()).await, Ok(()), "{status}");
            assert_eq!(platform.judge(&Key(2).token()).await, Err(HandleError::Unauthorized), "{status}");
        }
        assert_eq!(platform.asked(), 1, "{status}");
        platform.clock.advance(60);
    }
    elsewhere.see_all();
    assert_eq!(elsewhere.unseen(), 0);

    platform.clock.advance(24 * HOUR);
    for asked in [1, 0] {
        assert_eq!(platform.judge(&Key(1).token()).await, Err(HandleError::NoKeys));
        assert_eq!(platform.asked(), asked);
    }
    platform.clock.advance(5);
    platform.publishes(&[Key(1)]);
    assert_eq!(platform.judge(&Key(1).token()).await, Ok(()));
}

#[tokio::test]
async fn without_any_keys_nobody_is_let_in_and_the_next_try_is_soon() {
    let mut platform = Platform::start().await;
    platform.server.answers(503, &[], "");
    let deadline = Instant::now() + Duration::from_secs(60);
    let token = Key(1).token();
    let answer = platform.gateway.handle(event("connect-without-authorizer", &token), deadline).await.unwrap();
    assert_eq!(answer["statusCode"], 500);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["error"], "The gateway could not check the token; try again.");
    assert_eq!((&body["code"], &body["retryable"]), (&json!("INTERNAL"), &json!(true)));
    let error = platform.judge(&token).await.unwrap_err();
    assert_eq!((&error, error.kind()), (&HandleError::NoKeys, "NoKeys"));
    assert_eq!(platform.asked(), 1);
    platform.clock.advance(5);
    platform.publishes(&[Key(1)]);
    assert_eq!(platform.judge(&token).await, Ok(()));
}

/// A body that begins and never ends.
fn endless() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<String, io::Error>>())
}

#[tokio::test]
async fn a_slow_platform_is_waited_for_two_seconds_by_one_and_by_nobody_who_has_keys() {
    let mut platform = Platform::with(Key(1)).await;
    platform.clock.advance(600);
    platform.server.answers(200, &[], endless());
    let began = Instant::now();
    let token = Key(1).token();
    let asking = async {
        let judged = platform.judge(&token).await;
        (judged, began.elapsed())
    };
    let other = async {
        // Polled after the first one has begun to ask.
        let judged = platform.judge(&token).await;
        (judged, began.elapsed())
    };
    let ((first, waited), (second, at_once)) = tokio::join!(biased; asking, other);
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(10), "{waited:?}");
    assert!(at_once < Duration::from_secs(1), "{at_once:?}");
    assert_eq!(platform.asked(), 1);
}

#[tokio::test]
async fn a_platform_that_never_answers_ends_in_an_error_in_time() {
    let mut platform = Platform::start().await;
    platform.server.answers(200, &[], endless());
    let began = Instant::now();
    let token = Key(1).token();
    let judged = futures_util::future::join_all((0..20).map(|_| platform.judge(&token))).await;
    assert!(judged.iter().all(|judged| *judged == Err(HandleError::NoKeys)), "{judged:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(platform.asked(), 1);
}
