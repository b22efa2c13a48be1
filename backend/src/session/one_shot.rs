//! Commands of connections that never attach (a script, `wscat`): such a command is answered directly, when it ends or after
//! 20 s with `command_started`.

use super::caller::Caller;
use super::handle::{DIRECT_COMMAND_TIMEOUT, Reply};
use shared_protocol::ClientId;
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Sender of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// An attached client; the result goes into the stream.
    Client { client: ClientId, id: String },
    /// A one-shot command with this key; the result is its answer.
    OneShot(u64),
}

pub(super) struct OneShotCommand {
    pub client: ClientId,
    /// Id that the client gave it.
    pub id: Option<String>,
    pub caller: Caller,
    /// The waiting request; `None` after `command_started` answered it.
    pub reply: Option<oneshot::Sender<Reply>>,
    /// Time at which `command_started` is due.
    until: Instant,
}

/// The one-shot commands of a session that have not ended. A key is never used again.
#[derive(Default)]
pub(super) struct OneShotCommands {
    next_key: u64,
    pub(super) open: BTreeMap<u64, OneShotCommand>,
}

impl OneShotCommands {
    pub(super) fn add(
        &mut self,
        client: ClientId,
        id: Option<String>,
        caller: Caller,
        reply: oneshot::Sender<Reply>,
        now: Instant,
    ) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        let until = now + DIRECT_COMMAND_TIMEOUT;
        self.open.insert(key, OneShotCommand { client, id, caller, reply: Some(reply), until });
        key
    }

    /// True if results for this client are still to come.
    pub(super) fn is_open(&self, client: &ClientId) -> bool {
        self.open.values().any(|command| command.client == *client)
    }

    /// Time at which the next `command_started` is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().filter(|command| command.reply.is_some()).map(|command| command.until).min()
    }

    /// Takes the requests that are due for `command_started`, with the ids of their commands.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<(Caller, oneshot::Sender<Reply>, Option<String>)> {
        let overdue = self.open.values_mut().filter(|command| command.until <= now);
        overdue
            .filter_map(|command| Some((command.caller.clone(), command.reply.take()?, command.id.clone())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::caller::caller;

    fn add(commands: &mut OneShotCommands, client: &ClientId, now: Instant) -> u64 {
        commands.add(client.clone(), None, caller("ada", "c1"), oneshot::channel().0, now)
    }

    #[test]
    fn a_key_is_never_used_again() {
        let (mut commands, client, now) = (OneShotCommands::default(), ClientId::new("a").unwrap(), Instant::now());
        let first = add(&mut commands, &client, now);
        assert!(commands.open.remove(&first).is_some() && !commands.is_open(&client));
        assert_ne!(add(&mut commands, &client, now), first);
    }

    #[test]
    fn command_started_is_due_once_and_leaves_the_command_open() {
        let (mut commands, client, now) = (OneShotCommands::default(), ClientId::new("a").unwrap(), Instant::now());
        add(&mut commands, &client, now);
        let due = now + DIRECT_COMMAND_TIMEOUT;
        assert_eq!((commands.deadline(), commands.take_overdue(now).len()), (Some(due), 0));
        assert_eq!((commands.take_overdue(due).len(), commands.take_overdue(due).len()), (1, 0));
        assert_eq!(commands.deadline(), None);
        assert!(commands.is_open(&client) && !commands.is_open(&ClientId::new("b").unwrap()));
    }
}
