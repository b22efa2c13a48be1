//! Reads recordings: finds those of a session that a reader may see, and streams the parts of one as one asciicast.

use super::cast::{event_line, header};
use super::error::RecordingError;
use super::keyframes::Keyframes;
use super::keys::{PartKey, RecordingKey};
use super::store::{Meta, Recordings};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, Stream, StreamExt};
use shared_protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time to find a recording: what a reader may see is known only when its description is read.
const FIND_TIMEOUT: Duration = Duration::from_secs(10);

/// Descriptions that are read at the same time.
const CONCURRENT_READS: usize = 8;

/// Parts that are read before a reader takes them: each is a request, and an hour has hundreds.
const READ_AHEAD: usize = 8;

/// Largest difference between the clocks of two instances, of which one creates a session and the other starts its recording.
const CLOCK_DIFFERENCE_MS: u64 = 60_000;

/// Marker between two shells of one session.
const NEW_SHELL: &str = "A new shell: the one before was lost.";

/// Marker in place of a part that the store does not have.
const MISSING: &str = "A part of the recording is missing.";

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no recording that this reader may see.
    #[error("there is no recording of this session that you may read")]
    NotFound,
    /// The store fails.
    #[error(transparent)]
    Store(#[from] RecordingError),
}

/// A recording that can be read.
#[derive(Debug)]
pub struct Replay {
    /// Its session, user and start.
    pub meta: Meta,
    pub(super) key: RecordingKey,
    /// In their order.
    parts: Vec<PartKey>,
}

impl Replay {
    /// The latest recording of the session that `may_read` allows, or the one that started then, in ms since 1970.
    pub async fn find(
        recordings: &Recordings,
        session: &SessionId,
        started: Option<u64>,
        may_read: impl Fn(&Meta) -> bool,
    ) -> Result<Self, ReplayError> {
        let found = Self::find_some(recordings, session, started, 1, may_read).await?;
        found.into_iter().next().ok_or(ReplayError::NotFound)
    }

    /// The latest recordings of the session that `may_read` allows, at most so many, or the one that started then.
    pub async fn find_some(
        recordings: &Recordings,
        session: &SessionId,
        started: Option<u64>,
        most: usize,
        may_read: impl Fn(&Meta) -> bool,
    ) -> Result<Vec<Self>, RecordingError> {
        let found = timeout(FIND_TIMEOUT, Self::find_unbounded(recordings, session, started, most, may_read)).await;
        found.unwrap_or_else(|_| Err(RecordingError("the store does not answer".into())))
    }

    async fn find_unbounded(
        recordings: &Recordings,
        session: &SessionId,
        started: Option<u64>,
        most: usize,
        may_read: impl Fn(&Meta) -> bool,
    ) -> Result<Vec<Self>, RecordingError> {
        let objects = recordings.list(&RecordingKey::of_id(&recordings.root, session)).await?;
        let mut named = BTreeMap::<u64, (RecordingKey, Vec<PartKey>)>::new();
        for (key, name) in objects.iter().filter_map(|object| RecordingKey::of_object(&object.location)) {
            let Some(created_at) = key.created_at() else { continue };
            named.entry(created_at).or_insert_with(|| (key, Vec::new())).1.extend(PartKey::parse(name));
        }
        // A recording starts after its session was created, so none of a later session is read: there may be hundreds.
        named.split_off(&started.map_or(u64::MAX, |started| started.saturating_add(CLOCK_DIFFERENCE_MS)));
        let from_latest: Vec<_> = named.into_values().rev().collect();
        let mut found = Vec::new();
        for some in from_latest.chunks(CONCURRENT_READS) {
            let reads: Vec<_> = some.iter().map(|(key, _)| recordings.meta(key)).collect();
            for ((key, parts), meta) in some.iter().zip(join_all(reads).await) {
                // One that cannot be understood hides no other.
                let Some(meta) = meta? else { continue };
                let is_asked = started.is_none_or(|started| started == meta.started) && meta.session == *session;
                if is_asked && may_read(&meta) {
                    let mut parts = parts.clone();
                    parts.sort_unstable();
                    found.push(Self { meta, key: key.clone(), parts });
                    if found.len() == most {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Creation of its session, in ms since 1970.
    pub fn created_at(&self) -> Option<u64> {
        self.key.created_at()
    }

    /// The asciicast, part by part, each read when the eighth one before it was taken. Nothing of use comes after an error.
    pub fn stream(self, recordings: Arc<Recordings>) -> impl Stream<Item = Result<Bytes, RecordingError>> + use<> {
        let first = header(self.meta.cols, self.meta.rows, self.meta.started);
        let mut before: Option<PartKey> = None;
        let parts = self.parts.into_iter().map(move |part| {
            let lead = lead(before.replace(part), part);
            (lead, part)
        });
        let key = self.key;
        let parts = stream::iter(parts.collect::<Vec<_>>()).map(move |(lead, part)| {
            let (recordings, key) = (Arc::clone(&recordings), key.clone());
            async move { [Ok(Bytes::from(lead)), recordings.part(&key, &part).await] }
        });
        let parts = parts.buffered(READ_AHEAD);
        stream::iter([Ok(Bytes::from(first))]).chain(parts.flat_map(stream::iter))
    }

    /// The same, with keyframes between its events: the screen at some places, from which a player can begin.
    pub fn stream_with_keyframes(
        self,
        recordings: Arc<Recordings>,
    ) -> impl Stream<Item = Result<Bytes, RecordingError>> + use<> {
        let mut keyframes = Keyframes::new(self.meta.cols, self.meta.rows);
        self.stream(recordings).map(move |piece| piece.map(|lines| keyframes.insert(&lines).into()))
    }
}

/// The marker of a gap or a new shell before a part; empty where the part directly follows the one before.
fn lead(before: Option<PartKey>, part: PartKey) -> Vec<u8> {
    let end = before.map_or(0, |before| before.end);
    let label = match before {
        Some(before) if before.epoch != part.epoch => NEW_SHELL,
        None if part.number == 1 && part.start == 0 => return Vec::new(),
        Some(before) if before.end == part.start => return Vec::new(),
        _ => MISSING,
    };
    event_line(part.start.saturating_sub(end), "m", label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::Epoch;

    #[test]
    fn a_lost_part_and_a_new_shell_are_marked_and_shift_nothing() {
        let part = |epoch, number, start, end| PartKey { epoch: Epoch(epoch), number, start, end };
        let text = |before, part| String::from_utf8(lead(before, part)).unwrap();
        let first = part(1, 1, 0, 10_000);
        assert_eq!(text(None, first), "");
        assert_eq!(text(Some(first), part(1, 2, 10_000, 20_000)), "");
        assert_eq!(text(Some(first), part(1, 3, 20_000, 20_001)), format!("[10.000, \"m\", \"{MISSING}\"]\n"));
        assert_eq!(text(None, part(1, 2, 10_000, 20_000)), format!("[10.000, \"m\", \"{MISSING}\"]\n"));
        assert_eq!(text(Some(first), part(2, 1, 75_500, 75_501)), format!("[65.500, \"m\", \"{NEW_SHELL}\"]\n"));
    }
}
