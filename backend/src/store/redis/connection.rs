//! The one connection, for everyone: made again whenever it breaks, and not waited for by those who ask meanwhile.

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

/// How long a call waits for a connection: enough for one that broke to be made again, not enough to pile up.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(250);

/// Between attempts to connect again: first, and longest.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

/// A connection, or why there is none.
#[derive(Clone)]
enum State {
    Up { number: u64, connection: MultiplexedConnection },
    Down(String),
}

/// The connection. What keeps it ends when this is dropped.
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
    /// Keeps a connection that was made.
    pub(super) fn keep(address: Address, (connection, driver): (MultiplexedConnection, Driver)) -> Self {
        let state = watch::Sender::new(State::Up { number: 0, connection });
        let keeper = tokio::spawn(keep(address, state.clone(), driver));
        Self { state, keeper }
    }

    /// A call begins, whose commands have to be answered in time.
    pub(super) fn call(&self) -> Call<'_> {
        Call { connection: self, until: Instant::now() + CALL_TIMEOUT }
    }

    /// The connection with its number.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), StoreError> {
        let mut state = self.state.subscribe();
        // While there is none this waits for the next one; the sender lives as long as `self`.
        let _ = timeout(CONNECTION_TIMEOUT, state.wait_for(|state| matches!(state, State::Up { .. }))).await;
        match &*state.borrow() {
            State::Up { number, connection } => Ok((*number, connection.clone())),
            State::Down(why) => Err(StoreError(format!("Redis is not connected: {why}"))),
        }
    }

    /// What was asked on a connection was not answered in time: nobody should wait for that connection again.
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

/// A command, and the key that it is about.
pub(super) struct Command {
    /// For errors.
    pub key: String,
    /// What is asked.
    pub command: Cmd,
}

/// One call of the store: some commands, one deadline.
pub(super) struct Call<'a> {
    connection: &'a ManagedConnection,
    until: Instant,
}

impl Call<'_> {
    /// Asks everything at once; as many answers, in the same order. An error that the server answers is one of this call, not
    /// of the connection.
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
                let named = |(key, answer): (String, Result<Value, RedisError>)| {
                    answer.map_err(|error| StoreError(format!("Redis refuses {key}: {error}")))
                };
                keys.into_iter().zip(answers).map(named).collect()
            }
            Err(_) => {
                self.connection.mark_dead(number);
                Err(StoreError(format!("Redis has not answered within {CALL_TIMEOUT:?}")))
            }
        }
    }

    /// Asks one command.
    pub(super) async fn execute_one(&self, command: Command) -> Result<Value, StoreError> {
        let answers = self.execute(vec![command]).await?;
        answers.into_iter().next().ok_or_else(|| StoreError("Redis answered nothing".into()))
    }
}

/// Drives the connection, and makes the next one when it is over.
async fn keep(address: Address, state: watch::Sender<State>, mut driver: Driver) {
    let mut given_up = state.subscribe();
    for number in 1.. {
        let why = tokio::select! {
            () = driver => "it hung up".to_owned(),
            // The sender is here.
            _ = given_up.wait_for(|state| matches!(state, State::Down(_))) => "it does not answer".to_owned(),
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
    let [mut pause, longest] = RETRY;
    loop {
        sleep(pause).await;
        match connect(address).await {
            Ok(made) => return made,
            // Whoever asks meanwhile is told; it is logged there.
            Err(ConnectFailure { why, .. }) => state.send_replace(State::Down(why)),
        };
        pause = (pause * 2).min(longest);
    }
}
