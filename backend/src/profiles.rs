//! Profiles: named sets of shell, environment, directory, start script, message and limits, with one of which a session is
//! created. An operator writes each as a TOML file; the service reads all of them once, when it starts.

mod error;
mod file;
mod profile;

pub use error::{ProfileError, UnknownProfileError};
pub use profile::Profile;

use shared_protocol::ProfileName;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// Most profiles of a service: more are no choice of an operator, but the wrong folder.
const MAX_PROFILES: usize = 200;

/// Largest file of a profile, in bytes. Environment and start script of a shell pass through its initial environment.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Name of the settings of the service itself.
const DEFAULT: &str = "default";

/// The rule of a name.
const NAME_RULE: &str =
    "a profile is named by letters, digits, `_` and `-`, and not `default`, which is the settings of the service";

/// The profiles of a service, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profiles {
    named: BTreeMap<ProfileName, Profile>,
    /// The profile of a session that names none.
    default: Profile,
}

impl Profiles {
    /// Reads all files `*.toml` of a folder. Fails with file, line and key of the first fault. `isolated` is false where sessions
    /// have no limits of their own. Blocks.
    pub fn read(folder: &Path, isolated: bool) -> Result<Self, ProfileError> {
        let broken = |error: io::Error| ProfileError::Folder { folder: folder.to_owned(), reason: error.to_string() };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(broken)? {
            let path = entry.map_err(broken)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                files.push(path);
            }
        }
        if files.len() > MAX_PROFILES {
            return Err(ProfileError::TooMany { folder: folder.to_owned(), most: MAX_PROFILES });
        }
        files.sort();
        let mut named = BTreeMap::new();
        for path in files {
            let name = path.file_stem().and_then(|stem| stem.to_str()).map(ProfileName::new);
            let name = name.and_then(Result::ok).filter(|name| name.as_str() != DEFAULT);
            let name = name.ok_or_else(|| ProfileError::File { file: path.clone(), reason: NAME_RULE.into() })?;
            named.insert(name, file::parse(&path, &text(&path)?, isolated)?);
        }
        Ok(Self { named, default: Profile::default() })
    }

    /// The profile of this name; without one, that of every session.
    pub fn find(&self, name: Option<&ProfileName>) -> Result<&Profile, UnknownProfileError> {
        match name {
            None => Ok(&self.default),
            Some(name) => self.named.get(name).ok_or_else(|| UnknownProfileError(name.clone())),
        }
    }

    /// Number of profiles.
    pub fn count(&self) -> usize {
        self.named.len()
    }
}

fn text(file: &Path) -> Result<String, ProfileError> {
    let refused = |reason| ProfileError::File { file: file.to_owned(), reason };
    let text = read(file).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(refused(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
