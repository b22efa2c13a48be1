//! The second connection of a client, where the gateway hands over messages of one connection one after the other. A task of
//! its own, because it goes on while a test does something else with the first connection.

use futures_util::{SinkExt, StreamExt};
use protocol_client::{Carrier, CarrierEnd};
use shared_protocol::{ClientId, Epoch, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Delay before another carrier after one was lost.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Longest duration of a handshake.
const IO_TIMEOUT: Duration = Duration::from_secs(5);

/// Carriers of one client, one after the other, until it is dropped.
pub struct CarrierTask {
    epoch: Epoch,
    renewals: Arc<Notify>,
    answers: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl CarrierTask {
    /// Opens a carrier of this attached client, with the session's URL and a token of the same user.
    pub fn open(url: &str, token: String, client: &ClientId, epoch: Epoch) -> Self {
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}carrier=1");
        let (renewals, answers) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let (client, renewed, answered) = (client.clone(), Arc::clone(&renewals), Arc::clone(&answers));
        let task = tokio::spawn(async move {
            loop {
                let carrier = Carrier::new(client.clone(), epoch);
                let end = carry(&url, &token, carrier, &renewed, &answered).await;
                if end == Some(CarrierEnd::Refused(ErrorCode::Revoked)) {
                    return;
                }
                sleep(RETRY_DELAY).await;
            }
        });
        Self { epoch, renewals, answers, task }
    }

    /// Epoch of the shell; a client of another one needs another carrier.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The first connection got `renew`.
    pub fn renew(&self) {
        self.renewals.notify_one();
    }

    /// Count of answered carries.
    pub fn answers(&self) -> u32 {
        self.answers.load(Ordering::Relaxed)
    }
}

impl Drop for CarrierTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one carrier until its connection ends. Returns why it is of no use, if its protocol says so.
async fn carry(
    url: &str,
    token: &str,
    mut carrier: Carrier,
    renewals: &Notify,
    answers: &AtomicU32,
) -> Option<CarrierEnd> {
    let mut request = url.into_client_request().expect("a URL");
    let protocols = format!("termgate, {token}").parse().expect("a header's value");
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    let connecting = tokio_tungstenite::connect_async_with_config(request, None, true);
    let (mut socket, _) = timeout(IO_TIMEOUT, connecting).await.ok()?.ok()?;
    let started = Instant::now();
    carrier.opened(Duration::ZERO);
    while carrier.end().is_none() {
        if let Some(message) = carrier.send(started.elapsed()) {
            socket.send(Message::text(message)).await.ok()?;
        }
        let Some(deadline) = carrier.deadline() else { continue };
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let before = carrier.answers();
                    carrier.receive(&text, started.elapsed());
                    answers.fetch_add(carrier.answers() - before, Ordering::Relaxed);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            },
            () = renewals.notified() => carrier.renew(started.elapsed()),
            () = sleep_until(started + deadline) => {}
        }
    }
    carrier.end()
}
