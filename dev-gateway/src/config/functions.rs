//! Options of the functions behind the Lambda Runtime API: their executables, limits and routes.

use clap::Args;
use dev_gateway::{
    AUTHORIZER, CpuShare, Function, Functions, Invoke, Limits, OsSystem, ProcessLimit, ProcessLimitError, RuntimeApi,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct FunctionArgs {
    /// Executable of the function, for --invoke runtime-api.
    #[arg(long, value_name = "PATH", required_if_eq("invoke", "runtime-api"))]
    bootstrap: Option<PathBuf>,
    /// Working directory and LAMBDA_TASK_ROOT of the function; the executable's directory by default.
    ///
    /// Once a file in it has changed, except in node_modules and hidden ones, later events run the new code.
    #[arg(long, value_name = "DIR", requires = "bootstrap")]
    task_root: Option<PathBuf>,
    /// End a run of the function after SECONDS, from 1 to 900.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=900))]
    timeout: u64,
    /// Memory of the function, in MB, from 128 to 10240: it is told of it, is killed if it needs more, and gets Lambda's share of
    /// a processor for it.
    ///
    /// The limits need a cgroup. Without the option, the function is told of 128 MB and not limited.
    #[arg(long, value_name = "MB", requires = "bootstrap", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: Option<u32>,
    /// End a process of the function after SECONDS without an event.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    idle_process_seconds: u64,
    /// Share of a processor for each of the function's processes, instead of that of --memory, such as 1/14.
    #[arg(long, value_name = "SHARE", requires = "bootstrap")]
    pub(super) cpu_share: Option<CpuShare>,
    /// Another function, for --integrate; repeatable.
    #[arg(long = "function", value_name = "NAME=PATH", value_parser = pair, requires = "bootstrap")]
    functions: Vec<(String, String)>,
    /// Function of a route: of $connect, $default, $disconnect, a --route, or of `authorizer`; repeatable.
    #[arg(long = "integrate", value_name = "ROUTE=NAME", value_parser = pair, requires = "bootstrap")]
    pub(super) integrations: Vec<(String, String)>,
}

/// Parses `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl FunctionArgs {
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// An integration that names no function.
    pub(super) fn unknown(&self) -> Option<&str> {
        let is_known = |name: &str| self.functions.iter().any(|(known, _)| known == name);
        self.integrations.iter().map(|(_, name)| name.as_str()).find(|name| !is_known(name))
    }

    /// Route keys of integrations, for `action`.
    pub(super) fn routes(&self) -> impl Iterator<Item = &String> {
        let routes = self.integrations.iter().map(|(route, _)| route);
        routes.filter(|route| !route.starts_with('$') && *route != AUTHORIZER)
    }

    /// True if an option is set that only processes have.
    pub(super) fn needs_processes(&self) -> bool {
        self.task_root.is_some() || !self.functions.is_empty()
    }

    /// The function of all routes without one of their own.
    pub(super) fn function(&self, environment: BTreeMap<String, String>) -> Result<Function, ProcessLimitError> {
        let limits = self.memory.map_or_else(Limits::default, Limits::of_memory);
        let limits = Limits { cpu: self.cpu_share.or(limits.cpu), ..limits };
        let function = Function::new(self.bootstrap.clone().unwrap_or_default(), environment);
        let task_root = self.task_root.as_ref().and_then(|root| std::path::absolute(root).ok());
        Ok(Function {
            task_root: task_root.unwrap_or(function.task_root),
            timeout: self.timeout(),
            memory_mb: self.memory.unwrap_or(function.memory_mb),
            idle_life: Duration::from_secs(self.idle_process_seconds),
            process_limit: (limits != Limits::default()).then(|| ProcessLimit::new(limits)).transpose()?,
            ..function
        })
    }

    /// All functions, of which the others have the limits and variables of `default`.
    pub(crate) fn start(&self, default: Function) -> Arc<dyn Invoke> {
        let start = |function| Arc::new(RuntimeApi::new(function, Arc::new(OsSystem))) as Arc<dyn Invoke>;
        let named = self.functions.iter().map(|(name, path)| {
            let Function { bootstrap, task_root, .. } = Function::new(path, BTreeMap::new());
            (name.clone(), start(Function { name: name.clone(), bootstrap, task_root, ..default.clone() }))
        });
        let named = named.collect();
        Arc::new(Functions::new(start(default), named, self.integrations.iter().cloned().collect()))
    }
}
