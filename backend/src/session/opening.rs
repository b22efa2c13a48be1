//! Starts a session's shell within a time: what it needs may be on a file system that hangs.

use super::termination::sweep;
use crate::terminal::{Pty, ShellSpawner, ShellSpec};
use shared_protocol::SessionId;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Time for the start of a shell. Below API Gateway's 29 s, and above the time in which a sandbox tries again.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts a shell. One that comes too late is ended.
pub(super) async fn open(
    shells: Arc<dyn ShellSpawner>,
    spec: ShellSpec,
    session: &SessionId,
) -> io::Result<Box<dyn Pty>> {
    let mut opening = spawn_blocking(move || shells.spawn(&spec));
    if let Ok(opened) = timeout(OPEN_TIMEOUT, &mut opening).await {
        return opened.map_err(io::Error::other).flatten();
    }
    let session = session.clone();
    tokio::spawn(async move {
        if let Ok(Ok(late)) = opening.await {
            sweep(&session, &*late.processes()).await;
        }
    });
    Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::scripted::ScriptedSpawner;
    use crate::terminal::{Nonce, Size};
    use parking_lot::Mutex;
    use std::collections::BTreeMap;
    use std::sync::mpsc::{Receiver, channel};
    use tokio::task::yield_now;
    use tokio::time::{advance, sleep};

    /// Starts a shell only when it is told to.
    struct Slow {
        shells: ScriptedSpawner,
        told: Mutex<Receiver<()>>,
    }

    impl ShellSpawner for Slow {
        fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
            self.told.lock().recv().map_err(io::Error::other)?;
            self.shells.spawn(spec)
        }

        fn isolation(&self) -> &'static str {
            "none"
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shell_that_comes_too_late_is_ended() {
        let (tell, told) = channel();
        let shells = ScriptedSpawner::default();
        let slow = Arc::new(Slow { shells: shells.clone(), told: Mutex::new(told) });
        let spec = ShellSpec {
            shell: "/bin/bash".into(),
            environment: BTreeMap::new(),
            directory: "/".into(),
            size: Size { cols: 80, rows: 24 },
            nonce: Nonce::new([7; 16]),
        };
        let opening = tokio::spawn(async move { open(slow, spec, &SessionId::new("s").unwrap()).await.map(drop) });
        yield_now().await;
        advance(OPEN_TIMEOUT + Duration::from_millis(1)).await;
        assert_eq!(opening.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        tell.send(()).unwrap();
        let ended = async {
            while shells.last().is_none_or(|mut late| Pty::exit(&mut late).is_none()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), ended).await.unwrap();
    }
}
