//! Route selection by `$request.body.action`, the expression that nearly every WebSocket API uses.

use serde::Deserialize;
use serde_json::Value;

/// The route keys of an API, without the three that every API has.
#[derive(Debug, Clone)]
pub(crate) struct Routes(pub(crate) Vec<String>);

#[derive(Deserialize)]
struct Selected {
    action: Option<Value>,
}

impl Routes {
    pub(crate) fn select(&self, body: &str) -> &str {
        let action = serde_json::from_str::<Selected>(body).ok().and_then(|selected| selected.action);
        let action = action.as_ref().and_then(Value::as_str);
        self.0.iter().find(|key| Some(key.as_str()) == action).map_or("$default", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configured_action_leaves_the_default_route() {
        let routes = Routes(vec!["sendMessage".into(), "chat_message".into()]);
        assert_eq!(routes.select(r#"{"x":[1],"action":"chat_message"}"#), "chat_message");
        for body in [r#"{"action":"other"}"#, r#"{"action":7}"#, r#"{"action":"$connect"}"#, "{}", "[]", "plain", ""] {
            assert_eq!(routes.select(body), "$default", "{body}");
        }
    }
}
