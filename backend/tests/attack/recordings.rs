//! A student reaches no recording, not even the own one, but over HTTP; and a full disk harms no shell.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Harness, says};
use crate::support::until;
use backend::metrics::Metrics;
use backend::recording::{Happening, Meta, RecordingSettings, Recordings, RecordingsPlace};
use shared_protocol::{Epoch, SessionId};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[tokio::test]
async fn the_folder_of_recordings_is_closed_to_sessions() {
    let home = crate::harness::state();
    let folder = home.path().join("recordings");
    let url = format!("file://{}", folder.display());
    let harness = Harness::configured(&[("RECORDINGS", "all"), ("RECORDINGS_URL", &url)], |_| {}).await;
    let mut eve = harness.shell("eve").await;
    says(&mut eve, "echo hello").await;
    until("the recording", async || folder.read_dir().is_ok_and(|mut found| found.next().is_some())).await;
    let folder = folder.display();
    for line in [
        format!("ls {folder}"),
        format!("touch {folder}/x"),
        format!("mv {folder} {folder}-gone"),
        format!("find {folder} -type f | grep -q ."),
    ] {
        let (output, code) = eve.command(&format!("{{ {line}; }} 2>/dev/null")).await;
        assert!(code != 0 && output.is_empty(), "{line}: {output}");
    }
    harness.assert_healthy().await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_folder_that_was_open_to_all_is_closed_before_the_first_shell() {
    let home = crate::harness::state();
    let folder = home.path().join("recordings");
    let session = folder.join("0".repeat(64));
    let recording = session.join("17");
    let part = recording.join("0000000000000001-000001-0-1.cast");
    std::fs::create_dir_all(&recording).unwrap();
    std::fs::write(&part, "the password").unwrap();
    for (path, mode) in [(&folder, 0o755), (&session, 0o755), (&recording, 0o755), (&part, 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // Eve herself is not recorded.
    let url = format!("file://{}", folder.display());
    let harness = Harness::configured(&[("RECORDINGS_URL", &url)], |_| {}).await;
    let mut eve = harness.shell("eve").await;
    let (output, code) = eve.command(&format!("cat {} 2>/dev/null", part.display())).await;
    assert!(code != 0 && output.is_empty(), "{output}");
    harness.service.stop().await;
}

/// A file system of this size, which is gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &options, "none"], folder.path());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let done = Command::new(program).args(arguments).arg(folder).status().unwrap();
    assert!(done.success(), "{program}: {done}");
}

#[tokio::test]
async fn a_full_disk_makes_a_gap_and_the_recording_goes_on_when_it_has_room() {
    let disk = SmallDisk::new("1m");
    let filler = disk.0.path().join("filler");
    let place = RecordingsPlace::Folder(disk.0.path().join("recordings"));
    let metrics = Metrics::new(0);
    let settings = RecordingSettings { place, ..RecordingSettings::default() };
    let recordings = Recordings::open(settings, Arc::clone(&metrics)).unwrap();
    let meta = |id: &str| {
        let session = SessionId::new(id).unwrap();
        Meta { session, sub: "ada".into(), grp: None, started: 0, cols: 80, rows: 24 }
    };
    let recording = recordings.begin(meta("s"), 1, Epoch(1), 0).await.unwrap();
    // Fails with what is left of the disk.
    let _ = std::fs::write(&filler, vec![b'x'; 2 << 20]);
    let fails = async || {
        recording.buffer.push(0, Happening::Output(vec![b'x'; 4096]));
        metrics.recordings.failures.get() > 0
    };
    until("a failure", fails).await;
    let mut refused = 0;
    for _ in 0..20 {
        refused += usize::from(!recording.buffer.push(1, Happening::Output(vec![b'y'; 4096])));
    }
    assert!(refused > 0, "what does not fit is refused at once");
    recordings.begin(meta("t"), 1, Epoch(1), 0).await.unwrap_err();
    std::fs::remove_file(&filler).unwrap();
    until("the parts", async || metrics.recordings.parts.get() >= 1).await;
    recording.finish().await;
    recordings.begin(meta("t"), 1, Epoch(1), 0).await.unwrap().finish().await;
}
