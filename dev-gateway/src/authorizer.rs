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
    action: Option<Many<String>>,
    not_action: Option<Many<String>>,
    resource: Option<Many<String>>,
    not_resource: Option<Many<String>>,
    condition: Option<Value>,
}

impl Statement {
    /// True if the statement is about this action and resource. One that names neither an action nor a resource is about none.
    fn is_about(&self, action: &str, resource: &str) -> bool {
        let of_action = |pattern: &String| matches(&pattern.to_lowercase(), action);
        let of_resource = |pattern: &String| matches(pattern, resource);
        let names = |these: &Option<Many<String>>, others: &Option<Many<String>>, test: &dyn Fn(&String) -> bool| {
            these.as_ref().is_some_and(|these| these.any(test))
                || others.as_ref().is_some_and(|others| !others.any(test))
        };
        names(&self.action, &self.not_action, &of_action) && names(&self.resource, &self.not_resource, &of_resource)
    }
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
    let statements = &answer.policy_document.statements;
    let matches_effect = |effect: &str, of: &dyn Fn(&Statement) -> bool| {
        statements.any(|statement| {
            statement.effect == effect && of(statement) && statement.is_about("execute-api:invoke", method_arn)
        })
    };
    let is_conditional = |statement: &Statement| statement.condition.is_some();
    // A condition may hold on AWS or not: here it never helps to get in.
    if matches_effect("Deny", &|_| true) {
        return Err(AuthorizerError::Denied);
    }
    if !matches_effect("Allow", &|statement| !is_conditional(statement)) {
        return Err(if matches_effect("Allow", &is_conditional) {
            AuthorizerError::Unusable("dev-gateway does not evaluate `Condition`".to_owned())
        } else {
            AuthorizerError::Denied
        });
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

    fn evaluate_one(statement: &Value) -> Result<Map<String, Value>, AuthorizerError> {
        let answer = json!({"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": statement}});
        evaluate(&answer, ARN)
    }

    #[test]
    fn a_condition_never_helps_to_get_in() {
        let conditional = |effect: &str| {
            let condition = json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
            json!({"Action": "*", "Effect": effect, "Resource": "*", "Condition": condition})
        };
        assert!(matches!(evaluate_one(&conditional("Allow")), Err(AuthorizerError::Unusable(_))));
        let allow = json!({"Action": "*", "Effect": "Allow", "Resource": "*"});
        assert_eq!(evaluate_one(&json!([allow, conditional("Deny")])), Err(AuthorizerError::Denied));
        assert!(evaluate_one(&json!([allow, conditional("Allow")])).is_ok());
    }

    #[test]
    fn everything_but_what_is_named() {
        for (statement, allowed) in [
            (json!({"NotAction": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}), false),
            (json!({"NotAction": "s3:*", "Effect": "Allow", "Resource": "*"}), true),
            (json!({"Action": "*", "Effect": "Allow", "NotResource": ARN}), false),
            (json!({"Action": "*", "Effect": "Allow", "NotResource": "arn:other"}), true),
            (json!({"Action": "*", "Effect": "Allow"}), false),
        ] {
            assert_eq!(evaluate_one(&statement).is_ok(), allowed, "{statement}");
        }
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
