//! The function's side of a relay.

use super::{SECRET, Service, client, now, within};
use auth_tokens::{GatewaySecret, body_hash};
use shared_protocol::RelayClaims;
use shared_protocol::gateway::TOKEN_ISSUER;
use shared_protocol::relay::{
    GRANT_HEADER, MemberReport, RELAY_AUDIENCE, RELAY_PATH, RELAY_TOKEN_SECONDS, RelayFrame, RelayQuestion,
};

/// A relay as the function runs it, with posts that take no time.
pub struct Carrier {
    grant: String,
    endpoint: String,
    /// Number of the last question.
    asked: u64,
    reports: Vec<MemberReport>,
    /// How far the service's wall clock, and the function's with it, has jumped, in seconds.
    pub jumped: i64,
}

impl Carrier {
    /// The relay that the answer to a message grants. In these tests a connection's API has the connection's name.
    pub fn granted(answer: &reqwest::Response, connection: &str) -> Option<Self> {
        let grant = answer.headers().get(GRANT_HEADER)?.to_str().unwrap().to_owned();
        Some(Self { grant, endpoint: connection.into(), asked: 0, reports: Vec::new(), jumped: 0 })
    }

    /// Asks for the next frames, after a report on those before.
    pub async fn ask(&mut self, service: &Service, wait_ms: u64) -> reqwest::Response {
        let answered = self.asked;
        self.asked += 1;
        let (relay, number, reports) = (self.grant.clone(), self.asked, std::mem::take(&mut self.reports));
        let question = RelayQuestion { relay, number, answered, wait_ms, reports, ..RelayQuestion::default() };
        let body = serde_json::to_string(&question).unwrap();
        let claims = relay_claims(&body, &self.endpoint);
        let [iat, exp] = [claims.iat, claims.exp].map(|time| time.saturating_add_signed(self.jumped));
        post_question(service, &RelayClaims { iat, exp, ..claims }, &body).await
    }

    /// The same, and the frames of the answer.
    pub async fn frames(&mut self, service: &Service, wait_ms: u64) -> Vec<RelayFrame> {
        let answer = self.ask(service, wait_ms).await;
        let frames = RelayFrame::decode_all(within("a body", answer.bytes()).await.unwrap()).unwrap();
        for RelayFrame { member, number: settled, .. } in &frames {
            self.reports.push(MemberReport { member: *member, settled: *settled, ..MemberReport::default() });
        }
        frames
    }

    /// Reports with the next question that this member's connection is closed.
    pub fn report_gone(&mut self, member: u64) {
        self.reports.push(MemberReport { member, gone: true, ..MemberReport::default() });
    }
}

/// Valid claims of a relay's question.
pub fn relay_claims(body: &str, endpoint: &str) -> RelayClaims {
    RelayClaims {
        iss: TOKEN_ISSUER.into(),
        aud: RELAY_AUDIENCE.into(),
        iat: now(),
        exp: now() + RELAY_TOKEN_SECONDS,
        path: RELAY_PATH.into(),
        bh: body_hash(body.as_bytes()),
        ep: endpoint.into(),
    }
}

/// Sends a question of a relay.
pub async fn post_question(service: &Service, claims: &RelayClaims, body: &str) -> reqwest::Response {
    let token = GatewaySecret::derived_from(SECRET.as_bytes()).unwrap().sign_relay(claims).unwrap();
    let request = client().post(format!("http://{}{RELAY_PATH}", service.address)).bearer_auth(token);
    within("a question", request.body(body.to_owned()).send()).await.unwrap()
}
