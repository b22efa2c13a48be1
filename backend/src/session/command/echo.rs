//! Tells the echo of keys from what a line editor prints of itself.

/// True if this output has a character that is seen. Behind a prompt, fish clears the line and moves the cursor: that is no echo.
pub(super) fn is_seen(mut output: &[u8]) -> bool {
    while let [first, rest @ ..] = output {
        output = match (first, rest) {
            (0x1b, [b'[', parameters @ ..]) => {
                let end = parameters.iter().position(|byte| matches!(byte, 0x40..=0x7e));
                &parameters[end.map_or(parameters.len(), |end| end + 1)..]
            }
            (0..0x20 | 0x7f, rest) => rest,
            _ => return true,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_and_controls_are_not_seen() {
        for output in ["", "\x1b[K\r\x1b[11C", "\r\r\n", "\x1b[", "\x1b"] {
            assert!(!is_seen(output.as_bytes()), "{output:?}");
        }
        for output in ["x", " ", "\x1b[Kx", "\x1b[1m\u{e9}"] {
            assert!(is_seen(output.as_bytes()), "{output:?}");
        }
    }
}
