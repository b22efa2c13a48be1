//! Settings of recordings.

use super::env::{ConfigError, Env, REDACTED, invalid};
use crate::recording::{Bucket, Recorded, RecordingSettings, RecordingsPlace};

pub(super) fn read(env: &Env<'_>) -> Result<RecordingSettings, ConfigError> {
    let default = RecordingSettings::default();
    let recorded = match env.text("RECORDINGS").as_deref() {
        None | Some("asked") => Recorded::Asked,
        Some("all") => Recorded::All,
        Some("none") => Recorded::None,
        Some(other) => return Err(invalid("RECORDINGS", "`asked`, `all` or `none`", other)),
    };
    let place = match env.text("RECORDINGS_URL") {
        Some(url) => place(env, &url)?,
        None => default.place,
    };
    Ok(RecordingSettings {
        recorded,
        place,
        required: env.flag("RECORDING_REQUIRED")?,
        input: env.flag("RECORD_INPUT")?,
        owner_deletes: env.flag("RECORDINGS_OWNER_DELETES")?,
        max_bytes: env.positive("RECORDING_MAX_BYTES", default.max_bytes)?,
        total_bytes: env.parsed("RECORDINGS_MAX_BYTES", "a whole number", default.total_bytes)?,
        days: env.positive("RECORDINGS_DAYS", u64::from(default.days))? as u32,
    })
}

fn place(env: &Env<'_>, url: &str) -> Result<RecordingsPlace, ConfigError> {
    let expected =
        "an address like file:///folder or s3://bucket/folder?region=eu-central-1&endpoint=https://s3.example";
    let bad = || invalid("RECORDINGS_URL", expected, url);
    if let Some(folder) = url.strip_prefix("file://") {
        let is_folder = folder.starts_with('/') && folder.len() > 1;
        return if is_folder { Ok(RecordingsPlace::Folder(folder.into())) } else { Err(bad()) };
    }
    let (path, query) = url.strip_prefix("s3://").ok_or_else(bad)?.split_once('?').unwrap_or((&url[5..], ""));
    let (bucket, folder) = path.split_once('/').unwrap_or((path, ""));
    let (mut region, mut endpoint) = ("us-east-1", None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').ok_or_else(bad)? {
            ("region", value) => region = value,
            ("endpoint", value) if value.starts_with("https://") || value.starts_with("http://") => {
                endpoint = Some(value.to_owned());
            }
            _ => return Err(bad()),
        }
    }
    if bucket.is_empty() || region.is_empty() {
        return Err(bad());
    }
    // Not those of the machine, which a session might use too.
    let reason = "RECORDINGS_URL is a bucket, which is written with credentials of its own";
    let name = "RECORDINGS_CREDENTIALS";
    let credentials = env.text(name).ok_or(ConfigError::Missing { name, reason })?;
    let (access_key, secret_key) = credentials
        .split_once(':')
        .filter(|(key, secret)| !key.is_empty() && !secret.is_empty())
        .ok_or_else(|| invalid(name, "an access key and its secret, with a colon between them", REDACTED))?;
    Ok(RecordingsPlace::Bucket(Bucket {
        bucket: bucket.into(),
        folder: folder.into(),
        endpoint,
        region: region.into(),
        access_key: access_key.into(),
        secret_key: secret_key.into(),
    }))
}
