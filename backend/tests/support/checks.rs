//! Checks, as operators and other users ask for them.

use super::{Service, client, read, user, user_token, within};
use serde_json::Value;
use shared_protocol::UserClaims;

impl Service {
    /// Runs a check in a session, as an operator.
    pub async fn check(&self, session: &str, check: &Value) -> (u16, Value) {
        self.check_by(&UserClaims { admin: true, ..user("root", None) }, session, check).await
    }

    /// The same, as any user.
    pub async fn check_by(&self, by: &UserClaims, session: &str, check: &Value) -> (u16, Value) {
        let url = format!("http://{}/api/sessions/{session}/checks", self.address);
        let request = client().post(url).bearer_auth(user_token(by)).body(check.to_string());
        read(within("a check", request.send()).await.unwrap()).await
    }
}
