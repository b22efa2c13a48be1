//! The protocol of Redis (RESP 2), as far as assertions need it: one command, and its answer as text. Own code, so that no
//! client library stands between a test and the server.

use std::io;
use std::pin::Pin;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

/// A connection to a server.
pub(super) struct Connection<S>(BufStream<S>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(BufStream::new(stream))
    }

    /// Sends a command and reads its answer.
    pub(super) async fn ask(&mut self, words: &[&str]) -> io::Result<String> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.0.write_all(command.as_bytes()).await?;
        self.0.flush().await?;
        answer(&mut self.0).await
    }
}

/// Reads one answer. Boxed, because a list holds answers.
fn answer<'a, R: AsyncBufRead + Send + Unpin>(
    reader: &'a mut R,
) -> Pin<Box<dyn Future<Output = io::Result<String>> + Send + 'a>> {
    Box::pin(async move {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| strange(line))?;
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Ok(format!("(error) {rest}")),
            "$" | "*" if rest == "-1" => Ok("(nil)".to_owned()),
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().map_err(|_| strange(line))? + "\r\n".len()];
                reader.read_exact(&mut text).await?;
                text.truncate(text.len() - "\r\n".len());
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            "*" => {
                let mut items = Vec::new();
                for _ in 0..rest.parse::<usize>().map_err(|_| strange(line))? {
                    items.push(answer(reader).await?);
                }
                Ok(items.join("\n"))
            }
            _ => Err(strange(line)),
        }
    })
}

fn strange(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an answer: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> io::Result<String> {
        answer(&mut bytes).await
    }

    #[tokio::test]
    async fn every_kind_of_answer_is_text() {
        assert_eq!(read(b"+OK\r\n").await.unwrap(), "OK");
        assert_eq!(read(b":-12\r\n").await.unwrap(), "-12");
        assert_eq!(read(b"-WRONGTYPE no\r\n").await.unwrap(), "(error) WRONGTYPE no");
        assert_eq!(read(b"$-1\r\n").await.unwrap(), "(nil)");
        assert_eq!(read(b"$6\r\na\r\n\xc3\xa9\r\n").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read("$5\r\na\r\né\r\n".as_bytes()).await.unwrap(), "a\r\né");
        assert_eq!(read(b"$0\r\n\r\n").await.unwrap(), "");
        assert_eq!(read(b"*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n+b\r\n").await.unwrap(), "1\na\n(nil)\nb");
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        assert_eq!(read(b"").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(b"+OK").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(b"*2\r\n:1\r\n").await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(b"what\r\n").await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_command_is_a_list_of_strings() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b"+OK\r\n").await.unwrap();
        assert_eq!(Connection::new(near).ask(&["SET", "ä", ""]).await.unwrap(), "OK");
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$0\r\n\r\n");
    }
}
