//! What a person at a terminal does: types, runs, resizes, says something, ends it.

use super::Terminal;
use shared_protocol::client::{Chat, ChatMessage, Close, Command, Input, Interrupt, Keys, Resize};
use shared_protocol::{ClientMessage, Seq, ServerMessage, StreamEvent};

impl Terminal {
    /// Types.
    pub async fn type_text(&mut self, text: &str) -> Seq {
        self.keys(Keys::Data(text.to_owned())).await
    }

    /// Types a line at a prompt, and waits until the shell has taken it: what is typed next is for the program.
    pub async fn run(&mut self, line: &str) {
        // Marks of earlier lines are no answer to this one.
        self.read = self.stream.bytes.len();
        self.type_text(&format!("{line}\r")).await;
        self.expect("\u{1b}]133;C").await;
        self.expect("\u{7}").await;
    }

    /// Types, in one of the spellings of keys.
    pub async fn keys(&mut self, keys: Keys) -> Seq {
        let (seq, epoch) = self.next();
        let ack = self.acknowledge();
        self.send_ordered(seq, &ClientMessage::Input(Input { seq, epoch, keys, ack })).await;
        seq
    }

    /// Types several messages, but sends them in another order, given by their indexes; an index may come twice.
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

    /// Ctrl-C as a page sends it: ahead of what was typed before it.
    pub async fn interrupt(&mut self) {
        let (seq, epoch) = self.next();
        let after_seq = Seq(seq.0 - 1);
        self.send_ordered(seq, &ClientMessage::Interrupt(Interrupt { seq, epoch, after_seq })).await;
    }

    /// The window has a new size.
    pub async fn resize(&mut self, cols: u16, rows: u16) {
        self.size = (cols, rows);
        let (seq, epoch) = self.next();
        self.send_ordered(seq, &ClientMessage::Resize(Resize { seq, epoch, cols, rows })).await;
    }

    /// Runs a command line in the shell, and waits for its result: what it printed, and its exit code.
    pub async fn command(&mut self, line: &str) -> (String, i32) {
        let (seq, epoch) = self.next();
        let id = format!("{}-{seq}", self.client);
        let command = Command { seq, epoch, id: id.clone(), command: line.to_owned() };
        self.send_ordered(seq, &ClientMessage::Command(command)).await;
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

    /// Asks for a command without waiting for it; its id.
    pub async fn start_command(&mut self, line: &str) -> String {
        let (seq, epoch) = self.next();
        let id = format!("{}-{seq}", self.client);
        let command = Command { seq, epoch, id: id.clone(), command: line.to_owned() };
        self.send_ordered(seq, &ClientMessage::Command(command)).await;
        id
    }

    /// Says something to everyone.
    pub async fn chat(&mut self, message: &str) {
        let (seq, epoch) = self.next();
        let data = Chat { message: message.to_owned() };
        self.send_ordered(seq, &ClientMessage::ChatMessage(ChatMessage { seq, epoch, data })).await;
    }

    /// Ends the session.
    pub async fn close_session(&mut self) {
        let (seq, epoch) = self.next();
        self.send_ordered(seq, &ClientMessage::Close(Close { seq, epoch })).await;
    }
}
