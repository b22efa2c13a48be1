//! The whole stack in three configurations: the function in the gateway's process, the real `bootstrap` with a DynamoDB API, and
//! two instances of the service behind a load balancer. One test program, so that everything is linked once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Creates three tests of a scenario, one for each configuration. Each starts and stops a stack.
macro_rules! on_all {
    ($($scenario:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let stack = e2e::Stack::start(e2e::Function::InProcess).await;
                super::$scenario(&stack).await;
                stack.stop().await;
            })*
        }
        mod bootstrap {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let stack = e2e::Stack::start(e2e::Function::Bootstrap).await;
                super::$scenario(&stack).await;
                stack.stop().await;
            })*
        }
        mod two_instances {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let stack = e2e::Stack::start_two().await;
                super::$scenario(&stack).await;
                stack.stop().await;
            })*
        }
    };
}

mod authority;
mod commands;
mod ending;
mod output;
mod secrets;
mod sharing;
mod typing;
