//! One attempt to get a connection, step by step, so that a refusal says which step failed and whether waiting can help.

use super::address::Address;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, ServerErrorKind, Value};
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longest attempt: name, TCP, TLS and three answers of a server that is 300 ms away.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Requests that wait for an answer; the others wait for their turn, until their deadline.
const IN_FLIGHT: usize = 256;

/// What carries the bytes of a connection. It ends when the server hangs up, and closes the connection when it is dropped.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A sentence, without an end.
    pub why: String,
    /// Whether it stays so until somebody changes something.
    pub lasting: bool,
}

impl Refusal {
    fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), lasting: false }
    }

    fn lasting(why: impl Into<String>) -> Self {
        Self { why: why.into(), lasting: true }
    }
}

/// Connects, and is let in by a server that answers.
pub(super) async fn dial(address: &Address) -> Result<(MultiplexedConnection, Driver), Refusal> {
    match timeout(ATTEMPT, attempt(address)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Refusal::passing(format!("{address} does not answer"))),
    }
}

async fn attempt(address: &Address) -> Result<(MultiplexedConnection, Driver), Refusal> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
        .map_err(|error| Refusal::passing(format!("{address} cannot be reached: {error}")))?;
    let (mut connection, mut driver) = match &address.tls {
        None => multiplexed(tcp).await?,
        Some(tls) => {
            let connector = TlsConnector::from(tls.config.clone());
            multiplexed(connector.connect(tls.name.clone(), tcp).await.map_err(|error| not_encrypted(&error))?).await?
        }
    };
    {
        let mut entering = std::pin::pin!(enter(&mut connection, address));
        tokio::select! {
            entered = &mut entering => entered?,
            () = &mut driver => {
                // The last answer may say more than that it was the last.
                entering.await?;
                return Err(hung_up(address));
            }
        }
    }
    Ok((connection, driver))
}

async fn multiplexed(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<(MultiplexedConnection, Driver), Refusal> {
    // Nothing is said yet: what the server answers to a password is read here, where it can be told apart.
    let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_concurrency_limit(IN_FLIGHT);
    let made = MultiplexedConnection::new_with_config(&silent, stream, config).await;
    let (connection, driver) = made.map_err(|error| Refusal::passing(error.to_string()))?;
    Ok((connection, Box::pin(driver)))
}

/// Says who comes and to which database, and asks for what every change needs: a script.
async fn enter(connection: &mut MultiplexedConnection, address: &Address) -> Result<(), Refusal> {
    let mut steps = Vec::new();
    if let Some(password) = &address.password {
        let mut auth = redis::cmd("AUTH");
        auth.arg(&address.user).arg(password);
        steps.push(auth);
    }
    if address.database != 0 {
        let mut select = redis::cmd("SELECT");
        select.arg(address.database);
        steps.push(select);
    }
    let mut script = redis::cmd("EVAL");
    script.arg("return 1").arg(0);
    steps.push(script);
    for step in steps {
        let _: Value = step.query_async(connection).await.map_err(|error| not_let_in(&error, address))?;
    }
    Ok(())
}

fn hung_up(address: &Address) -> Refusal {
    let tls = if address.tls.is_some() { "" } else { "; if it wants TLS, the URL must begin with rediss://" };
    Refusal::passing(format!("{address} hangs up{tls}"))
}

fn not_encrypted(error: &io::Error) -> Refusal {
    use rustls::Error;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(why)) => {
            Refusal::lasting(format!("the server's certificate is not accepted: {why}; REDIS_CA names the authority"))
        }
        Some(Error::InvalidMessage(_)) => {
            Refusal::lasting("the server does not speak TLS; without TLS, the URL begins with redis://")
        }
        Some(error) => Refusal::lasting(format!("the server and this service cannot agree on TLS: {error}")),
        None => Refusal::passing(format!("the server hangs up instead of speaking TLS: {error}")),
    }
}

fn not_let_in(error: &RedisError, address: &Address) -> Refusal {
    let detail = error.detail().unwrap_or_default();
    match (error.kind(), error.code()) {
        (ErrorKind::Parse, _) => Refusal::lasting(
            "the server does not speak Redis' protocol; if it wants TLS, the URL must begin with rediss://",
        ),
        (ErrorKind::Io, _) => hung_up(address),
        (_, Some("WRONGPASS")) => Refusal::lasting("the server does not accept the user and password of the URL"),
        (_, Some("NOAUTH")) => Refusal::lasting("the server wants a password, and the URL has none"),
        (_, Some("DENIED")) => Refusal::lasting(format!("the server lets nobody in from here: {detail}")),
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            Refusal::lasting(format!("the server's user may not do what is needed: {detail}"))
        }
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) if detail.contains("AUTH") => {
            Refusal::lasting("the server has no password, and the URL has one")
        }
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) if detail.contains("DB index") => {
            Refusal::lasting(format!("the server has no database {}", address.database))
        }
        _ => Refusal::passing(format!("{address} is not ready: {error}")),
    }
}
