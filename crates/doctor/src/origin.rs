//! The page's origin, which browsers send and programs do not: without it, an API that refuses every page would look healthy.

use crate::address::Address;
use crate::connect::connect;
use crate::diagnosis::Diagnosis;
use crate::passed_step::{PassedStep, Report};
use http::Uri;
use tokio::time::Instant;

const STEP: &str = "origin";
/// An origin that no page has (RFC 2606): it is refused exactly where origins are restricted.
const STRANGER: &str = "https://origin.invalid";

/// An origin as browsers send it: scheme, host and perhaps a port.
pub(crate) fn parse(text: &str) -> Result<String, Diagnosis> {
    let bare = text.trim();
    let uri: Option<Uri> = bare.parse().ok();
    let is_origin = uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http"));
        scheme
            .zip(uri.authority())
            .is_some_and(|(scheme, host)| bare.eq_ignore_ascii_case(&format!("{scheme}://{host}")))
    });
    is_origin.then(|| bare.to_ascii_lowercase()).ok_or(Diagnosis::Address(
        "the origin after --origin is the scheme and host of the page, such as https://labs.example.com: no slash, no path.",
    ))
}

/// Explains a refused page: the same handshake without an origin shows whether the origin is the reason.
pub(crate) async fn explain(refused: Diagnosis, address: &Address, token: &str) -> Diagnosis {
    let (Diagnosis::Rejected { status: 403, .. }, Some(origin)) = (&refused, &address.origin) else { return refused };
    match connect(&address.with_origin(None), token, &mut |_| {}).await {
        Ok(_) => Diagnosis::Origin { origin: origin.clone() },
        Err(_) => refused,
    }
}

/// Reports which pages may connect. Without an origin to test, asks for one if only some may.
pub(crate) async fn check(address: &Address, token: &str, report: &mut Report<'_>) -> Result<(), Diagnosis> {
    let started = Instant::now();
    let detail = match &address.origin {
        Some(origin) => format!("pages of {origin} may connect"),
        None => match connect(&address.with_origin(Some(STRANGER.to_owned())), token, &mut |_| {}).await {
            Ok(_) => "pages of every origin may connect".to_owned(),
            Err(Diagnosis::Rejected { status: 403, .. }) => return Err(Diagnosis::OriginNeeded),
            Err(other) => return Err(other),
        },
    };
    report(PassedStep::new(STEP, started.elapsed(), detail));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host() {
        assert_eq!(parse("https://Labs.example.com\n").unwrap(), "https://labs.example.com");
        assert_eq!(parse("http://localhost:3000").unwrap(), "http://localhost:3000");
        for text in
            ["https://labs.example.com/", "https://labs.example.com/page", "labs.example.com", "wss://a.b", "*", ""]
        {
            let sentence = parse(text).unwrap_err().to_string();
            assert!(sentence.contains("no slash, no path"), "{text}: {sentence}");
        }
    }
}
