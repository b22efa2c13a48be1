//! Metrics of a service in use, and who may read them.

use crate::support::relay::Carrier;
use crate::support::{ATTACH, METRICS_TOKEN, Service, client, read, until, user, within};
use reqwest::Method;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::{ServerMessage, StreamEvent};

async fn get(service: &Service, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = client().get(format!("http://{}/metrics", service.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    within("a request", request.send()).await.unwrap()
}

/// One read of the metrics.
struct Sample(String);

impl Sample {
    async fn of(service: &Service) -> Self {
        let answer = service.metrics().await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        Self(answer.text().await.unwrap())
    }

    /// Reads until a condition holds.
    async fn until(service: &Service, what: &str, holds: impl Fn(&Self) -> bool) -> Self {
        let mut sample = Self::of(service).await;
        until(what, async || {
            sample = Self::of(service).await;
            holds(&sample)
        })
        .await;
        sample
    }

    /// One value, by its name and labels as text.
    fn value(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is missing:\n{}", self.0)).parse().unwrap()
    }

    /// The sum of a family.
    fn sum(&self, name: &str) -> f64 {
        let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        self.0.lines().filter(of).map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }
}

#[tokio::test]
async fn only_the_bearer_of_the_token_may_read() {
    let service = Service::scripted().await;
    let (right, wrong) = (format!("Bearer {METRICS_TOKEN}"), format!("Bearer {METRICS_TOKEN}!"));
    for refused in [
        &[][..],
        &[("host", "localhost")],
        &[("authorization", &wrong)],
        &[("authorization", "Bearer ")],
        &[("authorization", METRICS_TOKEN)],
    ] {
        let (status, error) = read(get(&service, refused).await).await;
        let expected = (403, &"FORBIDDEN".into(), &false.into());
        assert_eq!((status, &error["code"], &error["retryable"]), expected, "{refused:?}");
    }
    for proxied in [&[][..], &[("x-forwarded-for", "203.0.113.7"), ("host", "labs.example")]] {
        let headers: Vec<_> = [("authorization", right.as_str())].into_iter().chain(proxied.iter().copied()).collect();
        assert_eq!(get(&service, &headers).await.status(), 200);
    }
}

#[tokio::test]
async fn requests_errors_and_store_calls_are_counted() {
    let service = Service::scripted().await;
    for path in ["/health", "/nothing", "/nothing/at/all"] {
        service.get(path).await;
    }
    let ada = user("ada", None);
    service.request(Method::POST, "/api/sessions", None).await;
    service.request(Method::POST, MESSAGE_PATH, Some("nonsense")).await;
    service.api(Method::POST, "", &ada).await;
    service.api(Method::GET, "/made-up", &ada).await;
    let sample = Sample::of(&service).await;
    for (line, count) in [
        ("termgate_http_requests_total{route=\"/health\",status=\"200\"}", 3.0),
        ("termgate_http_requests_total{route=\"other\",status=\"303\"}", 2.0),
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
        // The one that reads it.
        ("termgate_http_requests_open", 1.0),
    ] {
        assert_eq!(sample.value(line), count, "{line}");
    }
    assert!(!sample.0.contains("made-up") && !sample.0.contains("nothing"), "text of a caller is not a label");
    assert!(sample.value("process_open_fds") > 3.0 && sample.value("termgate_tasks") > 0.0);
    assert!(sample.value("process_resident_memory_bytes") > 1e6);
}

#[tokio::test]
async fn a_session_is_counted_until_it_ends() {
    let service = Service::start().await;
    let mut page = service.attached("page").await;
    let attach = ATTACH.replace("page", "second");
    let attached = service.gateway(MESSAGE_PATH, Some("s"), &attach).await;
    let mut relay = Carrier::granted(&attached, "c=").unwrap();
    page.keys("echo ty$((1))ped\r").await;
    page.sees("ty1ped").await;
    assert_eq!(page.command("exit_code() { return 3; }; exit_code").await.1, 3);
    page.ordered("resize", r#","cols":100,"rows":30"#).await;
    page.event(|event| matches!(event, StreamEvent::Size { cols: 100, .. })).await;
    assert_eq!(relay.ask(&service, 0).await.status(), 200);
    page.send("not a message").await;
    page.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;

    let sample =
        Sample::until(&service, "the long poll", |sample| sample.value("termgate_relay_questions_waiting") == 1.0)
            .await;
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
        ("termgate_http_requests_total{route=\"/api/ws/relay\",status=\"200\"}", 1.0),
        ("termgate_http_request_duration_seconds_count{route=\"/api/ws/message\"}", 1.0),
    ] {
        assert_eq!(sample.value(line), count, "{line}");
    }
    assert!(!sample.0.contains("duration_seconds_count{route=\"/api/ws/relay\"}"), "long polls have no duration");
    for line in [
        "termgate_terminal_output_bytes_total",
        "termgate_echo_seconds_count",
        "termgate_frames_sent_total{kind=\"output\"}",
        "termgate_frames_sent_total{kind=\"event\"}",
        "termgate_frames_sent_total{kind=\"reply\"}",
        "termgate_frames_sent_bytes_total{kind=\"output\"}",
        "termgate_messages_received_total{type=\"ack\"}",
    ] {
        assert!(sample.value(line) > 0.0, "{line}");
    }
    let typed = "echo ty$((1))ped\r".len() + "exit_code() { return 3; }; exit_code\r".len();
    assert!(sample.value("termgate_terminal_input_bytes_total") >= typed as f64);

    let gone = r#"{"connectionId":"c=","sessionId":"s"}"#;
    assert_eq!(service.gateway(DISCONNECT_PATH, Some("s"), gone).await.status(), 200);
    Sample::until(&service, "the disconnect", |sample| sample.sum("termgate_clients") == 1.0).await;
    page.ordered("close", "").await;
    page.close_code().await;
    let gauges = ["termgate_sessions", "termgate_clients", "termgate_connections", "termgate_relay_questions_waiting"];
    let all_gone = |sample: &Sample| gauges.iter().all(|name| sample.sum(name) == 0.0);
    let sample = Sample::until(&service, "the end of the session", all_gone).await;
    assert_eq!(sample.value("termgate_sessions_ended_total{reason=\"closed\"}"), 1.0);
    assert_eq!(sample.sum("termgate_sessions_ended_total"), 1.0, "once");
    assert_eq!(sample.sum("termgate_retransmissions_total") + sample.sum("termgate_ownership_losses_total"), 0.0);
    service.stop().await;
}
