//! Evaluates the IAM policy that a REQUEST authorizer returns, as API Gateway does for `$connect`. Pure.

use serde::Deserialize;
use serde_json::{Map, Value};
use wildmatch::WildMatch;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizerError {
    /// The policy denies the connection, or does not allow it: 403.
    #[error("the authorizer's policy does not allow it")]
    Denied,
    /// The answer is not a policy: 500, API Gateway's `AuthorizerConfigurationException`.
    #[error("the authorizer's answer is not usable: {0}")]
    Unusable(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    principal_id: String,
    policy_document: Document,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Statement")]
    statements: Many<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    action: Many<String>,
    resource: Many<String>,
}

/// One element or a list; IAM accepts both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    All(Vec<T>),
}

impl<T> Many<T> {
    fn any(&self, test: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::One(one) => test(one),
            Self::All(all) => all.iter().any(test),
        }
    }
}

/// Returns the context for `requestContext.authorizer` of later events: values as strings, with `principalId`.
pub(crate) fn evaluate(answer: &Value, method_arn: &str) -> Result<Map<String, Value>, AuthorizerError> {
    let answer = Answer::deserialize(answer).map_err(|error| AuthorizerError::Unusable(error.to_string()))?;
    let matches_effect = |effect: &str| {
        answer.policy_document.statements.any(|statement| {
            statement.effect == effect
                && statement.action.any(|pattern| matches(&pattern.to_lowercase(), "execute-api:invoke"))
                && statement.resource.any(|pattern| matches(pattern, method_arn))
        })
    };
    if matches_effect("Deny") || !matches_effect("Allow") {
        return Err(AuthorizerError::Denied);
    }
    let mut context = Map::new();
    for (name, value) in answer.context.unwrap_or_default() {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => {
                return Err(AuthorizerError::Unusable(format!("context field `{name}` is a list or an object")));
            }
        };
        context.insert(name, text.into());
    }
    context.insert("principalId".into(), answer.principal_id.into());
    Ok(context)
}

/// Matches IAM's `*` (any text) and `?` (one character).
fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:dev0000000/prod/$connect";

    fn policy(effect: &str, resource: &Value) -> Value {
        let statement = json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource});
        json!({"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}})
    }

    #[test]
    fn allows_only_matching_resources() {
        for resource in [json!(ARN), json!("*"), json!(["arn:none", "arn:aws:execute-api:*/prod/$connec?"])] {
            assert!(evaluate(&policy("Allow", &resource), ARN).is_ok(), "{resource}");
        }
        for resource in [json!("arn:*/dev/$connect"), json!([]), json!("")] {
            assert_eq!(evaluate(&policy("Allow", &resource), ARN), Err(AuthorizerError::Denied), "{resource}");
        }
        assert_eq!(evaluate(&policy("Deny", &json!("*")), ARN), Err(AuthorizerError::Denied));
    }

    #[test]
    fn deny_overrides_allow() {
        let mut both = policy("Allow", &json!("*"));
        let deny = policy("Deny", &json!(ARN))["policyDocument"]["Statement"][0].clone();
        both["policyDocument"]["Statement"].as_array_mut().unwrap().push(deny);
        assert_eq!(evaluate(&both, ARN), Err(AuthorizerError::Denied));
    }

    #[test]
    fn context_values_become_strings() {
        let mut answer = policy("Allow", &json!("*"));
        answer["context"] = json!({"admin": true, "exp": 7, "sid": "s", "none": null});
        let context = evaluate(&answer, ARN).unwrap();
        assert_eq!(Value::from(context), json!({"admin": "true", "exp": "7", "sid": "s", "principalId": "ada"}));
        answer["context"] = json!({"list": []});
        assert!(matches!(evaluate(&answer, ARN), Err(AuthorizerError::Unusable(_))));
        assert!(matches!(evaluate(&json!({"statusCode": 200}), ARN), Err(AuthorizerError::Unusable(_))));
    }
}
