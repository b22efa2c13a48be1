//! Takes back what people typed who may type no longer, as far as no program has read it.

use super::{Terminal, TerminalEvent};
use crate::session::one_shot::Origin;
use shared_protocol::{ClientId, ErrorCode};
use std::collections::BTreeSet;

impl Terminal {
    /// Drops pending input of these clients, closes the paste that one of them has begun, and rejects commands that wait.
    pub(in crate::session) fn withdraw(
        &mut self,
        held: &BTreeSet<ClientId>,
        is_held: impl Fn(&Origin) -> bool,
        events: &mut Vec<TerminalEvent>,
    ) {
        if let Some(end) = self.pending.withdraw(held) {
            self.write(None, end);
        }
        let withdrawn = self.commands.withdraw(is_held);
        events.extend(withdrawn.into_iter().map(|origin| TerminalEvent::CommandRejected(origin, ErrorCode::ReadOnly)));
    }
}
