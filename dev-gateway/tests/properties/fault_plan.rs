//! Property of fault plans. A file of its own because a fuzz target includes it.

use dev_gateway::FaultPlan;

/// Checks that a valid plan is the same after printing and parsing. Returns false for an invalid one.
pub(crate) fn holds(text: &str) -> bool {
    let Ok(plan) = text.parse::<FaultPlan>() else { return false };
    let printed = plan.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(&plan), "{text} is printed as {printed}");
    true
}
