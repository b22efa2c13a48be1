//! A Lambda function's process for tests: its runtime follows the instructions in the event, including misbehaviour. It
//! uses only the standard library for HTTP, so that it shares no mistake with the endpoint.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

/// One connection to the Runtime API.
struct Runtime {
    addr: String,
    stream: BufReader<TcpStream>,
}

impl Runtime {
    fn connect(addr: String) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(&addr)?);
        Ok(Self { addr, stream })
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> io::Result<(BTreeMap<String, String>, Value)> {
        let (addr, length) = (&self.addr, body.len());
        let head =
            format!("{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {addr}\r\ncontent-length: {length}\r\n\r\n");
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                headers.insert(name.to_lowercase(), value.to_owned());
            }
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((headers, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

#[expect(clippy::disallowed_methods, reason = "a process is configured by its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let mut runtime = Runtime::connect(variable("AWS_LAMBDA_RUNTIME_API").unwrap_or_default())?;
    match variable("FAKE_INIT").as_deref() {
        Some("error") => {
            runtime.call("POST", "init/error", r#"{"errorType":"Init.Broken","errorMessage":"no config"}"#)?;
            return Ok(());
        }
        Some("exit") => std::process::exit(7),
        _ => {}
    }
    loop {
        let (headers, event) = runtime.call("GET", "invocation/next", "")?;
        let id = headers.get("lambda-runtime-aws-request-id").cloned().unwrap_or_default();
        // A gateway's client sends the instructions in its message.
        let message = event["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
        let instructions: Value = message.unwrap_or_else(|| event.clone());
        let (kind, body) = match instructions["do"].as_str() {
            Some("fail") => ("error", json!({"errorType": "Fake.Error", "errorMessage": "as told"})),
            Some("exit") => std::process::exit(3),
            Some("hang") => loop {
                std::thread::park();
            },
            Some("spin") => loop {
                std::hint::spin_loop();
            },
            Some("allocate") => {
                let mb = instructions["mb"].as_u64().unwrap_or_default();
                let memory = std::hint::black_box(vec![1_u8; (mb as usize) << 20]);
                ("response", json!({"allocated": memory.len() >> 20}))
            }
            Some("say_twice") => {
                runtime.call("POST", "invocation/unknown/response", "{}")?;
                ("response", json!({"statusCode": 200}))
            }
            Some("wait") => {
                // Connecting reports the start; the close of the other side ends the wait.
                let mut gate = TcpStream::connect(instructions["gate"].as_str().unwrap_or_default())?;
                gate.read_to_end(&mut Vec::new())?;
                ("response", json!({"statusCode": 200, "pid": std::process::id()}))
            }
            _ => {
                let environment: BTreeMap<String, String> = std::env::vars().collect();
                let (pid, directory) = (std::process::id(), std::env::current_dir()?);
                (
                    "response",
                    json!({"statusCode": 200, "pid": pid, "headers": headers, "environment": environment, "event": event,
                        "directory": directory}),
                )
            }
        };
        runtime.call("POST", &format!("invocation/{id}/{kind}"), &body.to_string())?;
    }
}
