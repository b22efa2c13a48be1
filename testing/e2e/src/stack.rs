//! Service, gateway and function, started together on ports of their own and taken down again.

use crate::backend::{Backend, Secrets};
use crate::binaries::binary;
use crate::dynamo::Dynamo;
use crate::page::{Address, Page};
use crate::terminal::Terminal;
use auth_tokens::{GatewaySecret, UserKey, UserTokenVerifier};
use dev_gateway::{ClientsBrowser, DevGateway, InProcess, Invoke, Options, OsSystem, Running, RuntimeApi, Usage};
use gateway_lambda::{
    Aws, BackendConfig, Clock, Config, Connections, Deps, DynamoConnections, Gateway, HttpBackend, MemoryConnections,
    SystemClock,
};
use shared_protocol::{ClientId, Role, SessionId, UserClaims};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What users' tokens are signed with.
const JWT_SECRET: &str = "the secret of user tokens in whole-stack tests";
/// What the gateway's requests are signed with.
const GATEWAY_SECRET: &str = "the secret of gateway and service in these tests";
/// Lambda's timeout of the function, unless a test says otherwise.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Processes of the function at once, unless a test says otherwise.
const FUNCTION_PROCESSES: usize = 32;

/// How the function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// In the gateway's process, with the connections in memory: what `make run` starts.
    InProcess,
    /// The real `bootstrap` behind the Lambda Runtime API, frozen between events, with a DynamoDB API.
    Bootstrap,
}

/// How a stack is to be.
pub struct Setting {
    /// How the function runs.
    pub function: Function,
    /// Instances of the service; more than one share Redis and stand behind a load balancer.
    pub instances: usize,
    /// The one that the gateway asks, past the load balancer.
    pub asked: Option<usize>,
    /// The gateway's limits and faults.
    pub gateway: Options,
    /// Lambda's timeout of the function.
    pub timeout: Duration,
    /// Processes of the function at once, where it has its own; each page that is followed keeps one.
    pub processes: usize,
    /// What the service logs.
    pub log: &'static str,
    /// Further settings of the service.
    pub variables: &'static [(&'static str, &'static str)],
    /// What the function logs, where it is a process of its own; with `off`, it writes no metrics either.
    pub function_log: &'static str,
}

impl Setting {
    /// As on AWS, with everything logged.
    pub fn new(function: Function) -> Self {
        Self {
            function,
            instances: 1,
            asked: None,
            gateway: Options::default(),
            timeout: FUNCTION_TIMEOUT,
            processes: FUNCTION_PROCESSES,
            log: "info,backend=debug",
            variables: &[],
            function_log: "warn",
        }
    }
}

/// The whole of Termgate.
pub struct Stack {
    /// The service's instances.
    pub backend: Backend,
    gateway: Running,
    dynamo: Option<Dynamo>,
    /// The function's table of connections.
    pub connections: Arc<dyn Connections>,
}

impl Stack {
    /// Starts everything, as on AWS.
    pub async fn start(function: Function) -> Self {
        Self::start_with(Setting::new(function)).await
    }

    /// Starts everything, with two instances of the service.
    pub async fn start_two() -> Self {
        Self::start_with(Setting { instances: 2, ..Setting::new(Function::InProcess) }).await
    }

    /// Starts everything.
    pub async fn start_with(setting: Setting) -> Self {
        let secrets = Secrets { users: JWT_SECRET, gateway: GATEWAY_SECRET };
        let backend = Backend::start(setting.instances, secrets, setting.log, setting.variables).await;
        let url =
            setting.asked.map_or_else(|| backend.url(), |instance| format!("http://{}", backend.address(instance)));
        let gateway = DevGateway::new(setting.gateway);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it listens");
        let users = UserTokenVerifier::new(UserKey::hs256(JWT_SECRET.as_bytes()).expect("long enough"));
        let (dynamo, connections, invoker): (_, Arc<dyn Connections>, Arc<dyn Invoke>) = match setting.function {
            Function::InProcess => {
                let connections = Arc::new(MemoryConnections::default());
                let clock = Arc::new(SystemClock);
                let secret = GatewaySecret::new(GATEWAY_SECRET.as_bytes()).expect("long enough");
                let service = BackendConfig { url, secret };
                let deps = Deps {
                    config: Config::new(users),
                    backend: Arc::new(HttpBackend::new(service, clock.clone())),
                    connections: connections.clone(),
                    browser: Arc::new(ClientsBrowser::new(gateway.clients())),
                    clock,
                };
                (None, connections, Arc::new(InProcess::new(Gateway::new(deps), setting.timeout)))
            }
            Function::Bootstrap => {
                let dynamo = Dynamo::start().await;
                let mut variables: std::collections::BTreeMap<String, String> =
                    dynamo.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                variables.extend(
                    [
                        ("JWT_SECRET", JWT_SECRET.to_owned()),
                        ("GATEWAY_SECRET", GATEWAY_SECRET.to_owned()),
                        ("BACKEND_URL", url),
                        ("DOMAIN_NAME", format!("http://{addr}")),
                        ("RUST_LOG", setting.function_log.to_owned()),
                    ]
                    .map(|(name, value)| (name.to_owned(), value)),
                );
                let function = dev_gateway::Function::new(binary("bootstrap"), variables);
                let (timeout, processes, logs) = (setting.timeout, setting.processes, setting.function_log != "off");
                let function = dev_gateway::Function { timeout, processes, logs, ..function };
                let connections = Arc::new(DynamoConnections::new(Aws::new(dynamo.config())));
                (Some(dynamo), connections, Arc::new(RuntimeApi::new(function, Arc::new(OsSystem))))
            }
        };
        let gateway = gateway.start(listener, invoker).expect("the gateway starts");
        Self { backend, gateway, dynamo, connections }
    }

