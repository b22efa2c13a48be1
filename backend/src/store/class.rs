//! The part of a session in a class that outlives its instance: the right to type, and the raised hand.

use super::Member;
use shared_protocol::Loan;
use shared_protocol::server::RaisedHand;

/// The keys that reach the shell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Keyboard {
    /// Every controller's.
    #[default]
    Free,
    /// A borrower's too.
    Lent {
        /// The bearer of the token that it is lent to.
        borrower: Member,
        /// True if the loan ends by itself when the borrower is idle.
        for_now: bool,
    },
    /// The owner's alone.
    Only,
}

/// The state of one session, over all its shells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassRecord {
    /// Creation of the session, in ms since 1970: of an earlier one with the same id, nothing counts.
    pub created_at: u64,
    /// The keys that reach the shell.
    pub keyboard: Keyboard,
    /// Number of the latest loan.
    pub loan: Loan,
    /// The owner's hand, while it is raised.
    pub hand: Option<RaisedHand>,
}
