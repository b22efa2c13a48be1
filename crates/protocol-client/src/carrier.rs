//! A client's second connection, for an API Gateway that hands over the messages of one connection one after the other: the
//! run that carries the client's frames is started on it. Apart from [`Client`](crate::Client), because it shares nothing
//! with the first connection but the client's id and epoch.

use shared_protocol::client::Carry;
use shared_protocol::{ClientId, ClientMessage, Epoch, ErrorCode, ServerFrame, ServerMessage};
use std::time::Duration;

/// Time to answer a carry. It waits behind the run that carries, which takes up to 25 s and then needs time to post.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
/// Delay of a carry after one that was refused for now.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why a carrier is of no use any more; its owner closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierEnd {
    /// No answer for 40 s.
    Unanswered,
    /// API Gateway reported a failed invocation.
    Failed,
    /// The service refused a carry for a reason that repeating does not change. After `REVOKED` no other carrier may be opened.
    Refused(ErrorCode),
}

/// One connection of a carrier. `now` is the time since a fixed moment, the same for all calls.
#[derive(Debug)]
pub struct Carrier {
    client: ClientId,
    epoch: Epoch,
    /// Time of the next carry; `None` before the connection is open and while a carry is unanswered.
    carry_at: Option<Duration>,
    /// Time by which the unanswered carry must be answered.
    answer_by: Option<Duration>,
    /// Count of answers.
    answers: u32,
    end: Option<CarrierEnd>,
}

impl Carrier {
    /// A carrier of this attached client whose connection is not open yet.
    pub const fn new(client: ClientId, epoch: Epoch) -> Self {
        Self { client, epoch, carry_at: None, answer_by: None, answers: 0, end: None }
    }

    /// Handles the opening of the connection.
    pub const fn opened(&mut self, now: Duration) {
        self.carry_at = Some(now);
    }

    /// Handles a `renew` of the first connection: carries at once, unless a carry is unanswered.
    pub fn renew(&mut self, now: Duration) {
        self.carry_at = self.carry_at.map(|_| now);
    }

    /// Handles a frame. One that is not the service's is API Gateway's report of a failed invocation.
    pub fn receive(&mut self, text: &str, now: Duration) {
        match serde_json::from_str::<ServerFrame>(text).map(|frame| frame.message) {
            Ok(ServerMessage::Carried(carried)) => {
                self.answers += 1;
                self.answered(now + Duration::from_millis(carried.carry_ms));
            }
            Ok(ServerMessage::Error(error)) if error.retryable => self.answered(now + RETRY_DELAY),
            Ok(ServerMessage::Error(error)) => self.ended(CarrierEnd::Refused(error.code)),
            Ok(_) => {}
            Err(_) => self.ended(CarrierEnd::Failed),
        }
    }

    /// Returns the message to send now, if any. Call it after every other call, and at [`Self::deadline`].
    pub fn send(&mut self, now: Duration) -> Option<String> {
        if self.answer_by.is_some_and(|by| by <= now) {
            self.ended(CarrierEnd::Unanswered);
        }
        self.carry_at.take_if(|at| *at <= now)?;
        self.answer_by = Some(now + ANSWER_TIMEOUT);
        let (client, epoch) = (self.client.clone(), self.epoch);
        Some(ClientMessage::Carry(Carry { client, epoch }).to_json())
    }

    /// Time of the next [`Self::send`] if nothing else happens.
    pub fn deadline(&self) -> Option<Duration> {
        self.carry_at.or(self.answer_by)
    }

    /// Count of answered carries.
    pub const fn answers(&self) -> u32 {
        self.answers
    }

    /// Why the carrier is of no use any more.
    pub const fn end(&self) -> Option<CarrierEnd> {
        self.end
    }

    const fn answered(&mut self, next: Duration) {
        (self.carry_at, self.answer_by) = (Some(next), None);
    }

    const fn ended(&mut self, end: CarrierEnd) {
        (self.carry_at, self.answer_by) = (None, None);
        self.end = Some(end);
    }
}
