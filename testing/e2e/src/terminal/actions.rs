//! User actions: typing, commands, resizing, chat, closing.

use super::Terminal;
use shared_protocol::client::{Chat, ChatMessage, Close, Command, Input, Interrupt, Keys, Resize};
use shared_protocol::{ClientMessage, Seq, ServerMessage, StreamEvent};

impl Terminal {
    pub async fn type_text(&mut self, text: &str) -> Seq {
        self.keys(Keys::Data(text.to_owned())).await
    }

    /// Types a line at a prompt, and waits until the program runs.
    pub async fn run(&mut self, line: &str) {
        // Skips prompt marks of earlier lines.
        self.read = self.stream.bytes.len();
        self.type_text(&format!("{line}\r")).await;
        self.expect("\u{1b}]133;C").await;
        self.expect("\u{7}").await;
    }

    /// Sends keys in either encoding.
    pub async fn keys(&mut self, keys: Keys) -> Seq {
        let (seq, epoch) = self.next();
        let ack = self.acknowledge();
        self.send_ordered(seq, &ClientMessage::Input(Input { seq, epoch, keys, ack })).await;
        seq
    }

    /// Creates an input message per text, and sends them in the order of these indexes, which may repeat.
    pub async fn type_shuffled(&mut self, texts: &[&str], order: &[usize]) {
        let messages: Vec<_> = texts
            .iter()
            .map(|text| {
                let (seq, epoch) = self.next();
                ClientMessage::Input(Input { seq, epoch, keys: Keys::Data((*text).to_owned()), ack: None })
            })
            .collect();
        for &index in order {
            self.send(&messages[index]).await;
        }
    }

    /// Sends Ctrl-C as a page does: ahead of queued input.
    pub async fn interrupt(&mut self) {
        let (seq, epoch) = self.next();
        let after_seq = Seq(seq.0 - 1);
        self.send_ordered(seq, &ClientMessage::Interrupt(Interrupt { seq, epoch, after_seq })).await;
    }

    pub async fn resize(&mut self, cols: u16, rows: u16) {
        self.size = (cols, rows);
        let (seq, epoch) = self.next();
        self.send_ordered(seq, &ClientMessage::Resize(Resize { seq, epoch, cols, rows })).await;
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
        let (seq, epoch) = self.next();
        let id = format!("{}-{seq}", self.client);
        let command = Command { seq, epoch, id: id.clone(), command: line.to_owned() };
        self.send_ordered(seq, &ClientMessage::Command(command)).await;
        id
    }

    pub async fn chat(&mut self, message: &str) {
        let (seq, epoch) = self.next();
        let data = Chat { message: message.to_owned() };
        self.send_ordered(seq, &ClientMessage::ChatMessage(ChatMessage { seq, epoch, data })).await;
    }

    pub async fn close_session(&mut self) {
        let (seq, epoch) = self.next();
        self.send_ordered(seq, &ClientMessage::Close(Close { seq, epoch })).await;
    }
}
