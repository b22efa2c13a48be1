//! The binary's configuration: options from the command line, secrets and AWS variables from the environment. The one
//! file that knows the terminal's function.

mod functions;

use clap::{Parser, ValueEnum};
use dev_gateway::{
    Clients, DevSecret, FAULTS_HELP, FaultPlan, Faults, Function, InProcess, Options, ProcessLimitError, Quotas, Tls,
};
use functions::{FunctionArgs, pair};
use gateway_lambda::{ConfigError, MemoryConnections};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Variables passed on to the function's processes. AWS credentials are not among them: a function under test must not
/// use the developer's own.
const FORWARDED_VARIABLES: [&str; 16] = [
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

/// A local API Gateway WebSocket API in front of a Lambda function.
///
/// Secrets come from the environment variables of the function: JWT_SECRET, GATEWAY_SECRET.
#[derive(Debug, Parser)]
#[command(name = "dev-gateway", after_long_help = FAULTS_HELP)]
pub(crate) struct Args {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,
    /// Stage of the API, as in ws://host/STAGE.
    #[arg(long, default_value = "prod")]
    stage: String,
    /// Route key for messages with this `action`; repeatable.
    #[arg(long = "route", value_name = "KEY", default_values = ["sendMessage", "chat_message"])]
    routes: Vec<String>,
    /// Do not invoke a REQUEST authorizer before $connect.
    #[arg(long)]
    no_authorizer: bool,
    /// URL of the terminal service, for the function (its APP_RUNNER_URL).
    #[arg(long, default_value = "http://127.0.0.1:3001")]
    backend_url: String,
    /// Way to run the function.
    #[arg(long, value_enum, default_value = "in-process")]
    pub(crate) invoke: InvokeMode,
    #[command(flatten)]
    pub(crate) functions: FunctionArgs,
    /// Serve wss:// and https:// too, at the same address, with a certificate that this program makes.
    ///
    /// The function trusts it (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, AWS_CA_BUNDLE) and posts to @connections over TLS.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Executions of the function at once, as in an AWS account. A further message fails.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    concurrency: usize,
    /// Variable for the function's processes; repeatable.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    environment: Vec<(String, String)>,
    /// Variable of the stage, on every event; repeatable.
    #[arg(long = "stage-variable", value_name = "NAME=VALUE", value_parser = pair)]
    stage_variables: Vec<(String, String)>,
    /// Directory of a static export to serve at the same address.
    #[arg(long = "static", value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Serve tokens: GET /dev/token. The key that it needs is printed, or DEV_TOKEN_KEY.
    #[arg(long)]
    dev_token: bool,
    /// Close a connection after SECONDS without a message.
    #[arg(long, value_name = "SECONDS")]
    idle_seconds: Option<u64>,
    /// Divide API Gateway's idle timeout (10 minutes) and lifetime (2 hours) by N.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    time_scale: Option<u32>,
    /// Close every connection after SECONDS.
    #[arg(long, value_name = "SECONDS")]
    lifetime_seconds: Option<u64>,
    /// Time out an integration after SECONDS.
    #[arg(long, value_name = "SECONDS")]
    integration_seconds: Option<u64>,
    /// Inject faults, such as reorder=0.2,lose=0.02,delay=0..50,cut-every=200; --help lists all.
    ///
    /// Also with `none`, enables POST /dev/faults to change the faults and POST /dev/cut?connection=all to cut
    /// connections, from this machine.
    #[arg(long, value_name = "FAULTS")]
    fault: Option<FaultPlan>,
    /// Seed of the faults; the same seed injects the same faults.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fault")]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InvokeMode {
    /// In this process, with connections in memory.
    InProcess,
    /// The real binary behind the Lambda Runtime API, with connections in DynamoDB.
    RuntimeApi,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error(transparent)]
    Variable(#[from] ConfigError),
    #[error(
        "JWT_SECRET is required because --dev-token signs tokens with it; it must have at least {} bytes",
        auth_tokens::MIN_SECRET_BYTES
    )]
    NoSecret,
    #[error("{} has no index.html: build the page first", .0.display())]
    NoPages(PathBuf),
    #[error("--cpu-share needs --invoke runtime-api: a function in this process has no processor of its own")]
    CpuShareInProcess,
    #[error("--function and --task-root need --invoke runtime-api: a function in this process is Termgate's")]
    FunctionsInProcess,
    #[error("--integrate names the function {0}, and there is no --function {0}=PATH")]
    NoFunction(String),
    #[error(transparent)]
    ProcessLimit(#[from] ProcessLimitError),
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it takes a number from 1 on".to_owned())
}

