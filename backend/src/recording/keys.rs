//! Names of a recording's objects: `<sha256 of the session's id>/<time of its creation>/`, with `meta.json` and the parts.
//!
//! A part's name has all that a reader needs to put the parts in order, and to see that one is missing. An epoch belongs to one
//! instance, so a stale one writes under names that no other writes.

use auth_tokens::body_hash;
use object_store::path::Path;
use shared_protocol::{Epoch, SessionId};

/// Name of the object that says whose the recording is.
pub(super) const META: &str = "meta.json";

/// A part's place in its recording. The order of its fields is that of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartKey {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Number in the epoch, from 1.
    pub number: u32,
    /// Time from which its first event counts, in ms since the recording's start.
    pub start: u64,
    /// Time of its last event, in ms since the recording's start.
    pub end: u64,
}

impl PartKey {
    /// The name of the part, after its recording's folder.
    pub(super) fn name(&self) -> String {
        let Self { epoch, number, start, end } = self;
        format!("{:016}-{number:06}-{start}-{end}.cast", epoch.0)
    }

    /// The part of this name; none for the name of another object.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut numbers = name.strip_suffix(".cast")?.split('-').map(|number| number.parse::<u64>().ok());
        let (epoch, number) = (numbers.next()??, numbers.next()??);
        let (start, end) = (numbers.next()??, numbers.next()??);
        let key = Self { epoch: Epoch(epoch), number: u32::try_from(number).ok()?, start, end };
        (start <= end && key.name() == name).then_some(key)
    }
}

/// True for the name of a recording's folder, in that of its session.
pub(super) fn is_recording(name: &str) -> bool {
    name.parse::<u64>().is_ok_and(|time| time.to_string() == name)
}

/// True for the name of an object of a recording, or of one whose writing was cut off: a folder has a number behind its name.
pub(super) fn is_object(name: &str) -> bool {
    let whole = match name.split_once('#') {
        Some((whole, number)) if number.parse::<u32>().is_ok() => whole,
        _ => name,
    };
    whole == META || PartKey::parse(whole).is_some()
}

/// True for the name of a folder with the recordings of one session.
pub(super) fn is_session(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The folder of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordingKey(pub Path);

impl RecordingKey {
    /// The folder of all recordings of sessions with this id.
    pub(super) fn of_id(root: &Path, session: &SessionId) -> Path {
        root.clone().join(body_hash(session.as_str().as_bytes()))
    }

    /// The recording of the session that was created at this time, in ms since 1970.
    pub(super) fn new(root: &Path, session: &SessionId, created_at: u64) -> Self {
        Self(Self::of_id(root, session).join(created_at.to_string()))
    }

    /// The recording that an object belongs to, and the object's name.
    pub(super) fn of_object(object: &Path) -> Option<(Self, &str)> {
        let (folder, name) = object.as_ref().rsplit_once('/')?;
        Some((Self(Path::parse(folder).ok()?), name))
    }

    /// Names of the session's folder, and of the recording's in it.
    pub(super) fn names(&self) -> Option<(&str, &str)> {
        let (parent, recording) = self.0.as_ref().rsplit_once('/')?;
        Some((parent.rsplit_once('/').map_or(parent, |(_, session)| session), recording))
    }

    /// Creation of the session, in ms since 1970; none for a folder of another name.
    pub(super) fn created_at(&self) -> Option<u64> {
        self.0.filename().filter(|name| is_recording(name))?.parse().ok()
    }

    pub(super) fn meta(&self) -> Path {
        self.0.clone().join(META)
    }

    pub(super) fn part(&self, part: &PartKey) -> Path {
        self.0.clone().join(part.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parts_name_says_its_place_and_is_read_back() {
        let key = PartKey { epoch: Epoch(1_800_000_000_000), number: 12, start: 0, end: 9_999 };
        assert_eq!(key.name(), "0001800000000000-000012-0-9999.cast");
        assert_eq!(PartKey::parse(&key.name()), Some(key));
        let (epoch, number) = ("0000000000000001", "000001");
        for bad in ["meta.json", "1-1-0-1.cast", "", ".cast"]
            .map(str::to_owned)
            .into_iter()
            .chain(["0", "0-1-2", "2-1", "a-1", "+0-1", "0-01"].map(|times| format!("{epoch}-{number}-{times}.cast")))
        {
            assert_eq!(PartKey::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn no_id_leads_out_of_its_folder_or_into_that_of_another() {
        let (root, id) = (Path::from("recordings"), |id: &str| SessionId::new(id).unwrap());
        let key = RecordingKey::new(&root, &id("lab-7"), 17);
        let hash = "6e4e7e1ba93a5be3ca2a1a9dfbbd5ee6ac7d2d5cd7a1cf1ea0d1d84a9e7f4b1d".len();
        let meta = key.meta();
        assert!(meta.as_ref().starts_with("recordings/") && meta.as_ref().ends_with("/17/meta.json"), "{meta}");
        assert_eq!(meta.as_ref().split('/').nth(1).unwrap().len(), hash);
        assert_eq!(RecordingKey::of_object(&meta), Some((key.clone(), "meta.json")));
        let (session, recording) = key.names().unwrap();
        assert!(is_session(session) && recording == "17" && meta.as_ref().contains(session));
        assert_eq!(RecordingKey::new(&Path::default(), &id("lab-7"), 17).names(), Some((session, "17")));
        assert_eq!((key.created_at(), RecordingKey(root.clone().join("017")).created_at()), (Some(17), None));
        assert_ne!(key, RecordingKey::new(&root, &id("lab-8"), 17));
    }
}
