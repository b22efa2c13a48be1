//! What holds of every text that somebody may write as a plan of faults: apart, because the fuzzer asks it too.

use dev_gateway::FaultPlan;

/// It is refused, or it means the same when it is printed and read again.
pub(crate) fn holds(text: &str) -> bool {
    let Ok(plan) = text.parse::<FaultPlan>() else { return false };
    let printed = plan.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(&plan), "{text} is printed as {printed}");
    true
}
