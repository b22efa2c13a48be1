//! The one connection to Redis, shared by all calls. Reconnects in the background; calls fail fast while it is down.

use super::address::Address;
use super::connect::{ConnectFailure, Driver, connect};
use crate::store::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Longest call of the store.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that a call waits for a connection: enough for one reconnect, too short for calls to pile up.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(250);

/// First and longest delay between two attempts to reconnect.
const RECONNECT_DELAY: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

#[derive(Clone)]
enum State {
    Up { number: u64, connection: MultiplexedConnection },
    Down(String),
}

/// The connection and the task that keeps it up; dropping this ends the task.
pub(super) struct ManagedConnection {
    state: watch::Sender<State>,
    keeper: JoinHandle<()>,
}

impl Drop for ManagedConnection {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl ManagedConnection {
    pub(super) fn keep(address: Address, (connection, driver): (MultiplexedConnection, Driver)) -> Self {
        let state = watch::Sender::new(State::Up { number: 0, connection });
        let keeper = tokio::spawn(keep(address, state.clone(), driver));
        Self { state, keeper }
    }

    /// Starts a call; its deadline is [`CALL_TIMEOUT`] from now.
    pub(super) fn call(&self) -> Call<'_> {
        Call { connection: self, until: Instant::now() + CALL_TIMEOUT }
    }

    /// The connection and its number, within [`CONNECTION_TIMEOUT`].
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), StoreError> {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`, so only a timeout fails.
        let _ = timeout(CONNECTION_TIMEOUT, state.wait_for(|state| matches!(state, State::Up { .. }))).await;
        match &*state.borrow() {
            State::Up { number, connection } => Ok((*number, connection.clone())),
            State::Down(why) => Err(StoreError(format!("Redis is not connected: {why}"))),
        }
    }

    /// Marks a connection as dead after a timeout, so that no later call waits for it.
    fn mark_dead(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let same = matches!(state, State::Up { number: now, .. } if *now == number);
            if same {
                *state = State::Down("it does not answer".into());
            }
            same
        });
    }
}

pub(super) struct Command {
    /// The key it reads or writes, for error messages.
    pub key: String,
    pub command: Cmd,
}

/// One call of the store: its commands share a deadline.
pub(super) struct Call<'a> {
    connection: &'a ManagedConnection,
    until: Instant,
}

impl Call<'_> {
    /// Sends all commands in one pipeline; returns their answers in order. An error answer fails the call, not the connection.
    pub(super) async fn execute(&self, commands: Vec<Command>) -> Result<Vec<Value>, StoreError> {
        let (number, mut connection) = self.connection.connection().await?;
        let mut pipe = redis::pipe();
        let mut keys = Vec::with_capacity(commands.len());
        for Command { key, command } in commands {
            pipe.add_command(command);
            keys.push(key);
        }
        type Answers = Result<Vec<Result<Value, RedisError>>, RedisError>;
        match timeout_at(self.until, pipe.ignore_errors().query_async(&mut connection)).await {
            Ok(answers) => {
                let answers: Answers = answers;
                let answers = answers.map_err(|error| StoreError(format!("Redis hung up: {error}")))?;
                let named = |key, error| StoreError(format!("Redis refuses {key}: {error}"));
                keys.into_iter().zip(answers).map(|(key, answer)| answer.map_err(|error| named(key, error))).collect()
            }
            Err(_) => {
                self.connection.mark_dead(number);
                Err(StoreError(format!("Redis has not answered within {CALL_TIMEOUT:?}")))
            }
        }
    }

    pub(super) async fn execute_one(&self, command: Command) -> Result<Value, StoreError> {
        let answers = self.execute(vec![command]).await?;
        answers.into_iter().next().ok_or_else(|| StoreError("Redis answered nothing".into()))
    }
}

/// Drives the connection, and reconnects when it is lost.
async fn keep(address: Address, state: watch::Sender<State>, mut driver: Driver) {
    let mut dead = state.subscribe();
    for number in 1.. {
        let why = tokio::select! {
            () = driver => "it hung up".to_owned(),
            // Fails only without a sender, and `state` is one.
            _ = dead.wait_for(|state| matches!(state, State::Down(_))) => "it does not answer".to_owned(),
        };
        tracing::warn!(%address, why, "the connection to Redis is lost");
        state.send_replace(State::Down(why));
        let connection;
        (connection, driver) = reconnect(&address, &state).await;
        tracing::info!(%address, "connected to Redis again");
        state.send_replace(State::Up { number, connection });
    }
}

async fn reconnect(address: &Address, state: &watch::Sender<State>) -> (MultiplexedConnection, Driver) {
    let [mut delay, longest] = RECONNECT_DELAY;
    loop {
        sleep(delay).await;
        match connect(address).await {
            Ok(made) => return made,
            // Calls fail with this text and log it.
            Err(ConnectFailure { why, .. }) => state.send_replace(State::Down(why)),
        };
        delay = (delay * 2).min(longest);
    }
}
