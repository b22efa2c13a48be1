//! The shell of a session: that of all sessions, with what its profile says.

use super::handle::SessionError;
use super::registry::ShellSettings;
use crate::profiles::Profile;
use crate::store::Creator;
use crate::terminal::{Nonce, Preparation, ShellSpec, Size, environment};
use shared_protocol::ErrorCode;
use std::path::PathBuf;

impl ShellSettings {
    /// The profile of a session. Fails if this service has none of that name: the token, or another version of the service, named
    /// it.
    pub(super) fn profile_of(&self, creator: &Creator) -> Result<&Profile, SessionError> {
        let found = self.profiles.find(creator.profile.as_ref());
        found.map_err(|unknown| SessionError::new(ErrorCode::Forbidden, unknown.to_string()))
    }

    /// The shell with this profile. `asked` is the directory that a page asked for, which comes before the profile's.
    pub(super) fn shell_with(&self, profile: &Profile, asked: Option<PathBuf>, size: Size, nonce: &Nonce) -> ShellSpec {
        let Profile { shell, environment: variables, directory, start, start_timeout, message, limits } =
            profile.clone();
        let shell = shell.unwrap_or_else(|| self.shell.clone());
        let mut environment = environment(&self.user, &self.home.to_string_lossy(), &shell, nonce);
        environment.extend(variables);
        let inner = directory.clone().filter(|_| asked.is_none());
        let preparation = Preparation { start, start_timeout, message, directory: inner };
        ShellSpec {
            shell,
            environment,
            directory: self.home.clone(),
            asked_directory: asked.or(directory),
            preparation,
            limits,
            size,
            nonce: nonce.clone(),
        }
    }
}
