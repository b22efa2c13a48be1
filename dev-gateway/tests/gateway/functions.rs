//! Functions as another project has them: several, with their own directory, limits and code that changes.

use crate::runtime_api::{function, idle_process, start};
use crate::support::{until, within};
use dev_gateway::{AUTHORIZER, Function, Functions, Invoke};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use test_servers::alive;

const FAKE: &str = env!("CARGO_BIN_EXE_fake-bootstrap");

#[tokio::test]
async fn each_route_and_the_authorizer_may_have_a_function() {
    let named = |name: &str| start(Function { name: name.to_owned(), ..function(&[]) }) as Arc<dyn Invoke>;
    let all = BTreeMap::from([("chat".to_owned(), named("chat")), ("guard".to_owned(), named("guard"))]);
    let routes = [("join", "chat"), ("$disconnect", "chat"), (AUTHORIZER, "guard"), ("lost", "nameless")];
    let routes = routes.map(|(route, name)| (route.to_owned(), name.to_owned())).into();
    let functions = Functions::new(named("all"), all, routes);
    let route = |key: &str| json!({"requestContext": {"routeKey": key}});
    for (event, expected) in [
        (json!({"type": "REQUEST", "requestContext": {"routeKey": "$connect"}}), "guard"),
        (route("$connect"), "all"),
        (route("join"), "chat"),
        (route("$disconnect"), "chat"),
        (route("$default"), "all"),
        (route("lost"), "all"),
    ] {
        let answer = within(functions.invoke(event.clone())).await.unwrap();
        assert_eq!(answer["environment"]["AWS_LAMBDA_FUNCTION_NAME"], expected, "{event}");
    }
    within(functions.shutdown()).await;
    assert!(functions.invoke(route("join")).await.is_err(), "each has ended");
}

#[tokio::test]
async fn a_function_runs_in_its_own_directory_and_knows_its_memory() {
    let own = function(&[]);
    let root = Path::new(FAKE).parent().unwrap().display().to_string();
    assert_eq!(own.task_root.display().to_string(), root);
    let elsewhere = tempfile::tempdir().unwrap();
    let given = Function { task_root: elsewhere.path().to_owned(), memory_mb: 1769, ..own.clone() };
    for (function, root, memory) in [(own, root, "128"), (given, elsewhere.path().display().to_string(), "1769")] {
        let api = start(function);
        let answer = within(api.invoke(json!({}))).await.unwrap();
        let environment = &answer["environment"];
        let directory = Path::new(&root).canonicalize().unwrap();
        assert_eq!((&answer["directory"], &environment["LAMBDA_TASK_ROOT"]), (&json!(directory), &json!(root)));
        assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], memory);
        within(api.shutdown()).await;
    }
}

#[tokio::test]
async fn a_process_without_events_is_ended() {
    let api = start(Function { idle_life: Duration::from_secs(1), ..function(&[]) });
    for _ in 0..2 {
        let first = idle_process(&api).await;
        until(|| api.idle_processes().is_empty() && !alive(first)).await;
    }
    within(api.shutdown()).await;
}

#[tokio::test]
async fn events_after_a_change_of_the_code_run_the_new_code() {
    let root = tempfile::tempdir().unwrap();
    let bootstrap = root.path().join("bootstrap");
    std::fs::copy(FAKE, &bootstrap).unwrap();
    let sources = tempfile::tempdir().unwrap();
    let function = Function { task_root: sources.path().to_owned(), ..Function::new(&bootstrap, BTreeMap::new()) };
    let api = start(function);
    let first = idle_process(&api).await;
    std::fs::create_dir(sources.path().join("node_modules")).unwrap();
    std::fs::write(sources.path().join("node_modules/package.json"), "{}").unwrap();
    assert_eq!(idle_process(&api).await, first, "packages do not count");
    std::fs::write(sources.path().join("index.mjs"), "export const handler = 1").unwrap();
    // Changes are looked for a few times a second.
    within(async { while idle_process(&api).await == first {} }).await;
    until(|| !alive(first)).await;
    within(api.shutdown()).await;
}
