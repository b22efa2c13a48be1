//! User actions: typing, commands, resizing, chat, closing.

use super::{Terminal, unique_id};
use shared_protocol::{ServerMessage, StreamEvent};

impl Terminal {
    pub async fn type_text(&mut self, text: &str) {
        self.client.keys(text);
        self.flush().await;
    }

    /// Types a line at a prompt, and waits until the program runs.
    pub async fn run(&mut self, line: &str) {
        // Skips earlier lines.
        self.read = self.stream.bytes.len();
        // Before a command prints, the line editor may not have given the terminal back: a program would miss keys.
        self.type_text(&format!("echo sta\"rt\"ed; {line}\r")).await;
        self.expect("started\r\n").await;
    }

    /// Sends Ctrl-C as a page does: ahead of queued input.
    pub async fn interrupt(&mut self) {
        self.client.interrupt();
        self.flush().await;
    }

    pub async fn resize(&mut self, cols: u16, rows: u16) {
        self.client.resize(cols, rows);
        self.flush().await;
    }

    /// Runs a command line with `command`. Returns its output and exit code.
    pub async fn command(&mut self, line: &str) -> (String, i32) {
        let id = self.start_command(line).await;
        self.wait(&format!("the result of {line:?}"), |terminal| {
            let refusal = terminal.take(|reply| match reply {
                ServerMessage::Error(error) if error.id.as_ref() == Some(&id) => Some(error.clone()),
                _ => None,
            });
            assert_eq!(refusal, None, "{line:?} was refused");
            terminal.event(|event| match event {
                StreamEvent::CommandResult { id: done, result, exit_code, .. } if *done == id => {
                    Some((result.clone(), *exit_code))
                }
                _ => None,
            })
        })
        .await
    }

    /// Sends `command` without waiting. Returns its id.
    pub async fn start_command(&mut self, line: &str) -> String {
        let id = unique_id();
        self.client.command(&id, line);
        self.flush().await;
        id
    }

    pub async fn chat(&mut self, message: &str) {
        self.client.chat(message);
        self.flush().await;
    }

    pub async fn close_session(&mut self) {
        self.client.close();
        self.flush().await;
    }
}
