//! Messages about files, of connections that are attached: the same authority and the same limits as for the requests.

use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::http::messaged_transfers::{Beginning, FileMessage, TransferKey, failed};
use crate::metrics::TransferWay;
use crate::session::{Caller, Reply, SessionHandle};
use shared_protocol::{ServerMessage, SessionId};

/// Handles a message. `None` if there is no answer yet; the error is the reply to a connection that may send no such message.
pub(super) async fn answer(
    service: &ServiceContext,
    session: &SessionId,
    handle: &SessionHandle,
    caller: &Caller,
    message: FileMessage,
) -> Result<Option<ServerMessage>, Box<Reply>> {
    let files = match handle.files_for_message(caller).await? {
        Ok(files) => files,
        Err(error) => return Ok(Some(counted(service, failed(message.id(), error.into())))),
    };
    let (user, id) = (caller.user.clone(), message.id().to_owned());
    let key = TransferKey { session: session.clone(), user, id };
    let begin = || -> Result<Beginning, HttpError> {
        let transfer = service.transfers.begin(session, &caller.user, TransferWay::Messages)?;
        Ok(Beginning { transfer, files, part: hex::encode(service.random.bytes::<16>()) })
    };
    let answer = service.messaged.ask(key, message, begin).await;
    Ok(answer.map(|answer| counted(service, answer)))
}

/// Counts a refusal as an error, as for requests.
fn counted(service: &ServiceContext, answer: ServerMessage) -> ServerMessage {
    if let ServerMessage::TransferFailed(failed) = &answer {
        service.metrics.streams.record_error(failed.code);
    }
    answer
}
