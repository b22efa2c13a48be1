//! What the service counts while somebody works in it, and who may read it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use backend::terminal::UnixSpawner;
use backend::terminal::scripted::ScriptedSpawner;
use shared_protocol::gateway::{DISCONNECT_PATH, FOLLOW_HEADER, MESSAGE_PATH, OUTPUT_PATH};
use shared_protocol::{ServerMessage, StreamEvent};
use std::sync::Arc;
use support::{Service, client, gateway_claims, post, within};

const TOKEN: &str = "a token for those who watch";

async fn get(service: &Service, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = client().get(format!("http://{}/metrics", service.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    within("a request", request.send()).await.unwrap()
}

/// The values as they are now.
struct Shown(String);

impl Shown {
    async fn of(service: &Service) -> Self {
        let answer = get(service, &[]).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        Self(answer.text().await.unwrap())
    }

    /// Waits until it is so: sessions end on their own time.
    async fn once(service: &Service, what: &str, is_so: impl Fn(&Self) -> bool) -> Self {
        within(what, async {
            loop {
                let shown = Self::of(service).await;
                if is_so(&shown) {
                    return shown;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// One value, by its name and labels as they stand there.
    fn value(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not there:\n{}", self.0)).parse().unwrap()
    }

    /// All values of a family together.
    fn sum(&self, name: &str) -> f64 {
        let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        self.0.lines().filter(of).map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }
}

#[tokio::test]
async fn only_who_may_reads_them() {
    let service = Service::with(&[], Arc::new(ScriptedSpawner::default())).await;
    assert_eq!(get(&service, &[]).await.status(), 200, "this machine, as nobody else is named");
    for refused in [
        &[("x-forwarded-for", "203.0.113.7")][..],
        &[("forwarded", "for=203.0.113.7")],
        &[("host", "labs.example")],
        &[("authorization", "Bearer whatever"), ("host", "labs.example")],
    ] {
        let answer = get(&service, refused).await;
        assert_eq!(answer.status(), 403, "{refused:?}");
        let error: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((&error["code"], &error["retryable"]), (&"FORBIDDEN".into(), &false.into()));
    }
    service.stop().await;

    let service = Service::with(&[("METRICS_TOKEN", TOKEN)], Arc::new(ScriptedSpawner::default())).await;
    let (right, wrong) = (format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}!"));
    assert_eq!(get(&service, &[]).await.status(), 403, "also on this machine");
    assert_eq!(get(&service, &[("authorization", &wrong)]).await.status(), 403);
    for proxied in [&[][..], &[("x-forwarded-for", "203.0.113.7"), ("host", "labs.example")]] {
        let headers: Vec<_> = [("authorization", right.as_str())].into_iter().chain(proxied.iter().copied()).collect();
        assert_eq!(get(&service, &headers).await.status(), 200);
    }
    service.stop().await;
}

#[tokio::test]
async fn requests_refusals_and_the_store_are_counted() {
    let service = Service::with(&[], Arc::new(ScriptedSpawner::default())).await;
    let url = |path: &str| format!("http://{}{path}", service.address);
    for path in ["/health", "/nothing", "/nothing/at/all"] {
        within("a request", client().get(url(path)).send()).await.unwrap();
    }
    within("a request", client().post(url("/api/sessions")).send()).await.unwrap();
    within("a request", client().post(url(MESSAGE_PATH)).bearer_auth("nonsense").send()).await.unwrap();
    let token = support::user_token(&support::user("ada", None));
    within("a request", client().post(url("/api/sessions")).bearer_auth(&token).send()).await.unwrap();
    within("a request", client().get(url("/api/sessions/made-up")).bearer_auth(&token).send()).await.unwrap();
    let shown = Shown::of(&service).await;
    for (line, count) in [
        ("termgate_http_requests_total{route=\"/health\",status=\"200\"}", 1.0),
        ("termgate_http_requests_total{route=\"other\",status=\"404\"}", 2.0),
        ("termgate_http_requests_total{route=\"/api/sessions\",status=\"401\"}", 1.0),
        ("termgate_http_requests_total{route=\"/api/sessions\",status=\"201\"}", 1.0),
        ("termgate_http_requests_total{route=\"/api/sessions/{id}\",status=\"404\"}", 1.0),
        ("termgate_http_request_duration_seconds_count{route=\"/api/sessions\"}", 2.0),
        ("termgate_auth_failures_total{reason=\"missing\"}", 1.0),
        ("termgate_auth_failures_total{reason=\"invalid\"}", 1.0),
        ("termgate_errors_total{code=\"UNAUTHORIZED\"}", 2.0),
        ("termgate_errors_total{code=\"SESSION_NOT_FOUND\"}", 1.0),
        ("termgate_store_call_duration_seconds_count{operation=\"put\"}", 1.0),
        ("termgate_isolation{level=\"none\"}", 1.0),
    ] {
        assert_eq!(shown.value(line), count, "{line}");
    }
    assert!(!shown.0.contains("made-up") && !shown.0.contains("nothing"), "what strangers make up is no label");
    assert!(shown.value("process_open_fds") > 3.0 && shown.value("termgate_tasks") > 0.0);
    assert!(shown.value("process_resident_memory_bytes") > 1e6);
    service.stop().await;
}

#[tokio::test]
async fn a_session_is_counted_while_it_lives_and_not_after() {
    let service = Service::with(&[], Arc::new(UnixSpawner)).await;
    let mut page = service.terminal("s").await;
    page.attach("page").await;
    let attach = r#"{"type":"attach","client":"second","cols":80,"rows":24}"#;
    let claims = gateway_claims(MESSAGE_PATH, attach.as_bytes(), "c=", Some("s"));
    let attached = post(service.address, &claims, attach).await;
    let ticket = attached.headers()[FOLLOW_HEADER].to_str().unwrap().to_owned();
    page.keys("echo ty$((1))ped\r").await;
    page.sees("ty1ped").await;
    assert_eq!(page.command("exit_code() { return 3; }; exit_code").await.1, 3);
    page.ordered("resize", r#","cols":100,"rows":30"#).await;
    page.event(|event| matches!(event, StreamEvent::Size { cols: 100, .. })).await;
    let body = format!(r#"{{"follow":"{ticket}","waitMs":0}}"#);
    let claims = gateway_claims(OUTPUT_PATH, body.as_bytes(), "c=", Some("s"));
    assert_eq!(post(service.address, &claims, &body).await.status(), 200);
    page.send("not a message").await;
    page.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;

    let shown =
        Shown::once(&service, "the page to wait", |shown| shown.value("termgate_followers_waiting") == 1.0).await;
    for (line, count) in [
        ("termgate_sessions{state=\"starting\"}", 0.0),
        ("termgate_sessions{state=\"running\"}", 1.0),
        ("termgate_clients{role=\"controller\"}", 2.0),
        ("termgate_connections{transport=\"direct\",door=\"direct\"}", 1.0),
        ("termgate_connections{transport=\"gateway\",door=\"gateway\"}", 1.0),
        ("termgate_messages_received_total{type=\"attach\"}", 2.0),
        ("termgate_messages_received_total{type=\"input\"}", 1.0),
        ("termgate_messages_received_total{type=\"resize\"}", 1.0),
        ("termgate_messages_received_total{type=\"command\"}", 1.0),
        ("termgate_messages_received_total{type=\"malformed\"}", 1.0),
        ("termgate_errors_total{code=\"BAD_MESSAGE\"}", 1.0),
        ("termgate_shell_start_seconds_count", 1.0),
        ("termgate_http_requests_total{route=\"/api/ws/output\",status=\"200\"}", 1.0),
        ("termgate_http_request_duration_seconds_count{route=\"/api/ws/message\"}", 1.0),
    ] {
        assert_eq!(shown.value(line), count, "{line}");
    }
    assert!(!shown.0.contains("duration_seconds_count{route=\"/api/ws/output\"}"), "who waits is not slow");
    for line in [
        "termgate_terminal_output_bytes_total",
        "termgate_echo_seconds_count",
        "termgate_frames_sent_total{kind=\"output\"}",
        "termgate_frames_sent_total{kind=\"event\"}",
        "termgate_frames_sent_total{kind=\"reply\"}",
        "termgate_frames_sent_bytes_total{kind=\"output\"}",
        "termgate_messages_received_total{type=\"ack\"}",
    ] {
        assert!(shown.value(line) > 0.0, "{line}");
    }
    let typed = "echo ty$((1))ped\r".len() + "exit_code() { return 3; }; exit_code\r".len();
    assert!(shown.value("termgate_terminal_input_bytes_total") >= typed as f64);

    let gone = r#"{"connectionId":"c=","sessionId":"s"}"#;
    let claims = gateway_claims(DISCONNECT_PATH, gone.as_bytes(), "c=", Some("s"));
    assert_eq!(post(service.address, &claims, gone).await.status(), 200);
    Shown::once(&service, "one to leave", |shown| shown.sum("termgate_clients") == 1.0).await;
    page.ordered("close", "").await;
    page.close_code().await;
    let gauges = ["termgate_sessions", "termgate_clients", "termgate_connections", "termgate_followers_waiting"];
    let all_gone = |shown: &Shown| gauges.iter().all(|name| shown.sum(name) == 0.0);
    let shown = Shown::once(&service, "everything to be gone", all_gone).await;
    assert_eq!(shown.value("termgate_sessions_ended_total{reason=\"closed\"}"), 1.0);
    assert_eq!(shown.sum("termgate_sessions_ended_total"), 1.0, "once");
    assert_eq!(shown.sum("termgate_retransmissions_total") + shown.sum("termgate_ownership_losses_total"), 0.0);
    service.stop().await;
}
