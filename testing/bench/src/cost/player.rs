//! Replays a recording inside the session's terminal: prints the recorded output at the recorded times, and waits for each
//! recorded key, so that output that answers a key follows it here too. The session's shell starts it as `bench --play`.

use super::cast::{Cast, Kind};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink, stdin, stdout};
use tokio::time::{Instant, sleep_until, timeout};

/// Printed before the wait for [`GO`].
pub(crate) const READY: &str = "[ready]";

/// The key that starts the recording.
pub(crate) const GO: &str = "\r";

/// Printed at the end: a window title that no recorded program sets.
pub(crate) const FINISHED: &str = "\u{1b}]2;played\u{7}";

/// Longest wait for a recorded key.
const KEY_TIMEOUT: Duration = Duration::from_secs(10);

/// The command to type at a prompt. `exec` replaces the shell, so that it prints no more prompts.
pub(crate) fn command_line(cast: &Path) -> String {
    let own = std::env::current_exe().expect("a program knows its own path");
    format!("exec '{}' --play '{}'\r", own.display(), cast.display())
}

/// Plays a recording in this terminal, then waits until the terminal is closed.
pub(crate) async fn run(path: &Path) -> io::Result<()> {
    let (cast, terminal) = (Cast::read(path), tcgetattr(io::stdin())?);
    set_modes(&terminal, "")?;
    let mut player = Player { input: stdin(), typed: Vec::new(), screen: stdout() };
    player.print(READY).await?;
    player.wait_for(GO).await?;
    player.play(&cast, |modes| set_modes(&terminal, modes)).await?;
    copy(&mut player.input, &mut sink()).await.map(drop)
}

/// Sets the recorded modes on top of raw mode, so that output is printed unchanged.
fn set_modes(terminal: &Termios, modes: &str) -> io::Result<()> {
    let mut termios = terminal.clone();
    termios.make_raw();
    for (name, flag) in [("echo", LocalModes::ECHO), ("canonical", LocalModes::ICANON)] {
        termios.local_modes.set(flag, modes.split(' ').any(|mode| mode == name));
    }
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &termios)?)
}

struct Player<R, W> {
    input: R,
    /// Input that no event has consumed. Includes the terminal's own replies to queries, which were not recorded.
    typed: Vec<u8>,
    screen: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Player<R, W> {
    /// Plays all events. Times are relative to the last key.
    async fn play(&mut self, cast: &Cast, mut modes: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let (mut since, mut began) = (Duration::ZERO, Instant::now());
        for event in &cast.events {
            if event.kind == Kind::Input {
                self.wait_for(&event.data).await?;
                (since, began) = (event.at, Instant::now());
                continue;
            }
            sleep_until(began + event.at.saturating_sub(since)).await;
            match event.kind {
                Kind::Modes => modes(&event.data)?,
                Kind::Input | Kind::Output => self.print(&event.data).await?,
            }
        }
        sleep_until(began + cast.duration.saturating_sub(since)).await;
        self.print(FINISHED).await
    }

    async fn print(&mut self, text: &str) -> io::Result<()> {
        self.screen.write_all(text.as_bytes()).await?;
        self.screen.flush().await
    }

    /// Waits for a key, and discards the input before it.
    async fn wait_for(&mut self, key: &str) -> io::Result<()> {
        loop {
            if let Some(at) = self.typed.windows(key.len()).position(|window| window == key.as_bytes()) {
                self.typed.drain(..at + key.len());
                return Ok(());
            }
            if timeout(KEY_TIMEOUT, self.input.read_buf(&mut self.typed)).await?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::Event;
    use super::*;
    use tokio::io::duplex;

    fn cast() -> Cast {
        let events =
            [(Kind::Output, "$ "), (Kind::Input, "l"), (Kind::Modes, "echo"), (Kind::Output, "L"), (Kind::Input, "\r")];
        let events = events.map(|(kind, data)| Event { at: Duration::ZERO, kind, data: data.to_owned() });
        Cast { events: events.to_vec(), ..Cast::idle(Duration::ZERO) }
    }

    /// The output, the modes, and true if the recording was played to its end.
    async fn played(input: &[u8]) -> (String, String, bool) {
        let mut player = Player { input, typed: Vec::new(), screen: Vec::new() };
        let (cast, mut seen) = (cast(), String::new());
        let ended = player.play(&cast, |modes| {
            seen.push_str(modes);
            Ok(())
        });
        let ended = ended.await.is_ok();
        (String::from_utf8(player.screen).expect("text"), seen, ended)
    }

    #[tokio::test]
    async fn output_waits_for_the_key_before_it() {
        assert_eq!(played(b"").await, ("$ ".to_owned(), String::new(), false));
        assert_eq!(played(b"x").await, ("$ ".to_owned(), String::new(), false));
        assert_eq!(played(b"l").await, ("$ L".to_owned(), "echo".to_owned(), false));
        assert_eq!(played(b"l\r").await, (format!("$ L{FINISHED}"), "echo".to_owned(), true));
    }

    #[tokio::test]
    async fn replies_of_the_terminal_are_skipped() {
        let (input, mut keys) = duplex(64);
        let (mut seen, screen) = duplex(64);
        let mut player = Player { input, typed: Vec::new(), screen };
        let typist = async {
            let mut printed = [0; 3];
            seen.read_exact(&mut printed[..2]).await?;
            keys.write_all(b"\x1b[?1;2c").await?;
            keys.write_all(b"l").await?;
            seen.read_exact(&mut printed[2..]).await?;
            keys.write_all(b"\r").await?;
            io::Result::Ok(printed)
        };
        let (cast, modes) = (cast(), |_: &str| Ok(()));
        let (played, printed) = tokio::join!(player.play(&cast, modes), typist);
        assert_eq!((played.is_ok(), printed.ok()), (true, Some(*b"$ L")));
    }
}
