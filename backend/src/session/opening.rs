//! Starts a session's shell within a time: what it needs may be on a file system that hangs. A start that hangs holds a thread,
//! which none can take back, and processes of sessions are ended on threads of the same pool: so a bounded number is in progress.

use super::termination::sweep;
use crate::terminal::{Pty, ShellSpawner, ShellSpec};
use shared_protocol::SessionId;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

/// Time for the start of a shell. Below API Gateway's 29 s, and above the time in which a sandbox tries again.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts in progress at most: a quarter of a runtime's blocking threads.
const MAX_STARTS: usize = 128;

/// Starts the shells of all sessions.
pub struct Shells {
    /// Makes a shell, and blocks meanwhile.
    spawner: Arc<dyn ShellSpawner>,
    /// Room for starts.
    room: Arc<Semaphore>,
}

impl Shells {
    /// Starts shells by `spawner`.
    pub fn new(spawner: Arc<dyn ShellSpawner>) -> Self {
        Self { spawner, room: Arc::new(Semaphore::new(MAX_STARTS)) }
    }

    /// Starts a shell as soon as there is room. One that comes too late is ended.
    pub(super) async fn open(&self, spec: ShellSpec, session: &SessionId) -> io::Result<Box<dyn Pty>> {
        let until = Instant::now() + OPEN_TIMEOUT;
        let room = timeout_at(until, Arc::clone(&self.room).acquire_owned()).await;
        let room = room.map_err(|_| too_long())?.map_err(io::Error::other)?;
        let spawner = Arc::clone(&self.spawner);
        let mut opening = spawn_blocking(move || {
            let _room = room;
            spawner.spawn(&spec)
        });
        match timeout_at(until, &mut opening).await {
            Ok(opened) => opened.map_err(io::Error::other).flatten(),
            Err(_) => {
                tokio::spawn(end_late(opening, session.clone()));
                Err(too_long())
            }
        }
    }
}

async fn end_late(opening: JoinHandle<io::Result<Box<dyn Pty>>>, session: SessionId) {
    if let Ok(Ok(late)) = opening.await {
        sweep(&session, &*late.processes()).await;
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it took too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::scripted::ScriptedSpawner;
    use crate::terminal::{Nonce, Size};
    use parking_lot::Mutex;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};
    use tokio::task::{JoinSet, yield_now};
    use tokio::time::{advance, sleep, timeout};

    /// Starts a shell only when it is told to.
    struct Slow {
        shells: ScriptedSpawner,
        told: Mutex<Receiver<()>>,
        /// Starts that were begun.
        begun: AtomicUsize,
    }

    impl Slow {
        fn new(shells: &ScriptedSpawner, told: Receiver<()>) -> Arc<Self> {
            Arc::new(Self { shells: shells.clone(), told: Mutex::new(told), begun: AtomicUsize::new(0) })
        }
    }

    fn spec() -> ShellSpec {
        ShellSpec {
            shell: "/bin/bash".into(),
            environment: BTreeMap::new(),
            directory: "/".into(),
            asked_directory: None,
            preparation: Default::default(),
            limits: Default::default(),
            size: Size { cols: 80, rows: 24 },
            nonce: Nonce::new([7; 16]),
        }
    }

    fn id() -> SessionId {
        SessionId::new("s").unwrap()
    }

    impl ShellSpawner for Slow {
        fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
            self.begun.fetch_add(1, Ordering::Relaxed);
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
        let slow = Shells::new(Slow::new(&shells, told));
        let opening = tokio::spawn(async move { slow.open(spec(), &id()).await.map(drop) });
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

    #[tokio::test(start_paused = true)]
    async fn starts_that_hang_hold_a_bounded_number_of_threads() {
        let (tell, told) = channel();
        let slow = Slow::new(&ScriptedSpawner::default(), told);
        let shells = Arc::new(Shells::new(Arc::clone(&slow) as Arc<dyn ShellSpawner>));
        let mut openings = JoinSet::new();
        let mut open = || {
            let shells = Arc::clone(&shells);
            openings.spawn(async move { shells.open(spec(), &id()).await.map(drop) });
        };
        (0..MAX_STARTS).for_each(|_| open());
        // A runtime runs fewer tasks in a turn.
        while shells.room.available_permits() > 0 {
            yield_now().await;
        }
        (0..10).for_each(|_| open());
        yield_now().await;
        advance(OPEN_TIMEOUT + Duration::from_millis(1)).await;
        for opened in openings.join_all().await {
            assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(shells.room.available_permits(), 0, "each thread is still held");
        drop(tell);
        let free = async {
            while shells.room.available_permits() < MAX_STARTS {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), free).await.unwrap();
        assert_eq!(slow.begun.load(Ordering::Relaxed), MAX_STARTS);
    }
}
