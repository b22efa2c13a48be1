//! A person's standing in a session: the part, and whom it may remove.

use shared_protocol::server::Part;

/// Part of a caller in a session, and whether it is an operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The part. An operator watches like an instructor.
    pub part: Part,
    /// True for an operator of the platform.
    pub operator: bool,
}

impl Standing {
    /// Checks whether people of another part may be removed for good: guests by the owner and by instructors, anyone by
    /// operators. The error says who may.
    pub(super) fn may_remove(self, of: Part) -> Result<(), &'static str> {
        match (self.part, of) {
            _ if self.operator => Ok(()),
            (Part::Guest, _) => Err("only the session's owner, an instructor or an operator removes people"),
            (_, Part::Guest) => Ok(()),
            (_, Part::Owner) => Err("only an operator removes the session's owner"),
            (_, Part::Instructor) => Err("only an operator removes an instructor; the owner can end their typing"),
        }
    }
}
