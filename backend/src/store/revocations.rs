//! The bearers of tokens who were removed from a session for good. Pure: the time is an argument.

use auth_tokens::body_hash;
use serde::{Deserialize, Serialize};
use shared_protocol::Role;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bearers that a session keeps out. None is forgotten before its token expires.
pub const MAX_REVOKED: usize = 500;

/// Longest time that a list is kept. A token may claim to hold longer, and outlives it then.
pub const REVOKED_TTL: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// The bearer of one token, as a hash of what the token says: `j:` and that of its id or, if it has none, `u:` and that of its
/// role and user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, derive_more::Display, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Member(String);

impl TryFrom<String> for Member {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("this is no member")
    }
}

impl Member {
    /// The bearer of a token with this id, which counts alone, or of any without one of this user and role.
    pub fn of(user: &str, role: Role, jti: Option<&str>) -> Self {
        Self(match jti {
            Some(jti) => format!("j:{}", body_hash(jti.as_bytes())),
            // A role has no colon.
            None => format!("u:{}", body_hash(format!("{role}:{user}").as_bytes())),
        })
    }

    /// The member of this text; `None` if it is no such text.
    pub fn parse(text: &str) -> Option<Self> {
        let hash = text.strip_prefix("j:").or_else(|| text.strip_prefix("u:"))?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| Self(text.to_owned()))
    }

    /// The text that [`Self::parse`] reads.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The members of one session, each with the end of its token, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations(BTreeMap<Member, u64>);

impl Revocations {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if this bearer is kept out.
    pub fn has(&self, member: &Member) -> bool {
        self.0.contains_key(member)
    }

    /// The members, each with its end.
    pub fn iter(&self) -> impl Iterator<Item = (&Member, u64)> {
        self.0.iter().map(|(member, until)| (member, *until))
    }

    /// Time until the last token has expired, from `now` on, in seconds since 1970.
    pub fn ttl(&self, now: u64) -> Duration {
        let last = self.0.values().max().copied().unwrap_or_default();
        Duration::from_secs(last.saturating_sub(now)).min(REVOKED_TTL)
    }

    /// Adds members. False, and nothing added, if they were more than [`MAX_REVOKED`]. Those whose token has
    /// expired at `now`, in seconds since 1970, go first.
    pub fn add(&mut self, members: &BTreeMap<Member, u64>, now: u64) -> bool {
        let is_full = |list: &Self| {
            let new = members.keys().filter(|member| !list.has(member)).count();
            list.0.len() + new > MAX_REVOKED
        };
        if is_full(self) {
            self.0.retain(|_, until| *until > now);
        }
        if is_full(self) {
            return false;
        }
        for (member, until) in members {
            let end = self.0.entry(member.clone()).or_default();
            *end = (*end).max(*until);
        }
        true
    }

    /// Lets a bearer in again. False if it was not kept out.
    pub fn remove(&mut self, member: &Member) -> bool {
        self.0.remove(member).is_some()
    }
}

impl FromIterator<(Member, u64)> for Revocations {
    fn from_iter<I: IntoIterator<Item = (Member, u64)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(jti: &str, until: u64) -> BTreeMap<Member, u64> {
        BTreeMap::from([(Member::of("u", Role::Viewer, Some(jti)), until)])
    }

    #[test]
    fn a_token_with_an_id_is_known_by_it_alone() {
        let link = Member::of("ada", Role::Viewer, Some("x"));
        assert_eq!(link, Member::of("eve", Role::Controller, Some("x")));
        let (ada, own) = (Member::of("ada", Role::Viewer, None), Member::of("ada", Role::Controller, None));
        assert!(ada != own && ada != link && ada != Member::of("eve", Role::Viewer, None));
        assert!(link.as_str().starts_with("j:") && ada.as_str().starts_with("u:"));
        for member in [link, ada] {
            assert_eq!(Member::parse(member.as_str()), Some(member.clone()));
            assert_eq!(Member::parse(&member.as_str().to_uppercase()), None);
        }
        assert_eq!(Member::parse("j:ab"), None);
    }

    #[test]
    fn no_member_goes_before_its_token_has_expired() {
        let mut list = Revocations::default();
        for n in 0..MAX_REVOKED {
            assert!(list.add(&one(&n.to_string(), if n == 0 { 100 } else { 200 }), 50));
        }
        assert!(!list.add(&one("more", 200), 99) && list.iter().count() == MAX_REVOKED);
        assert!(list.add(&one("7", 300), 99), "known already");
        assert_eq!(list.ttl(100), Duration::from_secs(200));
        assert!(list.add(&one("more", 200), 100), "the token of the first has expired");
        let (first, seventh) = (Member::of("u", Role::Viewer, Some("0")), Member::of("u", Role::Viewer, Some("7")));
        assert!(!list.has(&first) && list.has(&seventh));
        assert!(list.remove(&seventh) && !list.remove(&seventh) && !list.has(&seventh));
    }
}
