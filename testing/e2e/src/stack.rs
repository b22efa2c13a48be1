//! The whole stack: service, gateway and function, started together on free ports.

use crate::backend::{Backend, GATEWAY_SECRET, JWT_SECRET};
use crate::binaries::binary;
use crate::dynamo::Dynamo;
use crate::gateway::Gateway;
use crate::page::{Endpoint, Page};
use crate::terminal::Terminal;
use auth_tokens::GatewaySecret;
use dev_gateway::{DevGateway, InProcess, Invoke, Options, OsSystem, ProcessLimit, RuntimeApi, Tls, Usage};
use gateway_lambda::{Aws, Clock, Connections, DynamoConnections, MemoryConnections, SystemClock};
use serde_json::json;
use shared_protocol::{ClientId, Role, UserClaims};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Default of Lambda's timeout of the function.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of the concurrent processes of the function.
const FUNCTION_PROCESSES: usize = 32;

/// Kind of function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Function {
    /// In the gateway's process, with the connections in memory, as `make run` starts it.
    InProcess,
    /// The real `bootstrap` behind the Lambda Runtime API, frozen between events, with a DynamoDB API.
    Bootstrap,
}

/// Options of a stack.
pub struct StackOptions {
    pub function: Function,
    /// Instances of the service; more than one share Redis, behind a load balancer.
    pub instances: usize,
    /// Instance that the gateway uses directly, past the load balancer.
    pub gateway_target: Option<usize>,
    /// The gateway's limits and faults.
    pub gateway: Options,
    /// True for a gateway in a process of its own, with a `Bootstrap` function; its options are then the defaults.
    pub gateway_process: bool,
    /// True if a `Bootstrap` function posts over TLS.
    pub posts_over_tls: bool,
    /// Lambda's timeout of the function.
    pub timeout: Duration,
    /// Concurrent processes of a `Bootstrap` function; each relay occupies one.
    pub processes: usize,
    /// Share of the processor for each process of a `Bootstrap` function.
    pub process_limit: Option<ProcessLimit>,
    pub log: &'static str,
    /// Further environment variables of the service.
    pub variables: &'static [(&'static str, &'static str)],
    /// Log filter of a `Bootstrap` function; `off` disables metrics too.
    pub function_log: &'static str,
}

impl StackOptions {
    /// Options as on AWS, with verbose logs.
    pub fn new(function: Function) -> Self {
        Self {
            function,
            instances: 1,
            gateway_target: None,
            gateway: Options::default(),
            gateway_process: false,
            posts_over_tls: false,
            timeout: FUNCTION_TIMEOUT,
            processes: FUNCTION_PROCESSES,
            process_limit: None,
            log: "info,backend=debug",
            variables: &[],
            function_log: "warn",
        }
    }
}

pub struct Stack {
    pub backend: Backend,
    gateway: Gateway,
    _dynamo: Option<Dynamo>,
    /// The function's table of connections.
    pub connections: Arc<dyn Connections>,
}

impl Stack {
    pub async fn start(function: Function) -> Self {
        Self::start_with(StackOptions::new(function)).await
    }

    /// Starts a stack with two instances of the service.
    pub async fn start_two() -> Self {
        Self::start_with(StackOptions { instances: 2, ..StackOptions::new(Function::InProcess) }).await
    }

    pub async fn start_with(options: StackOptions) -> Self {
        let backend = Backend::start(options.instances, options.log, options.variables).await;
        let url = options
            .gateway_target
            .map_or_else(|| backend.url(), |instance| format!("http://{}", backend.address(instance)));
        if options.gateway_process {
            return Self::start_with_gateway_process(backend, &url, options.function_log).await;
        }
        let mut gateway = DevGateway::new(options.gateway);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it listens");
        let mut variables = secrets_and_log(options.function_log);
        variables.insert("BACKEND_URL".to_owned(), url);
        variables.insert("DOMAIN_NAME".to_owned(), format!("http://{addr}"));
        let (dynamo, connections, invoker): (_, Arc<dyn Connections>, Arc<dyn Invoke>) = match options.function {
            Function::InProcess => {
                let (connections, lookup) =
                    (Arc::new(MemoryConnections::default()), |name: &str| variables.get(name).cloned());
                let function = InProcess::from_lookup(gateway.clients(), connections.clone(), options.timeout, lookup);
                (None, connections, Arc::new(function.expect("everything is set")))
            }
            Function::Bootstrap => {
                let dynamo = Dynamo::start().await;
                variables.extend(dynamo.variables().map(|(name, value)| (name.to_owned(), value)));
                if options.posts_over_tls {
                    let tls = Tls::new(addr.ip()).expect("a temporary file");
                    variables.insert("DOMAIN_NAME".to_owned(), format!("https://{addr}"));
                    variables.extend(tls.variables());
                    gateway = gateway.with_tls(tls);
                }
                let function = dev_gateway::Function::new(binary("bootstrap"), variables);
                let (timeout, processes, logs) = (options.timeout, options.processes, options.function_log != "off");
                let function = dev_gateway::Function {
                    timeout,
                    processes,
                    logs,
                    process_limit: options.process_limit,
                    ..function
                };
                let connections = Arc::new(DynamoConnections::new(Aws::new(dynamo.config())));
                (Some(dynamo), connections, Arc::new(RuntimeApi::new(function, Arc::new(OsSystem))))
            }
        };
        let gateway = Gateway::InProcess(gateway.start(listener, invoker).expect("the gateway starts"));
        Self { backend, gateway, _dynamo: dynamo, connections }
    }

