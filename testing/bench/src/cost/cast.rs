//! A terminal recording: asciicast v2, a line of JSON for each event. Source: docs.asciinema.org/manual/asciicast/v2.

use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "i")]
    Input,
    #[serde(rename = "o")]
    Output,
    /// A change of the terminal's modes: a marker that lists those of `echo` and `canonical` that are on.
    #[serde(rename = "m")]
    Modes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Time since the start.
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    pub(crate) data: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cast {
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) duration: Duration,
    pub(crate) events: Vec<Event>,
}

#[derive(Deserialize)]
struct Header {
    width: u16,
    height: u16,
    duration: f64,
}

impl Cast {
    /// A recording without events.
    pub(crate) fn idle(duration: Duration) -> Self {
        Self { size: (120, 40), duration, events: Vec::new() }
    }

    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> serde_json::Result<Self> {
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next().unwrap_or_default())?;
        let event = |line: &str| {
            let (at, kind, data): (f64, Kind, String) = serde_json::from_str(line)?;
            Ok(Event { at: Duration::from_secs_f64(at), kind, data })
        };
        Ok(Self {
            size: (header.width, header.height),
            duration: Duration::from_secs_f64(header.duration),
            events: lines.map(event).collect::<serde_json::Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_events() {
        let text = "{\"version\": 2, \"width\": 80, \"height\": 24, \"duration\": 2.5}\n[0.25, \"m\", \"echo\"]\n[1, \"i\", \"\\r\"]\n";
        let cast = Cast::parse(text).expect("it is one");
        assert_eq!((cast.size, cast.duration), ((80, 24), Duration::from_millis(2500)));
        let event = |ms, kind, data: &str| Event { at: Duration::from_millis(ms), kind, data: data.to_owned() };
        assert_eq!(cast.events, [event(250, Kind::Modes, "echo"), event(1000, Kind::Input, "\r")]);
        assert!(Cast::parse(&text.replace("\"i\"", "\"x\"")).is_err());
    }
}
