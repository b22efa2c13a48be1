//! What the binary is told: options on the command line, secrets and AWS variables from the environment, read here once.
//! The one place that knows which function this gateway usually stands in front of.

use clap::{Parser, ValueEnum};
use dev_gateway::{
    Clients, ClientsBrowser, DevSecret, FAULTS_HELP, FaultPlan, Faults, Function, InProcess, Options, Quotas,
};
use gateway_lambda::{BackendConfig, Config, ConfigError, Deps, Gateway, HttpBackend, MemoryConnections, SystemClock};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Variables that a function's process gets when they are set here. Secrets have the same names as on Lambda.
/// AWS credentials are not among them: a function under test should not find the developer's own.
const PASSED_ON: [&str; 16] = [
    "TABLE_NAME",
    "JWT_SECRET",
    "JWT_PUBLIC_KEY",
    "JWT_JWKS",
    "JWT_JWKS_URL",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "GATEWAY_SECRET",
    "ALLOWED_ORIGINS",
    "CONNECTION_TTL_SECONDS",
    "MAX_CONNECTIONS_PER_USER",
    "AWS_REGION",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "LOG_FORMAT",
    "RUST_LOG",
    "RUST_BACKTRACE",
];

/// Table of connections, unless TABLE_NAME says otherwise.
const TABLE: &str = "WebSocketConnections";

/// How long an in-process function may run: past API Gateway's own timeout, as on Lambda.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A local API Gateway WebSocket API in front of a Lambda function.
///
/// Secrets come from the environment, by the names that the function uses: JWT_SECRET, GATEWAY_SECRET.
#[derive(Debug, Parser)]
#[command(name = "dev-gateway", after_long_help = FAULTS_HELP)]
pub(crate) struct Args {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,
    /// The API's stage, as in ws://host/STAGE.
    #[arg(long, default_value = "prod")]
    stage: String,
    /// A route for messages whose `action` is this; may be given more than once.
    #[arg(long = "route", value_name = "KEY", default_values = ["sendMessage", "chat_message"])]
    routes: Vec<String>,
    /// The API has no REQUEST authorizer: everyone reaches $connect.
    #[arg(long)]
    no_authorizer: bool,
    /// Where the function finds the terminal service (its APP_RUNNER_URL).
    #[arg(long, default_value = "http://127.0.0.1:3001")]
    backend_url: String,
    /// How the function runs.
    #[arg(long, value_enum, default_value = "in-process")]
    pub(crate) invoke: How,
    /// The function's executable, for --invoke runtime-api.
    #[arg(long, value_name = "PATH", required_if_eq("invoke", "runtime-api"))]
    bootstrap: Option<PathBuf>,
    /// A variable for the function's processes; may be given more than once.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    /// A static export to serve at the same address.
    #[arg(long = "static", value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Give tokens to whoever asks on this machine: GET /dev/token.
    #[arg(long)]
    dev_token: bool,
    /// Close a connection after so many seconds without a message.
    #[arg(long, value_name = "SECONDS")]
    idle_seconds: Option<u64>,
    /// Let API Gateway's 10 minutes without a message and its 2 hours pass so many times as fast.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    time_scale: Option<u32>,
    /// Close every connection after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    lifetime_seconds: Option<u64>,
    /// Give up on an invocation after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    integration_seconds: Option<u64>,
    /// What goes wrong on purpose, such as reorder=0.2,lose=0.02,delay=0..50,cut-every=200; --help lists all.
    ///
    /// With this, even with `none`, POST /dev/faults changes it and POST /dev/cut?connection=all cuts, from this machine.
    #[arg(long, value_name = "FAULTS")]
    fault: Option<FaultPlan>,
    /// The same seed makes the same things go wrong.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fault")]
    seed: u64,
}

/// How the function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// In this process, with connections in memory.
    InProcess,
    /// Its real binary behind the Lambda Runtime API, with connections in DynamoDB.
    RuntimeApi,
}