    async fn start_with_gateway_process(backend: Backend, url: &str, function_log: &str) -> Self {
        let dynamo = Dynamo::start().await;
        let mut variables = secrets_and_log(function_log);
        variables.extend(dynamo.variables().map(|(name, value)| (name.to_owned(), value)));
        let gateway = Gateway::start(&variables, url).await;
        let connections = Arc::new(DynamoConnections::new(Aws::new(dynamo.config())));
        Self { backend, gateway, _dynamo: Some(dynamo), connections }
    }

    /// The gateway's process, if that is not this one.
    pub fn gateway_id(&self) -> Option<u32> {
        self.gateway.id()
    }

    /// URL for pages.
    pub fn url(&self) -> String {
        format!("ws://{}/prod", self.gateway.address())
    }

    pub fn service_url(&self) -> String {
        self.backend.url()
    }

    pub fn token(&self, user: &str, session: &str) -> String {
        self.sign(&Self::claims(user, Some(session)))
    }

    pub fn viewer_token(&self, user: &str, session: &str) -> String {
        self.sign(&UserClaims { role: Role::Viewer, ..Self::claims(user, Some(session)) })
    }

    /// Number of this user's rows in the function's table, without carriers.
    pub async fn rows_of(&self, user: &str) -> usize {
        self.connections.count_by_user(user, SystemClock.now_seconds()).await.expect("the table answers")
    }

    /// Claims of a user's token, valid for one hour.
    pub fn claims(user: &str, session: Option<&str>) -> UserClaims {
        let now = SystemClock.now_seconds();
        let claims = json!({"sub": user, "exp": now + 3600, "iat": now, "sid": session});
        serde_json::from_value(claims).expect("a session id")
    }

    pub fn sign(&self, claims: &UserClaims) -> String {
        sign(claims)
    }

    /// The function that signs a user's token.
    pub fn signer(&self) -> fn(&UserClaims) -> String {
        sign
    }

    /// The stack's secrets, to search for in places where they must not be.
    pub fn secrets() -> [&'static str; 2] {
        [JWT_SECRET, GATEWAY_SECRET]
    }

    /// The secret shared by gateway and service.
    pub fn gateway_secret(&self) -> GatewaySecret {
        GatewaySecret::new(GATEWAY_SECRET.as_bytes()).expect("long enough")
    }

    /// Opens a terminal, and waits for its prompt.
    pub async fn terminal(&self, user: &str, session: &str) -> Terminal {
        self.terminal_at(&self.url(), user, session).await
    }

    /// Opens a terminal by way of a proxy, and waits for its prompt.
    pub async fn terminal_at(&self, url: &str, user: &str, session: &str) -> Terminal {
        let mut terminal = Terminal::connect(url, &self.token(user, session)).await.expect("the handshake is accepted");
        terminal.attach().await;
        // Keys typed before the first prompt are echoed twice, by the terminal and by readline.
        terminal.expect("\u{1b}[?2004h").await;
        terminal
    }

    /// Creates a page, which connects in its first step.
    pub fn page(&self, user: &str, session: &str, size: (u16, u16)) -> Page {
        let token = self.token(user, session);
        let id = ClientId::new(format!("page-of-{user}")).expect("an id");
        Page::new(id, size, Endpoint { urls: vec![self.url()], token: Box::new(move || token.clone()) }, None)
    }

    pub fn usage(&self) -> Usage {
        self.gateway.usage()
    }

    /// Opens a connection, without attaching.
    pub async fn connect(&self, user: &str, session: &str) -> Terminal {
        Terminal::connect(&self.url(), &self.token(user, session)).await.expect("the handshake is accepted")
    }

    /// Opens a direct connection to an instance, without attaching.
    pub async fn direct(&self, url: &str) -> Terminal {
        Terminal::connect(url, "").await.expect("the handshake is accepted")
    }

    /// Stops everything. Panics if the service fails or leaves zombies.
    pub async fn stop(self) {
        self.gateway.stop().await;
        self.backend.stop().await;
    }
}

fn secrets_and_log(function_log: &str) -> BTreeMap<String, String> {
    let variables = [("JWT_SECRET", JWT_SECRET), ("GATEWAY_SECRET", GATEWAY_SECRET), ("RUST_LOG", function_log)];
    BTreeMap::from(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn sign(claims: &UserClaims) -> String {
    auth_tokens::sign_user_token(claims, JWT_SECRET.as_bytes()).expect("long enough")
}
