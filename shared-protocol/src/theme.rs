//! Colours of a page, which answer programs that ask for their terminal's.

use serde::{Deserialize, Serialize};

/// Colours of a page's terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Theme {
    /// Colour of text.
    pub foreground: Colour,
    /// Colour behind it.
    pub background: Colour,
    /// Colour of the cursor.
    pub cursor: Colour,
    /// The sixteen colours that have names, from black to bright white.
    #[cfg_attr(feature = "typescript", ts(type = "string[]"))]
    pub palette: [Colour; 16],
}

/// Red, green and blue; in JSON `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = |digits: &&str| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let digits = text.strip_prefix('#').filter(is_hex);
        let colour = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] =
            colour.map(u32::to_be_bytes).ok_or_else(|| format!("`{text}` is no colour: `#rrggbb` is one"))?;
        Ok(Self([red, green, blue]))
    }
}

impl From<Colour> for String {
    fn from(Colour([red, green, blue]): Colour) -> Self {
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_a_hash_sign_and_six_digits() {
        assert_eq!(Colour::try_from("#0aFf80".to_owned()), Ok(Colour([10, 255, 128])));
        assert_eq!(String::from(Colour([10, 255, 128])), "#0aff80");
        for wrong in ["", "#", "#fff", "0aff80", "#0aff8", "#0aff800", "#0aff8g", "#0aff80ff", "#\u{e9}0000", "#+1+1+1"]
        {
            assert!(Colour::try_from(wrong.to_owned()).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
