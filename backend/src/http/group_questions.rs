//! Questions to other instances for their sessions of a group, and messages to these: signed for one request, to an address that
//! the store lists, and read within bounds.

use super::peer_client::PeerClient;
use crate::clock::Clock;
use crate::store::Instance;
use crate::wall::{Announcement, GroupAnswer, GroupQuestion, HandOut, Heard, OtherInstances};
use async_trait::async_trait;
use auth_tokens::{GatewaySecret, body_hash};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_protocol::InstanceClaims;
use shared_protocol::gateway::{
    ANNOUNCE_PATH, GROUP_PATH, HAND_OUT_PATH, INSTANCE_AUDIENCE, INSTANCE_TOKEN_SECONDS, TOKEN_ISSUER,
};
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
        self.post(instance, GROUP_PATH, question).await
    }

    async fn announce(&self, instance: &Instance, announcement: &Announcement) -> Option<Heard> {
        self.post(instance, ANNOUNCE_PATH, announcement).await
    }

    async fn hand_out(&self, instance: &Instance, file: &HandOut) -> Option<Heard> {
        self.post_body(instance, HAND_OUT_PATH, file.to_body()?).await
    }
}

impl GroupQuestions {
    async fn post<A: DeserializeOwned>(&self, instance: &Instance, path: &str, body: &impl Serialize) -> Option<A> {
        self.post_body(instance, path, serde_json::to_vec(body).ok()?).await
    }

    async fn post_body<A: DeserializeOwned>(&self, instance: &Instance, path: &str, body: Vec<u8>) -> Option<A> {
        let iat = self.clock.now_ms() / 1000;
        let claims = InstanceClaims {
            iss: TOKEN_ISSUER.into(),
            aud: INSTANCE_AUDIENCE.into(),
            iat,
            exp: iat + INSTANCE_TOKEN_SECONDS,
            path: path.into(),
            bh: body_hash(&body),
        };
        let token = self.secret.sign_instance(&claims).ok()?;
        let answer = self.peers.ask(instance, path, &token, body).await?;
        serde_json::from_slice(&answer)
            .inspect_err(|_| tracing::warn!(instance = %instance.id, "another instance answers nonsense about a group"))
            .ok()
    }
}
