//! Questions to other instances for their sessions of a group: signed for one request, to an address that the store lists, and
//! read within bounds.

use super::peer_client::PeerClient;
use crate::clock::Clock;
use crate::store::Instance;
use crate::wall::{GroupAnswer, GroupQuestion, OtherInstances};
use async_trait::async_trait;
use auth_tokens::{GatewaySecret, body_hash};
use shared_protocol::InstanceClaims;
use shared_protocol::gateway::{GROUP_PATH, INSTANCE_AUDIENCE, INSTANCE_TOKEN_SECONDS, TOKEN_ISSUER};
use std::sync::Arc;

/// Asks over HTTP.
pub(super) struct GroupQuestions {
    /// Reaches other instances.
    pub(super) peers: PeerClient,
    /// Signs the questions.
    pub(super) secret: GatewaySecret,
    /// The time of the signature.
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl OtherInstances for GroupQuestions {
    async fn ask(&self, instance: &Instance, question: &GroupQuestion) -> Option<GroupAnswer> {
        let body = serde_json::to_vec(question).ok()?;
        let iat = self.clock.now_ms() / 1000;
        let claims = InstanceClaims {
            iss: TOKEN_ISSUER.into(),
            aud: INSTANCE_AUDIENCE.into(),
            iat,
            exp: iat + INSTANCE_TOKEN_SECONDS,
            path: GROUP_PATH.into(),
            bh: body_hash(&body),
        };
        let token = self.secret.sign_instance(&claims).ok()?;
        let answer = self.peers.ask(instance, GROUP_PATH, &token, body).await?;
        serde_json::from_slice(&answer)
            .inspect_err(|_| tracing::warn!(instance = %instance.id, "another instance answers nonsense about a group"))
            .ok()
    }
}