impl Args {
    pub(crate) fn options(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Options, ArgsError> {
        if self.functions.needs_processes() && self.invoke == InvokeMode::InProcess {
            return Err(ArgsError::FunctionsInProcess);
        }
        if let Some(name) = self.functions.unknown() {
            return Err(ArgsError::NoFunction(name.to_owned()));
        }
        if self.functions.cpu_share.is_some() && self.invoke == InvokeMode::InProcess {
            return Err(ArgsError::CpuShareInProcess);
        }
        if let Some(pages) = self.pages.as_ref().filter(|pages| !pages.join("index.html").is_file()) {
            return Err(ArgsError::NoPages(pages.clone()));
        }
        let dev_token = if self.dev_token {
            let secret = lookup("JWT_SECRET").ok_or(ArgsError::NoSecret)?;
            let key = lookup("DEV_TOKEN_KEY").filter(|key| !key.is_empty());
            Some(DevSecret::new(secret.trim().as_bytes(), key).map_err(|_| ArgsError::NoSecret)?)
        } else {
            None
        };
        let seconds = |value: Option<u64>, default| value.map_or(default, Duration::from_secs);
        let (defaults, scale) = (Quotas::default(), self.time_scale.unwrap_or(1));
        let quotas = Quotas {
            idle_timeout: seconds(self.idle_seconds, defaults.idle_timeout / scale),
            lifetime: seconds(self.lifetime_seconds, defaults.lifetime / scale),
            integration_timeout: seconds(self.integration_seconds, defaults.integration_timeout),
            concurrent_executions: self.concurrency,
            ..defaults
        };
        Ok(Options {
            stage: self.stage.clone(),
            route_keys: self.routes.iter().chain(self.functions.routes()).cloned().collect(),
            stage_variables: self.stage_variables.iter().cloned().collect(),
            authorizer: !self.no_authorizer,
            quotas,
            pages: self.pages.clone(),
            dev_token,
            service_url: Some(self.backend_url.clone()),
            faults: self.fault.clone().map(|plan| Faults::new(plan, self.seed)),
            ..Options::default()
        })
    }

    pub(crate) fn in_process(
        &self,
        clients: Arc<dyn Clients>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<InProcess, ArgsError> {
        let lookup = |name: &str| if name == "APP_RUNNER_URL" { Some(self.backend_url.clone()) } else { lookup(name) };
        let connections = Arc::new(MemoryConnections::default());
        Ok(InProcess::from_lookup(clients, connections, self.functions.timeout(), lookup)?)
    }

    /// The function, to run in processes that post to @connections at `addr`, or over TLS.
    pub(crate) fn function(
        &self,
        addr: SocketAddr,
        tls: Option<&Tls>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Function, ArgsError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut environment = BTreeMap::from([
            ("APP_RUNNER_URL".to_owned(), self.backend_url.clone()),
            ("DOMAIN_NAME".to_owned(), format!("{scheme}://{addr}")),
            ("STAGE".to_owned(), self.stage.clone()),
            ("TABLE_NAME".to_owned(), "WebSocketConnections".to_owned()),
        ]);
        environment.extend(tls.into_iter().flat_map(Tls::variables));
        let forwarded = FORWARDED_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?)));
        environment.extend(forwarded);
        environment.extend(self.environment.iter().cloned());
        // As many as executions, so that none waits for a process.
        Ok(Function { processes: self.concurrency, ..self.functions.function(environment)? })
    }

    /// `dev_key` opens `/dev/token`; `certificate` is for clients over TLS.
    pub(crate) fn welcome(&self, addr: SocketAddr, dev_key: Option<&str>, certificate: Option<&Path>) -> String {
        let mut lines = vec![format!("dev-gateway listens on {addr}: the API is ws://{addr}/{}", self.stage)];
        if let Some(file) = certificate {
            lines.push(format!("  over TLS: wss://{addr}/{}, with the certificate {}", self.stage, file.display()));
        }
        if self.pages.is_some() {
            let key = dev_key.map(|key| format!("#key={key}")).unwrap_or_default();
            lines.push(format!("  open http://{addr}/{key} in a browser"));
        }
        if let Some(key) = dev_key {
            lines.push(format!("  a token for the API: curl -H 'Authorization: Bearer {key}' http://{addr}/dev/token"));
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
    fn each_limit_can_be_shortened() {
        let options = args("--idle-seconds 3 --integration-seconds 2 --concurrency 10").options(|_| None).unwrap();
        let expected = Quotas {
            idle_timeout: Duration::from_secs(3),
            integration_timeout: Duration::from_secs(2),
            concurrent_executions: 10,
            ..Quotas::default()
        };
        assert_eq!(options.quotas, expected);
    }

    #[test]
    fn the_time_scale_applies_to_limits_without_an_option() {
        let quotas = args("--time-scale 60 --lifetime-seconds 9").options(|_| None).unwrap().quotas;
        assert_eq!((quotas.idle_timeout, quotas.lifetime), (Duration::from_secs(10), Duration::from_secs(9)));
        let unscaled = Quotas::default().integration_timeout;
        assert_eq!(quotas.integration_timeout, unscaled, "the function's time is not scaled");
        assert!(Args::try_parse_from(["dev-gateway", "--time-scale", "0"]).is_err());
    }

    #[test]
    fn faults_need_the_option() {
        assert!(args("").options(|_| None).unwrap().faults.is_none());
        let faults = args("--fault none").options(|_| None).unwrap().faults.unwrap();
        assert_eq!((faults.plan(), faults.seed()), (FaultPlan::default(), 1));
        let faults = args("--fault lose=0.1,slow=15 --seed 7").options(|_| None).unwrap().faults.unwrap();
        assert_eq!((faults.plan().to_string(), faults.seed()), ("lose=0.1,slow=15..15".to_owned(), 7));
        let error = Args::try_parse_from(["dev-gateway", "--fault", "loose=1"]).unwrap_err().to_string();
        assert!(error.contains("there is no fault `loose`; there are: reorder,"), "{error}");
    }

    #[test]
    fn errors_name_the_missing_setting() {
        for (line, secret, expected) in [
            ("--dev-token", None, "JWT_SECRET is required because --dev-token"),
            ("--dev-token", Some("short"), "JWT_SECRET is required because --dev-token"),
            ("--static /nowhere", None, "/nowhere has no index.html: build the page first"),
            ("--bootstrap /b --cpu-share 1/14", None, "--cpu-share needs --invoke runtime-api"),
            ("--bootstrap /b --function a=/a", None, "--function and --task-root need --invoke runtime-api"),
            ("--bootstrap /b --invoke runtime-api --integrate join=a", None, "--integrate names the function a, and"),
        ] {
            let error = args(line).options(|_| secret.map(str::to_owned)).err().unwrap().to_string();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
        for line in [
            "--invoke runtime-api",
            "--cpu-share 1/14",
            "--bootstrap /b --cpu-share 0",
            "--concurrency 0",
            "--timeout 901",
            "--memory 512",
            "--bootstrap /b --memory 127",
        ] {
            assert!(Args::try_parse_from(std::iter::once("dev-gateway").chain(line.split(' '))).is_err(), "{line}");
        }
    }

    #[test]
    fn limits_routes_and_variables_reach_the_function() {
        let line = "--invoke runtime-api --bootstrap /b/boot --task-root /src --timeout 10 \
                    --idle-process-seconds 7 --function chat=/c --integrate join=chat --integrate $connect=chat \
                    --integrate authorizer=chat --stage-variable table=rooms=1";
        let args = args(line);
        let function = args.function("127.0.0.1:7".parse().unwrap(), None, |_| None).unwrap();
        let times = (function.timeout, function.idle_life);
        assert_eq!((function.task_root, function.memory_mb), (PathBuf::from("/src"), 128));
        assert_eq!(times, (Duration::from_secs(10), Duration::from_secs(7)));
        let options = args.options(|_| None).unwrap();
        assert_eq!(options.route_keys, ["sendMessage", "chat_message", "join"]);
        assert_eq!(options.stage_variables, BTreeMap::from([("table".to_owned(), "rooms=1".to_owned())]));
    }

    #[test]
    fn memory_limits_the_function_or_says_why_it_cannot() {
        let args = args("--invoke runtime-api --bootstrap /b --memory 512");
        match args.function("127.0.0.1:7".parse().unwrap(), None, |_| None) {
            Ok(function) => {
                assert_eq!(function.memory_mb, 512);
                assert!(function.process_limit.is_some());
            }
            Err(error) => assert!(error.to_string().contains("needs a cgroup"), "{error}"),
        }
    }

    #[test]
    fn over_tls_a_function_trusts_the_gateway_besides_the_systems_authorities() {
        let tls = Tls::new([127, 0, 0, 1].into()).unwrap();
        let function = args("--tls --invoke runtime-api --bootstrap /b")
            .function("127.0.0.1:7".parse().unwrap(), Some(&tls), |_| None)
            .unwrap();
        assert_eq!(function.environment["DOMAIN_NAME"], "https://127.0.0.1:7");
        for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"] {
            assert_eq!(function.environment[name], tls.certificate().to_str().unwrap());
        }
    }

    #[test]
    fn the_functions_environment_has_only_its_variables() {
        let lookup = |name: &str| match name {
            "JWT_SECRET" => Some(SECRET.to_owned()),
            "JWT_JWKS_URL" => Some("https://keys.example".to_owned()),
            "HOME" => Some("/root".to_owned()),
            _ => None,
        };
        let args = args("--invoke runtime-api --bootstrap /b --stage dev --env TABLE_NAME=mine");
        let function = args.function("127.0.0.1:7".parse().unwrap(), None, lookup).unwrap();
        assert_eq!(function.processes, 1000);
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
