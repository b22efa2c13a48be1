//! Headers about files: their digests (RFC 9530) and names (RFC 6266).

use super::error::HttpError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use shared_protocol::ErrorCode;
use std::fmt::Write;

/// Digest of the bytes of a message.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Name of SHA-256 in it.
const ALGORITHM: &str = "sha-256=:";

/// The SHA-256 that a request gives for its body, in hex digits; other digests are ignored.
pub(super) fn expected_digest(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let wrong = || HttpError::new(ErrorCode::BadField, "`Content-Digest` holds no SHA-256: `sha-256=:` base64 `:`");
    let Some(field) = headers.get(CONTENT_DIGEST) else { return Ok(None) };
    let mut digests = field.to_str().map_err(|_| wrong())?.split(',').map(str::trim);
    let Some(digest) = digests.find_map(|digest| digest.strip_prefix(ALGORITHM)) else { return Ok(None) };
    let digest = digest.strip_suffix(':').and_then(|digest| STANDARD.decode(digest).ok());
    digest.filter(|digest| digest.len() == 32).map(hex::encode).map(Some).ok_or_else(wrong)
}

/// The field for a SHA-256 in hex digits; none for other text.
pub(super) fn digest_field(sha256: &str) -> Option<(HeaderName, HeaderValue)> {
    let digest = hex::decode(sha256).ok().filter(|digest| digest.len() == 32)?;
    Some((CONTENT_DIGEST, HeaderValue::try_from(format!("{ALGORITHM}{}:", STANDARD.encode(digest))).ok()?))
}

/// The field for a body that is saved under this name and never shown.
pub(super) fn attachment(name: &str) -> HeaderValue {
    let plain: String = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    let plain = plain.replace(['"', '\\', '%'], "_");
    let mut field = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        field += "; filename*=UTF-8''";
        for byte in name.bytes() {
            // Of RFC 8187's characters, those that no other specification treats as special.
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                field.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(field, "%{byte:02X}");
            }
        }
    }
    HeaderValue::try_from(field).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const FIELD: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

    fn expected(field: &str) -> Result<Option<String>, ErrorCode> {
        let headers = HeaderMap::from_iter([(CONTENT_DIGEST, HeaderValue::try_from(field).unwrap())]);
        expected_digest(&headers).map_err(|HttpError(error)| error.code)
    }

    #[test]
    fn a_digest_is_the_same_there_and_back() {
        assert_eq!(digest_field(EMPTY).unwrap().1, FIELD);
        assert_eq!(expected(FIELD), Ok(Some(EMPTY.into())));
        assert_eq!(expected(&format!("sha-512=:YQ==:, {FIELD}")), Ok(Some(EMPTY.into())));
        assert_eq!(expected("sha-512=:YQ==:"), Ok(None));
        assert_eq!(expected_digest(&HeaderMap::new()).unwrap(), None);
        for wrong in ["sha-256=:YQ==:", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha-256=:-:"] {
            assert_eq!(expected(wrong), Err(ErrorCode::BadField), "{wrong}");
        }
        assert!(digest_field("00").is_none() && digest_field("x\r\n").is_none());
    }

    #[test]
    fn names_are_quoted_and_other_alphabets_are_encoded() {
        assert_eq!(attachment("a b.txt"), "attachment; filename=\"a b.txt\"");
        assert_eq!(attachment("é%.txt"), "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9%25.txt");
        assert_eq!(attachment("a\"\r\nb"), "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%0D%0Ab");
    }
}
