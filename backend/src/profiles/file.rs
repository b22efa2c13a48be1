//! One file of a profile: its keys, and the rules for their values.

use super::error::ProfileError;
use super::profile::Profile;
use crate::terminal::{SessionLimits, is_own_variable};
use serde::Deserialize;
use shared_protocol::text::is_directory;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

const MEGABYTE: u64 = 1024 * 1024;

/// Most megabytes of a quota: their bytes are a number of JavaScript.
const MAX_MEGABYTES: u64 = 1 << 30;

/// Most processes of a quota: more than Linux has.
const MAX_PROCESSES: u64 = 1 << 22;

/// Most seconds of a start script: its user waits for the shell.
const MAX_START_SECONDS: u64 = 3600;

/// The rule of a directory.
const DIRECTORY_RULE: &str = "must be an absolute path, or one below `~/`, of at most 1,024 bytes";

/// Beginnings of variables that change how programs are loaded: the launcher runs as root with the shell's environment.
const LOADER_VARIABLES: [&str; 4] = ["LD_", "GLIBC_", "MALLOC_", "GCONV_"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    shell: Option<Spanned<String>>,
    #[serde(default)]
    environment: BTreeMap<String, Spanned<String>>,
    directory: Option<Spanned<String>>,
    start: Option<Spanned<String>>,
    start_timeout: Option<Spanned<u64>>,
    message: Option<Spanned<String>>,
    network: Option<Spanned<bool>>,
    #[serde(default)]
    quotas: Quotas,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Quotas {
    memory_mb: Option<Spanned<u64>>,
    disk_mb: Option<Spanned<u64>>,
    processes: Option<Spanned<u64>>,
}

/// The place of a fault, for its sentence.
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// Line of an offset, from 1, and the key at its begin.
    fn place(&self, offset: usize) -> (usize, Option<String>) {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let before = &self.text[..offset];
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[begin..].lines().next().unwrap_or_default();
        let key = line.split_once('=').map(|(key, _)| key.trim().to_owned()).filter(|key| !key.is_empty());
        (before.matches('\n').count() + 1, key)
    }

    fn syntax(&self, error: &toml::de::Error) -> ProfileError {
        let (line, key) = self.place(error.span().map_or(0, |span| span.start));
        let (file, reason) = (self.file.to_owned(), error.message().replace('\n', "; "));
        match key {
            Some(key) => ProfileError::Key { file, line, key, reason },
            None => ProfileError::Syntax { file, line, reason },
        }
    }

    fn refused(&self, key: &str, offset: usize, reason: impl Into<String>) -> ProfileError {
        let (line, _) = self.place(offset);
        ProfileError::Key { file: self.file.to_owned(), line, key: key.to_owned(), reason: reason.into() }
    }

    /// The value, if it is one of those that are allowed.
    fn checked<T>(
        &self,
        key: &str,
        value: Option<Spanned<T>>,
        is_allowed: impl Fn(&T) -> bool,
        reason: &str,
    ) -> Result<Option<T>, ProfileError> {
        let Some(value) = value else { return Ok(None) };
        let offset = value.span().start;
        let value = value.into_inner();
        if is_allowed(&value) { Ok(Some(value)) } else { Err(self.refused(key, offset, reason)) }
    }
}

/// The profile of a file. Sessions that are not `isolated` have no quota and no network of their own.
pub(super) fn parse(file: &Path, text: &str, isolated: bool) -> Result<Profile, ProfileError> {
    let source = Source { file, text };
    let File { shell, environment, directory, start, start_timeout, message, network, quotas } =
        toml::from_str(text).map_err(|error| source.syntax(&error))?;
    let is_path = |path: &String| path.starts_with('/') && !path.contains('\0');
    let is_text = |text: &String| !text.trim().is_empty() && !text.contains('\0');
    let place = shell.as_ref().map_or(0, |shell| shell.span().start);
    let shell = source.checked("shell", shell, is_path, "must be an absolute path")?;
    if let Some(shell) = shell.as_deref().filter(|shell| !is_program(Path::new(shell))) {
        return Err(source.refused("shell", place, format!("there is no program {shell}")));
    }
    let directory = source.checked("directory", directory, |path| below(path).is_some(), DIRECTORY_RULE)?;
    let mut variables = BTreeMap::new();
    for (name, value) in environment {
        let (offset, value) = (value.span().start, value.into_inner());
        if let Some(reason) = refused_variable(&name, &value) {
            return Err(source.refused(&format!("environment.{name}"), offset, reason));
        }
        variables.insert(name, value);
    }
    let needs =
        "only isolated sessions have limits of their own: run the service as root, with a range in SESSION_UIDS";
    let quota = |key: &str, value: Option<Spanned<u64>>, most: u64| {
        let range = format!("must be from 1 to {most}");
        let reason = if isolated { range.as_str() } else { needs };
        source.checked(key, value, |value| isolated && (1..=most).contains(value), reason)
    };
    let limits = SessionLimits {
        memory: quota("quotas.memory_mb", quotas.memory_mb, MAX_MEGABYTES)?.map(|megabytes| megabytes * MEGABYTE),
        disk: quota("quotas.disk_mb", quotas.disk_mb, MAX_MEGABYTES)?.map(|megabytes| megabytes * MEGABYTE),
        processes: quota("quotas.processes", quotas.processes, MAX_PROCESSES)?,
        network: source.checked("network", network, |_| isolated, needs)?,
    };
    let seconds = |seconds: &u64| (1..=MAX_START_SECONDS).contains(seconds);
    let rule = format!("must be from 1 to {MAX_START_SECONDS} seconds");
    Ok(Profile {
        shell,
        environment: variables,
        directory: directory.as_deref().and_then(below),
        start: source.checked("start", start, is_text, "must be a script")?,
        start_timeout: source.checked("start_timeout", start_timeout, seconds, &rule)?.map(Duration::from_secs),
        message: source.checked("message", message, is_text, "must be a text")?,
        limits,
    })
}

/// The directory: absolute, or below home.
fn below(path: &str) -> Option<PathBuf> {
    match path.strip_prefix("~/") {
        Some(below) => is_directory(&format!("/{below}")).then(|| below.into()),
        None => is_directory(path).then(|| path.into()),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Why a variable may not be set.
fn refused_variable(name: &str, value: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !is_name(name) {
        return Some("is no name of a variable");
    }
    if LOADER_VARIABLES.iter().any(|begin| name.starts_with(begin)) {
        return Some("changes how programs are loaded, also those that start the shell as root");
    }
    if is_own_variable(name) {
        return Some("is set by the service");
    }
    value.contains('\0').then_some("must not hold a zero byte")
}
