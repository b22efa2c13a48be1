//! The program in the terminal while a recording is played: prints what was printed, when it was printed, and waits for each key
//! that was pressed, so that what answers a key answers it here too. It is this program, started by the session's shell.

use super::cast::{Cast, Kind};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink, stdin, stdout};
use tokio::time::{Instant, sleep_until, timeout};

/// Printed when it waits for [`GO`].
pub(crate) const READY: &str = "[ready]";

/// A key that begins the recording.
pub(crate) const GO: &str = "\r";

/// Printed at the end: the title of a window, so that no recorded program prints the same.
pub(crate) const PLAYED: &str = "\u{1b}]2;played\u{7}";

/// A recorded key must be pressed within this time of its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to type at a prompt. The shell is replaced, and with it whatever it does at prompts.
pub(crate) fn command_line(cast: &Path) -> String {
    let own = std::env::current_exe().expect("a program knows its own path");
    format!("exec '{}' --play '{}'\r", own.display(), cast.display())
}

/// Plays a recording in this terminal, and stays until that is closed.
pub(crate) async fn run(path: &Path) -> io::Result<()> {
    let (cast, terminal) = (Cast::read(path), Terminal::of_this_program()?);
    terminal.set("")?;
    let mut stage = Stage { input: stdin(), typed: Vec::new(), screen: stdout() };
    stage.print(READY).await?;
    stage.wait_for(GO).await?;
    stage.play(&cast, |modes| terminal.set(modes)).await?;
    copy(&mut stage.input, &mut sink()).await.map(drop)
}

/// The modes of the terminal that this program was started in.
struct Terminal(Termios);

impl Terminal {
    fn of_this_program() -> io::Result<Self> {
        Ok(Self(tcgetattr(io::stdin())?))
    }

    /// Recorded output is printed as it is, whatever the modes; they only show.
    fn set(&self, modes: &str) -> io::Result<()> {
        let mut termios = self.0.clone();
        termios.make_raw();
        for (name, flag) in [("echo", LocalModes::ECHO), ("canonical", LocalModes::ICANON)] {
            termios.local_modes.set(flag, modes.split(' ').any(|mode| mode == name));
        }
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &termios)?)
    }
}

/// Where a recording is played.
struct Stage<R, W> {
    input: R,
    /// What was typed and not played yet. Not all of it was recorded: the terminal itself answers some of what programs ask.
    typed: Vec<u8>,
    screen: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Stage<R, W> {
    /// Plays one event after the other. Time counts from the last key: whatever came of it, comes as long after it.
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
        self.print(PLAYED).await
    }

    async fn print(&mut self, text: &str) -> io::Result<()> {
        self.screen.write_all(text.as_bytes()).await?;
        self.screen.flush().await
    }

    /// Waits for a key, and takes it with whatever came before it.
    async fn wait_for(&mut self, key: &str) -> io::Result<()> {
        loop {
            if let Some(at) = self.typed.windows(key.len()).position(|window| window == key.as_bytes()) {
                self.typed.drain(..at + key.len());
                return Ok(());
            }
            if timeout(PATIENCE, self.input.read_buf(&mut self.typed)).await?? == 0 {
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
        Cast { events: events.to_vec(), ..Cast::nothing(Duration::ZERO) }
    }

    /// What is printed, and the modes, when this is typed; and whether it was played to the end.
    async fn played(input: &[u8]) -> (String, String, bool) {
        let mut stage = Stage { input, typed: Vec::new(), screen: Vec::new() };
        let (cast, mut seen) = (cast(), String::new());
        let ended = stage.play(&cast, |modes| {
            seen.push_str(modes);
            Ok(())
        });
        let ended = ended.await.is_ok();
        (String::from_utf8(stage.screen).expect("text"), seen, ended)
    }

    #[tokio::test]
    async fn what_answers_a_key_waits_for_it() {
        assert_eq!(played(b"").await, ("$ ".to_owned(), String::new(), false));
        assert_eq!(played(b"x").await, ("$ ".to_owned(), String::new(), false));
        assert_eq!(played(b"l").await, ("$ L".to_owned(), "echo".to_owned(), false));
        assert_eq!(played(b"l\r").await, (format!("$ L{PLAYED}"), "echo".to_owned(), true));
    }

    #[tokio::test]
    async fn what_the_terminal_answers_by_itself_is_passed_over() {
        let (input, mut keys) = duplex(64);
        let (mut seen, screen) = duplex(64);
        let mut stage = Stage { input, typed: Vec::new(), screen };
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
        let (played, printed) = tokio::join!(stage.play(&cast, modes), typist);
        assert_eq!((played.is_ok(), printed.ok()), (true, Some(*b"$ L")));
    }
}
