//! Says what is wrong with JSON in words for the developer of a client, who need not know how this program reads it.

use serde::de::DeserializeOwned;

/// Longest sentence, in characters: it quotes what the client sent, and must fit into a frame.
const MAX_CHARS: usize = 200;

/// Reads a value of JSON, or says what is wrong with it.
pub fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| {
        // Once more, with the path to the fault: the first reading does without, because it is the usual one.
        let mut again = serde_json::Deserializer::from_slice(json);
        let path = serde_path_to_error::deserialize::<_, T>(&mut again).err().map(|error| error.path().to_string());
        explain(&error, path.as_deref().filter(|path| *path != "."))
    })
}

/// The fault at this place in words.
fn explain(error: &serde_json::Error, path: Option<&str>) -> String {
    if !error.is_data() {
        return format!("the text is not valid JSON at line {}, column {}", error.line(), error.column());
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text);
    let place = path.map_or_else(|| "the value".to_owned(), |path| format!("`{path}`"));
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    let sentence = if let Some(field) = text.strip_prefix("missing field ") {
        format!("{field} is missing")
    } else if let Some(field) = text.strip_prefix("duplicate field ") {
        format!("{field} is given twice")
    } else if let Some(expected) = expected.filter(|_| text.starts_with("invalid ")) {
        match kind(expected) {
            Some("a whole number") if text.starts_with("invalid value") => format!("{place} is out of range"),
            kind => format!("{place} must be {}", kind.unwrap_or("of another kind")),
        }
    } else if let Some(expected) = expected.filter(|_| text.starts_with("unknown variant")) {
        format!("{place} must be {expected}")
    } else {
        path.map_or_else(|| text.to_owned(), |path| format!("`{path}`: {text}"))
    };
    truncate(sentence)
}

/// The word for a kind of value that a reader of numbers, texts and objects expects.
fn kind(expected: &str) -> Option<&'static str> {
    match expected {
        "a string" | "string" | "a borrowed string" => Some("a text"),
        "a boolean" => Some("true or false"),
        "a sequence" => Some("a list"),
        "a map" => Some("an object"),
        "f32" | "f64" => Some("a number"),
        _ if expected.starts_with("struct ") || expected.contains("internally tagged") => Some("an object"),
        _ if expected.trim_start_matches(['u', 'i']).parse::<u8>().is_ok() || expected == "usize" => {
            Some("a whole number")
        }
        _ => None,
    }
}

/// Cuts a sentence to [`MAX_CHARS`].
pub(crate) fn truncate(sentence: String) -> String {
    match sentence.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence,
    }
}
