//! One attempt to connect. A failure says which step failed and whether a retry can help.

use super::address::Address;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, ServerErrorKind, Value};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::io::InspectReader;

/// Longest attempt: DNS, TCP, TLS and three answers of a server with 300 ms of latency.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Commands in flight; more wait for their turn until their deadline.
const MAX_IN_FLIGHT: usize = 256;

/// First bytes of every answer of RESP 2 and RESP 3.
/// Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/#resp-protocol-description>
const ANSWER_TYPES: &[u8] = b"+-:$*_#,(!=%|~>";

/// The first byte that a server sent. Servers of SSH, SMTP or MySQL greet before they are asked, and the client of Redis then
/// reports only a lost connection.
type FirstByte = Arc<OnceLock<u8>>;

/// The I/O task of a connection. Ends when the server hangs up; dropping it closes the connection.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnectFailure {
    pub why: String,
    /// True if a retry cannot help until the configuration changes.
    pub permanent: bool,
}

impl ConnectFailure {
    fn transient(why: impl Into<String>) -> Self {
        Self { why: why.into(), permanent: false }
    }

    fn permanent(why: impl Into<String>) -> Self {
        Self { why: why.into(), permanent: true }
    }
}

pub(super) async fn connect(address: &Address) -> Result<(MultiplexedConnection, Driver), ConnectFailure> {
    let silent = |_| Err(ConnectFailure::transient(format!("{address} does not answer")));
    timeout(CONNECT_TIMEOUT, attempt(address)).await.unwrap_or_else(silent)
}

async fn attempt(address: &Address) -> Result<(MultiplexedConnection, Driver), ConnectFailure> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
        .map_err(|error| ConnectFailure::transient(format!("{address} cannot be reached: {error}")))?;
    let first_byte = FirstByte::default();
    let (mut connection, driver) = match &address.tls {
        None => multiplexed(tcp, &first_byte).await?,
        Some(tls) => {
            let connector = TlsConnector::from(tls.config.clone());
            let stream = connector.connect(tls.name.clone(), tcp).await.map_err(|error| tls_failure(&error))?;
            multiplexed(stream, &first_byte).await?
        }
    };
    match prepare(&mut connection, driver, address).await {
        Err(_) if first_byte.get().is_some_and(|byte| !ANSWER_TYPES.contains(byte)) => Err(no_redis()),
        prepared => prepared.map(|driver| (connection, driver)),
    }
}

/// Authenticates while the driver runs.
async fn prepare(
    connection: &mut MultiplexedConnection,
    mut driver: Driver,
    address: &Address,
) -> Result<Driver, ConnectFailure> {
    let mut authenticating = std::pin::pin!(authenticate(connection, address));
    tokio::select! {
        authenticated = &mut authenticating => authenticated?,
        () = &mut driver => {
            // The last answer may name a better cause.
            authenticating.await?;
            return Err(hung_up(address));
        }
    }
    Ok(driver)
}

async fn multiplexed(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    first_byte: &FirstByte,
) -> Result<(MultiplexedConnection, Driver), ConnectFailure> {
    // Authenticates later, in `authenticate`, which tells the server's answers apart.
    let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_concurrency_limit(MAX_IN_FLIGHT);
    let first_byte = first_byte.clone();
    let stream = InspectReader::new(stream, move |bytes| {
        if let Some(byte) = bytes.first() {
            first_byte.get_or_init(|| *byte);
        }
    });
    let made = MultiplexedConnection::new_with_config(&silent, stream, config).await;
    let (connection, driver) = made.map_err(|error| ConnectFailure::transient(error.to_string()))?;
    Ok((connection, Box::pin(driver)))
}

/// Authenticates, selects the database, and checks that scripts may run.
async fn authenticate(connection: &mut MultiplexedConnection, address: &Address) -> Result<(), ConnectFailure> {
    let mut steps = Vec::new();
    if let Some(password) = &address.password {
        steps.push(redis::cmd("AUTH").arg(&address.user).arg(password).to_owned());
    }
    if address.database != 0 {
        steps.push(redis::cmd("SELECT").arg(address.database).to_owned());
    }
    steps.push(redis::cmd("EVAL").arg("return 1").arg(0).to_owned());
    for step in steps {
        let _: Value = step.query_async(connection).await.map_err(|error| auth_failure(&error, address))?;
    }
    Ok(())
}

fn no_redis() -> ConnectFailure {
    ConnectFailure::permanent(
        "the server does not speak Redis' protocol; if it wants TLS, the URL must begin with rediss://",
    )
}

fn hung_up(address: &Address) -> ConnectFailure {
    let tls = if address.tls.is_some() { "" } else { "; if it wants TLS, the URL must begin with rediss://" };
    ConnectFailure::transient(format!("{address} hangs up{tls}"))
}

fn tls_failure(error: &io::Error) -> ConnectFailure {
    use rustls::Error;
    ConnectFailure::permanent(match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(why)) => {
            format!("the server's certificate is not accepted: {why}; REDIS_TLS_CA_FILE names the authority")
        }
        Some(Error::InvalidMessage(_)) => {
            "the server does not speak TLS; without TLS, the URL begins with redis://".into()
        }
        Some(error) => format!("the server and this service cannot agree on TLS: {error}"),
        None => {
            let why = format!("the server hangs up instead of speaking TLS: {error}");
            return ConnectFailure::transient(why);
        }
    })
}

fn auth_failure(error: &RedisError, address: &Address) -> ConnectFailure {
    let detail = error.detail().unwrap_or_default();
    let response_error = error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError);
    ConnectFailure::permanent(match (error.kind(), error.code()) {
        (ErrorKind::Parse, _) => return no_redis(),
        (ErrorKind::Io, _) => return hung_up(address),
        (_, Some("WRONGPASS")) => "the server does not accept the user and password of the URL".into(),
        (_, Some("NOAUTH")) => "the server wants a password, and the URL has none".into(),
        (_, Some("DENIED")) => format!("the server refuses connections from this address: {detail}"),
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            format!("the server's user may not do what is needed: {detail}")
        }
        _ if response_error && detail.contains("AUTH") => "the server has no password, and the URL has one".into(),
        _ if response_error && detail.contains("DB index") => {
            format!("the server has no database {}", address.database)
        }
        _ => return ConnectFailure::transient(format!("{address} is not ready: {error}")),
    })
}
