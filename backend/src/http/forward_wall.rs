//! Brings the messages of a wall's page to the one instance that has its wall. A gateway sends each to any instance; the store
//! says which one has it. Nothing is lost with a wall, so another instance takes it as soon as that one does not answer.

use super::context::ServiceContext;
use super::peer_client::{FORWARDED_BY, PeerClient};
use crate::store::{Instance, InstanceId, StoreError};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use shared_protocol::client::parse;
use shared_protocol::{ClientId, ClientMessage, Inbound};
use std::time::Duration;
use tokio::time::timeout;

/// Time that the instance has to answer: a wall answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// The page of a message for a wall.
pub(super) struct WallPage {
    client: ClientId,
    /// True for `wall`, which prolongs its place.
    is_wall: bool,
}

impl WallPage {
    /// Reads the body of a message; `None` if it is for no wall.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        match parse(body).ok()?.inbound {
            Inbound::Message(ClientMessage::Wall(wall)) => Some(Self { client: wall.client, is_wall: true }),
            Inbound::Message(ClientMessage::WallAck(ack)) => Some(Self { client: ack.client, is_wall: false }),
            _ => None,
        }
    }
}

/// Notes that a forwarded message is handled here, in place of the instance that sent it on.
pub(super) async fn receive_wall(service: &ServiceContext, headers: &HeaderMap, page: &WallPage) {
    let from = headers.get(FORWARDED_BY).and_then(|id| id.to_str().ok()).map(|id| InstanceId(id.to_owned()));
    if service.is_draining() || (service.walls.has(&page.client) && !page.is_wall) {
        return;
    }
    if let Err(error) = service.claim_wall(&page.client, from.as_ref()).await {
        tracing::warn!(%error, "another instance may take a wall that is here");
    }
}

/// The response of the instance that has the wall; `None` if it is this one.
pub(super) async fn forward_wall(
    service: &ServiceContext,
    peers: &PeerClient,
    page: &WallPage,
    request: impl Fn() -> Request,
) -> Option<Response> {
    if service.walls.has(&page.client) && !page.is_wall && !service.is_draining() {
        return None;
    }
    let instance = match service.instance_of_wall(page).await {
        Ok(instance) => instance?,
        Err(error) => {
            tracing::warn!(%error, "a wall's message stays where it arrived");
            return None;
        }
    };
    match timeout(ANSWER_TIMEOUT, peers.forward(&instance, request())).await {
        Ok(Ok(response)) => Some(response),
        _ if service.is_draining() => None,
        Ok(Err(_)) | Err(_) => {
            let taken = service.claim_wall(&page.client, Some(&instance.id)).await;
            taken.is_err().then(|| tracing::warn!("a wall's message stays where it arrived"));
            None
        }
    }
}

impl ServiceContext {
    async fn claim_wall(
        &self,
        client: &ClientId,
        instead_of: Option<&InstanceId>,
    ) -> Result<Option<InstanceId>, StoreError> {
        let here = self.registry.instance_id();
        let owner = self.store.claim_wall(client, here, instead_of).await?;
        Ok((owner != *here).then_some(owner))
    }

    /// The other instance that has the wall; `None` if this one has it, or has just taken it.
    async fn instance_of_wall(&self, page: &WallPage) -> Result<Option<Instance>, StoreError> {
        if self.is_draining() {
            // The page goes where it can stay.
            return self.registry.another_instance().await;
        }
        let Some(owner) = self.claim_wall(&page.client, None).await? else { return Ok(None) };
        let instance = self.registry.instance(&owner).await?;
        let instance = instance.filter(|instance| instance.address.is_some() && !instance.draining);
        if instance.is_none() {
            let other = self.claim_wall(&page.client, Some(&owner)).await?;
            tracing::info!(%owner, is_here = other.is_none(), "a wall's instance is gone");
        }
        Ok(instance)
    }
}
