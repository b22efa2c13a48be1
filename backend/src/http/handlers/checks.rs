//! `/api/sessions/{id}/checks`: runs a script of the platform in a session's sandbox, for operators alone.

use super::sessions::find;
use crate::audit::{By, audit};
use crate::http::access_log::request_id;
use crate::http::auth::AuthenticatedUser;
use crate::http::context::{CHECKS_ROUTE, ServiceContext};
use crate::http::error::{HttpError, MAX_CHECK_BODY_BYTES, read_body_as, read_long_body};
use crate::session::SessionError;
use crate::store::SessionRecord;
use crate::terminal::{CHECK_TIME, Check, CheckReport, CheckUser, MAX_CHECK_TIME, MAX_SCRIPT_BYTES};
use crate::webhooks::Event;
use axum::Json;
use axum::extract::{Path, Request, State};
use serde::Deserialize;
use shared_protocol::ErrorCode;
use std::sync::Arc;
use std::time::Duration;

/// Paths of a check.
const MAX_PATHS: usize = 64;

/// Length of each, in bytes.
const MAX_PATH_BYTES: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckRequest {
    script: String,
    #[serde(rename = "as")]
    run_as: CheckUser,
    #[serde(default)]
    paths: Vec<String>,
    seconds: Option<u64>,
    #[serde(default)]
    unguarded: bool,
}

impl CheckRequest {
    fn check(self) -> Result<Check, HttpError> {
        let bad = |text: String| Err(HttpError::new(ErrorCode::BadField, text));
        let Self { script, run_as, paths, seconds, unguarded } = self;
        let time = seconds.map_or(CHECK_TIME, Duration::from_secs);
        if script.len() > MAX_SCRIPT_BYTES {
            let text = format!("`script` has more than {MAX_SCRIPT_BYTES} bytes");
            return Err(HttpError::new(ErrorCode::TooLarge, text));
        }
        if script.contains('\0') {
            return bad("`script` has a NUL character".into());
        }
        if time.is_zero() || time > MAX_CHECK_TIME {
            return bad(format!("`seconds` must be from 1 to {}", MAX_CHECK_TIME.as_secs()));
        }
        if run_as == CheckUser::Student && !paths.is_empty() {
            return bad("`paths` is for `as: \"checker\"`: as the student, the script sees the files themselves".into());
        }
        if run_as == CheckUser::Checker && unguarded {
            return bad("`unguarded` is for `as: \"student\"`: a checker is always guarded".into());
        }
        if paths.len() > MAX_PATHS || !paths.iter().all(|path| stays_at_home(path)) {
            let text =
                format!("`paths` must be at most {MAX_PATHS} paths below the home, of {MAX_PATH_BYTES} bytes each");
            return bad(text);
        }
        Ok(Check { script, run_as, paths, time, unguarded })
    }
}

/// True for a relative path that does not leave where it begins.
fn stays_at_home(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
    path.len() <= MAX_PATH_BYTES && path.split('/').all(is_name)
}

/// Answers once the script has ended.
pub(in crate::http) async fn run(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<CheckReport>, HttpError> {
    if !user.admin {
        return Err(HttpError::new(ErrorCode::Forbidden, "only an operator may run checks"));
    }
    let (parts, body) = request.into_parts();
    let check = read_body_as::<CheckRequest>(&read_long_body(body, MAX_CHECK_BODY_BYTES).await?)?.check()?;
    let (record, caller) = find(&service, &user, id).await?;
    let session = service.registry.running(&record.id, &caller).await?;
    let permit = Arc::clone(&service.checks).try_acquire_owned().map_err(|_| {
        HttpError::new(ErrorCode::RateLimited, "as many checks run as an instance runs at once; try again")
    })?;
    // In a task of its own: a check whose caller has gone away still counts, and is accounted for.
    let checking = tokio::spawn(async move {
        let _permit = permit;
        let run_as = check.run_as;
        let result = session.check(check).await;
        done(&service, &record, &user.sub, request_id(&parts.headers), run_as, &result);
        Ok::<_, HttpError>(Json(result?))
    });
    checking.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a check failed");
        Err(HttpError::new(ErrorCode::Internal, "the check cannot be run; the log of the service says why"))
    })
}

/// Accounts for a check that is done, and tells all who want to know of it.
fn done(
    service: &ServiceContext,
    record: &SessionRecord,
    user: &str,
    request: &str,
    run_as: CheckUser,
    result: &Result<CheckReport, SessionError>,
) {
    let kind = format!("POST {CHECKS_ROUTE}");
    let by = By { user, session: record.id.as_str(), connection: "-", request, kind: &kind };
    match result {
        Ok(report) => {
            service.metrics.sessions.checks.of(report.outcome).inc();
            service.registry.webhooks().tell(record, Event::CheckDone { run_as, report });
            let CheckReport { outcome, exit_code, reason, guard, .. } = report;
            let reason = reason.map(tracing::field::debug);
            audit!(Check, by, { ?run_as, ?outcome, exit_code, reason, ?guard, }, "a check is done");
        }
        Err(SessionError { code, .. }) => audit!(Check, by, { ?run_as, ?code, }, "a check was refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Check, String> {
        let request = read_body_as::<CheckRequest>(body.as_bytes()).and_then(CheckRequest::check);
        request.map_err(|HttpError(error)| format!("{:?}: {}", error.code, error.error))
    }

    #[test]
    fn a_check_has_defaults_and_limits() {
        let check = parsed(r#"{"script": "true", "as": "checker"}"#).unwrap();
        assert_eq!((check.time, check.unguarded, check.paths.len()), (CHECK_TIME, false, 0));
        let most = "a".repeat(MAX_SCRIPT_BYTES);
        assert!(parsed(&format!(r#"{{"script": "{most}", "as": "student", "seconds": 60}}"#)).is_ok());
        let refused = parsed(&format!(r#"{{"script": "{most}a", "as": "student"}}"#)).unwrap_err();
        assert!(refused.starts_with("TooLarge"), "{refused}");
        for bad in [
            r#""as": "root""#,
            r#""as": "student", "seconds": 0"#,
            r#""as": "student", "seconds": 61"#,
            r#""as": "student", "paths": ["a"]"#,
            r#""as": "checker", "unguarded": true"#,
            r#""as": "checker", "paths": ["/etc/passwd"]"#,
            r#""as": "checker", "paths": ["a/../.."]"#,
            r#""as": "checker", "paths": ["a//b"]"#,
            r#""as": "checker", "paths": ["a\u0000"]"#,
            r#""as": "checker", "path": ["a"]"#,
        ] {
            let refused = parsed(&format!(r#"{{"script": "true", {bad}}}"#)).unwrap_err();
            assert!(refused.starts_with("BadField"), "{bad}: {refused}");
        }
        assert!(parsed(r#"{"script": "a\u0000b", "as": "checker"}"#).unwrap_err().starts_with("BadField"));
        assert!(parsed(r#"{"as": "checker"}"#).unwrap_err().contains("`script` is missing"));
        let many = vec!["a"; MAX_PATHS + 1];
        let many = serde_json::json!({"script": "true", "as": "checker", "paths": many}).to_string();
        assert!(parsed(&many).unwrap_err().starts_with("BadField"));
        let long = serde_json::json!({"script": "", "as": "checker", "paths": ["a".repeat(MAX_PATH_BYTES + 1)]});
        assert!(parsed(&long.to_string()).unwrap_err().starts_with("BadField"));
    }
}
