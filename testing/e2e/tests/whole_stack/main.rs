//! The whole stack in three configurations: the function in the gateway's process, the real `bootstrap` with a DynamoDB API, and
//! two instances of the service behind a load balancer. One test program, so that everything is linked once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Creates a test of each scenario in one configuration. Each starts and stops a stack.
macro_rules! on {
    ($configuration:ident, $start:expr, $($scenario:ident),*) => {
        mod $configuration {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let stack = $start.await;
                super::$scenario(&stack).await;
                stack.stop().await;
            })*
        }
    };
}

/// Creates three tests of each scenario, one for each configuration.
macro_rules! on_all {
    ($($scenario:ident),* $(,)?) => {
        on!(in_process, e2e::Stack::start(e2e::Function::InProcess), $($scenario),*);
        on!(bootstrap, e2e::Stack::start(e2e::Function::Bootstrap), $($scenario),*);
        on!(two_instances, e2e::Stack::start_two(), $($scenario),*);
    };
}

mod authority;
mod commands;
mod dispatch;
mod ending;
mod files;
mod output;
mod secrets;
mod sharing;
mod typing;
