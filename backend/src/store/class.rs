//! What stays of a session in a class after its instance is lost: whose keys count, and the raised hand.

use super::Member;
use shared_protocol::server::RaisedHand;
use shared_protocol::{Epoch, Loan};

/// Whose keys count.
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

/// The state of one session, of the shell with this epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassRecord {
    /// Epoch of the shell: of an earlier one with the same id, nothing counts.
    pub epoch: Epoch,
    /// Whose keys count.
    pub keyboard: Keyboard,
    /// Number of the latest loan.
    pub loan: Loan,
    /// The owner's hand, while it is raised.
    pub hand: Option<RaisedHand>,
}
