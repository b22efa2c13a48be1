//! Cost of forwarding between instances: the gateway asks one instance for its own session, and for a session of the other
//! instance, which takes a lookup in Redis and another hop.

use crate::client::Client;
use crate::report::{Report, Table};
use crate::subjects::{VARIABLES, direct, in_process, next_number, set_prompt};
use crate::{echo, flood};
use e2e::{Stack, StackOptions};

/// The instance that receives all requests.
const GATEWAY_TARGET: usize = 0;

/// Subject, and the instance that owns the session.
const SUBJECTS: [(&str, usize); 4] = [
    ("Termgate, `/terminal`, own session", GATEWAY_TARGET),
    ("Termgate, `/terminal`, passed on", GATEWAY_TARGET + 1),
    ("Termgate, function in process, own session", GATEWAY_TARGET),
    ("Termgate, function in process, passed on", GATEWAY_TARGET + 1),
];

/// Measures two instances that share Redis.
pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let options = StackOptions { instances: 2, gateway_target: Some(GATEWAY_TARGET), ..in_process(VARIABLES) };
    let stack = Stack::start_with(options).await;
    report.add(compared(echo::of(clients(&stack).await, rounds).await, "p50"));
    report.add(compared(flood::of(clients(&stack).await, rounds).await, "median"));
    stack.stop().await;
}

async fn clients(stack: &Stack) -> Vec<(String, Client)> {
    let mut clients = Vec::new();
    for (number, (name, owner)) in SUBJECTS.into_iter().enumerate() {
        let session = format!("bench-{}", next_number());
        // The first instance to attach a session owns it.
        direct(stack, stack.backend.address(owner), "ada", &session).await.leave().await;
        let terminal = if number < 2 {
            direct(stack, stack.backend.address(GATEWAY_TARGET), "ada", &session).await
        } else {
            let mut terminal = stack.connect("ada", &session).await;
            terminal.attach().await;
            terminal
        };
        clients.push((name.to_owned(), Client::Termgate(Box::new(terminal))));
    }
    set_prompt(&mut clients).await;
    clients
}

/// Adds the ratio of each forwarded subject to the one before it.
fn compared(table: Table, column: &'static str) -> Table {
    table.with_ratio("× own session", column, |row| row / 2 * 2)
}