/// Why it cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// A variable that the function needs.
    #[error(transparent)]
    Variable(#[from] ConfigError),
    /// `--dev-token` without a secret to sign with.
    #[error(
        "JWT_SECRET is required because --dev-token signs tokens with it; it must have at least {} bytes",
        auth_tokens::MIN_SECRET_BYTES
    )]
    NoSecret,
    /// `--static` names a directory without pages.
    #[error("{} has no index.html: build the page first", .0.display())]
    NoPages(PathBuf),
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Args {
    /// What the gateway is made with.
    pub(crate) fn options(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Options, Unusable> {
        if let Some(pages) = self.pages.as_ref().filter(|pages| !pages.join("index.html").is_file()) {
            return Err(Unusable::NoPages(pages.clone()));
        }
        let dev_token = if self.dev_token {
            let secret = lookup("JWT_SECRET").ok_or(Unusable::NoSecret)?;
            Some(DevSecret::new(secret.trim().as_bytes()).map_err(|_| Unusable::NoSecret)?)
        } else {
            None
        };
        let seconds = |value: Option<u64>, default| value.map_or(default, Duration::from_secs);
        let (defaults, scale) = (Quotas::default(), self.time_scale.unwrap_or(1));
        let quotas = Quotas {
            idle_timeout: seconds(self.idle_seconds, defaults.idle_timeout / scale),
            lifetime: seconds(self.lifetime_seconds, defaults.lifetime / scale),
            integration_timeout: seconds(self.integration_seconds, defaults.integration_timeout),
            ..defaults
        };
        Ok(Options {
            stage: self.stage.clone(),
            route_keys: self.routes.clone(),
            authorizer: !self.no_authorizer,
            quotas,
            pages: self.pages.clone(),
            dev_token,
            faults: self.fault.clone().map(|plan| Faults::new(plan, self.seed)),
            ..Options::default()
        })
    }

    /// The terminal's function for this process.
    pub(crate) fn in_process(
        &self,
        clients: Arc<dyn Clients>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<InProcess, Unusable> {
        let lookup = |name: &str| if name == "APP_RUNNER_URL" { Some(self.backend_url.clone()) } else { lookup(name) };
        let clock = Arc::new(SystemClock);
        let deps = Deps {
            config: Config::from_lookup(lookup)?,
            backend: Arc::new(HttpBackend::new(BackendConfig::from_lookup(lookup)?, clock.clone())),
            connections: Arc::new(MemoryConnections::default()),
            browser: Arc::new(ClientsBrowser::new(clients)),
            clock,
        };
        Ok(InProcess::new(Gateway::new(deps), FUNCTION_TIMEOUT))
    }

    /// The function as processes of their own, which find @connections at `addr`.
    pub(crate) fn function(&self, addr: SocketAddr, lookup: impl Fn(&str) -> Option<String>) -> Function {
        let mut environment = BTreeMap::from([
            ("APP_RUNNER_URL".to_owned(), self.backend_url.clone()),
            ("DOMAIN_NAME".to_owned(), format!("http://{addr}")),
            ("STAGE".to_owned(), self.stage.clone()),
            ("TABLE_NAME".to_owned(), TABLE.to_owned()),
        ]);
        let passed = PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?)));
        environment.extend(passed);
        environment.extend(self.environment.iter().cloned());
        Function::new(self.bootstrap.clone().unwrap_or_default(), environment)
    }

    /// What to tell whoever started it.
    pub(crate) fn welcome(&self, addr: SocketAddr) -> String {
        let mut lines = vec![format!("dev-gateway listens on {addr}: the API is ws://{addr}/{}", self.stage)];
        if self.pages.is_some() {
            lines.push(format!("  open http://{addr}/ in a browser"));
        }
        if self.dev_token {
            lines.push(format!("  a token for the API: curl http://{addr}/dev/token"));
        }
        if let Some(plan) = &self.fault {
            lines.push(format!("  faults, seed {}: {plan}", self.seed));
        }
        lines.push("  Ctrl-C stops it".to_owned());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn args(line: &str) -> Args {
        Args::try_parse_from(std::iter::once("dev-gateway").chain(line.split_whitespace())).unwrap()
    }

    #[test]
    fn limits_can_be_shortened_one_by_one() {
        let options = args("--idle-seconds 3 --integration-seconds 2").options(|_| None).unwrap();
        let expected = Quotas {
            idle_timeout: Duration::from_secs(3),
            integration_timeout: Duration::from_secs(2),
            ..Quotas::default()
        };
        assert_eq!(options.quotas, expected);
    }

    #[test]
    fn time_passes_faster_where_nothing_else_is_said() {
        let quotas = args("--time-scale 60 --lifetime-seconds 9").options(|_| None).unwrap().quotas;
        assert_eq!((quotas.idle_timeout, quotas.lifetime), (Duration::from_secs(10), Duration::from_secs(9)));
        assert_eq!(
            quotas.integration_timeout,
            Quotas::default().integration_timeout,
            "the function keeps its own time"
        );
        assert!(Args::try_parse_from(["dev-gateway", "--time-scale", "0"]).is_err());
    }

    #[test]
    fn faults_are_there_only_when_asked_for() {
        assert!(args("").options(|_| None).unwrap().faults.is_none());
        let faults = args("--fault none").options(|_| None).unwrap().faults.unwrap();
        assert_eq!((faults.plan(), faults.seed()), (FaultPlan::default(), 1));
        let faults = args("--fault lose=0.1,slow=15 --seed 7").options(|_| None).unwrap().faults.unwrap();
        assert_eq!((faults.plan().to_string(), faults.seed()), ("lose=0.1,slow=15..15".to_owned(), 7));
        let error = Args::try_parse_from(["dev-gateway", "--fault", "loose=1"]).unwrap_err().to_string();
        assert!(error.contains("there is no fault `loose`; there are: reorder,"), "{error}");
    }

    #[test]
    fn what_is_missing_is_said_in_a_sentence() {
        assert_eq!(args("--dev-token").options(|_| None).err(), Some(Unusable::NoSecret));
        assert_eq!(args("--dev-token").options(|_| Some("short".into())).err(), Some(Unusable::NoSecret));
        let error = args("--static /nowhere").options(|_| None).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere has no index.html: build the page first");
        assert!(Args::try_parse_from(["dev-gateway", "--invoke", "runtime-api"]).is_err());
    }

    #[test]
    fn a_process_of_the_function_gets_what_lambda_would_give_it() {
        let lookup = |name: &str| match name {
            "JWT_SECRET" => Some(SECRET.to_owned()),
            "JWT_JWKS_URL" => Some("https://keys.example".to_owned()),
            "HOME" => Some("/root".to_owned()),
            _ => None,
        };
        let args = args("--invoke runtime-api --bootstrap /b --stage dev --env TABLE_NAME=mine");
        let function = args.function("127.0.0.1:7".parse().unwrap(), lookup);
        let expected = [
            ("APP_RUNNER_URL", "http://127.0.0.1:3001"),
            ("DOMAIN_NAME", "http://127.0.0.1:7"),
            ("JWT_JWKS_URL", "https://keys.example"),
            ("JWT_SECRET", SECRET),
            ("STAGE", "dev"),
            ("TABLE_NAME", "mine"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(function.environment, BTreeMap::from(expected));
    }
}