    /// Where a page connects.
    pub fn url(&self) -> String {
        format!("ws://{}/prod", self.gateway.addr())
    }

    /// Where the gateway reaches the service.
    pub fn service_url(&self) -> String {
        self.backend.url()
    }

    /// A token of a user that names its session.
    pub fn token(&self, user: &str, session: &str) -> String {
        self.sign(&Self::claims(user, Some(session)))
    }

    /// A token of a user who only watches.
    pub fn viewer_token(&self, user: &str, session: &str) -> String {
        self.sign(&UserClaims { role: Role::Viewer, ..Self::claims(user, Some(session)) })
    }

    /// How many rows the function's table has of this session.
    pub async fn rows_of(&self, session: &str) -> usize {
        let session = SessionId::new(session).expect("a session id");
        self.connections.list_by_session(&session, SystemClock.unix_seconds()).await.expect("the table answers").len()
    }

    /// What a user's token says, for an hour from now.
    pub fn claims(user: &str, session: Option<&str>) -> UserClaims {
        let now = SystemClock.unix_seconds();
        UserClaims {
            sub: user.to_owned(),
            exp: now + 3600,
            nbf: None,
            iat: Some(now),
            iss: None,
            aud: None,
            sid: session.map(|session| SessionId::new(session).expect("a session id")),
            role: Role::Controller,
            admin: false,
        }
    }

    /// Signs a user's token.
    pub fn sign(&self, claims: &UserClaims) -> String {
        sign(claims)
    }

    /// The same, for whoever outlives this borrow.
    pub fn signer(&self) -> fn(&UserClaims) -> String {
        sign
    }

    /// What users' tokens and the gateway's requests are signed with, to look for where it must not be.
    pub fn secrets() -> [&'static str; 2] {
        [JWT_SECRET, GATEWAY_SECRET]
    }

    /// The secret that the service expects the gateway to sign with.
    pub fn gateway_secret(&self) -> GatewaySecret {
        GatewaySecret::new(GATEWAY_SECRET.as_bytes()).expect("long enough")
    }

    /// A terminal at a prompt.
    pub async fn terminal(&self, user: &str, session: &str) -> Terminal {
        self.terminal_at(&self.url(), user, session).await
    }

    /// The same through something that stands before the gateway.
    pub async fn terminal_at(&self, url: &str, user: &str, session: &str) -> Terminal {
        let mut terminal = Terminal::connect(url, &self.token(user, session)).await.expect("the handshake is accepted");
        terminal.attach().await;
        // What is typed before the first prompt is echoed twice, by the terminal and by the shell's line editor.
        terminal.expect("\u{1b}]133;B").await;
        terminal.expect("\u{7}").await;
        terminal
    }

    /// A page of this size that connects with its first step.
    pub fn page(&self, user: &str, session: &str, size: (u16, u16)) -> Page {
        let token = self.token(user, session);
        let id = ClientId::new(format!("page-of-{user}")).expect("an id");
        Page::new(id, size, Address { url: self.url(), token: Box::new(move || token.clone()) }, None)
    }

    /// What the gateway was used for so far.
    pub fn usage(&self) -> Usage {
        self.gateway.usage()
    }

    /// A connection that has said nothing yet.
    pub async fn connect(&self, user: &str, session: &str) -> Terminal {
        Terminal::connect(&self.url(), &self.token(user, session)).await.expect("the handshake is accepted")
    }

    /// A direct connection to an instance of the service, that has said nothing yet.
    pub async fn direct(&self, url: &str) -> Terminal {
        Terminal::connect(url, "").await.expect("the handshake is accepted")
    }

    /// Takes everything down: the gateway, then the service, which leaves no process behind and ends well.
    pub async fn stop(self) {
        self.gateway.shutdown().await;
        self.backend.stop().await;
        if let Some(dynamo) = self.dynamo {
            dynamo.stop().await;
        }
    }
}

fn sign(claims: &UserClaims) -> String {
    auth_tokens::sign_user_token(claims, JWT_SECRET.as_bytes()).expect("long enough")
}
