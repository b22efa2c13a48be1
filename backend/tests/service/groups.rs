//! The sessions of a group, as its instructor lists them.

use crate::support::{Service, read, user, user_token};
use reqwest::Method;
use serde_json::Value;
use shared_protocol::{ClassClaims, GroupId, Role, SessionId, UserClaims};

/// Sessions of the class: more than a page has.
const CLASS_SIZE: usize = 103;

/// A member of a group: a student whose token names session `sub`, or an instructor.
fn member(sub: &str, role: Role, group: &str, name: Option<&str>) -> UserClaims {
    let class = ClassClaims { grp: GroupId::new(group).ok(), name: name.map(Into::into), ..ClassClaims::default() };
    UserClaims { role, class, ..user(sub, (role == Role::Controller).then_some(sub)) }
}

async fn list(service: &Service, group: &str, rest: &str, user: &UserClaims) -> (u16, Value) {
    let path = format!("/api/groups/{group}/sessions{rest}");
    read(service.request(Method::GET, &path, Some(&user_token(user))).await).await
}

fn ids(page: &Value) -> Vec<&str> {
    page["sessions"].as_array().unwrap().iter().map(|session| session["sessionId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_instructor_lists_a_class_page_by_page() {
    let service = Service::start().await;
    for number in 0..CLASS_SIZE {
        let student = member(&format!("student-{number:03}"), Role::Controller, "class-7", None);
        assert_eq!(service.api(Method::POST, "", &student).await.0, 201);
    }
    let elsewhere = member("elsewhere", Role::Controller, "class-8", None);
    assert_eq!(service.api(Method::POST, "", &elsewhere).await.0, 201);

    let instructor = member("ina", Role::Instructor, "class-7", None);
    let (status, first) = list(&service, "class-7", "", &instructor).await;
    assert_eq!((status, ids(&first).len(), &first["more"]), (200, 100, &Value::Bool(true)));
    let (_, second) = list(&service, "class-7", &format!("?after={}", ids(&first)[99]), &instructor).await;
    assert_eq!(ids(&second), ["student-100", "student-101", "student-102"]);
    assert_eq!(second["more"], false);
}

#[tokio::test]
async fn names_are_those_of_the_tokens_and_never_the_users_ids() {
    let service = Service::start().await;
    let named = member("ada", Role::Controller, "class-7", Some("Ada L."));
    let unnamed = member("ben", Role::Controller, "class-7", None);
    let unnamed = UserClaims { sub: "ben@example.org".into(), ..unnamed };
    for student in [&named, &unnamed] {
        assert_eq!(service.api(Method::POST, "", student).await.0, 201);
    }
    let (_, page) = list(&service, "class-7", "", &member("ina", Role::Instructor, "class-7", None)).await;
    assert_eq!(page["sessions"][0]["name"], "Ada L.");
    let name = page["sessions"][1]["name"].as_str().unwrap();
    let digits = name.strip_prefix("Student ").unwrap();
    assert!(digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
}

#[tokio::test]
async fn a_later_token_moves_no_session_to_another_group() {
    let service = Service::start().await;
    let student = member("ada", Role::Controller, "class-7", None);
    assert_eq!(service.api(Method::POST, "", &student).await.0, 201);
    let moved = member("ada", Role::Controller, "class-8", None);
    assert_eq!(service.api(Method::POST, "", &moved).await.0, 201);
    let (_, old) = list(&service, "class-7", "", &member("ina", Role::Instructor, "class-7", None)).await;
    let (_, new) = list(&service, "class-8", "", &member("ivo", Role::Instructor, "class-8", None)).await;
    assert_eq!((ids(&old), ids(&new)), (vec!["ada"], vec![]));
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_refused_as_one_of_others() {
    let service = Service::start().await;
    let student = member("ada", Role::Controller, "class-7", None);
    assert_eq!(service.api(Method::POST, "", &student).await.0, 201);
    let strangers = [member("ivo", Role::Instructor, "class-8", None), student, user("eve", None)];
    for stranger in strangers {
        let refused = list(&service, "class-7", "", &stranger).await;
        assert_eq!((refused.0, &refused.1["code"]), (403, &Value::from("FORBIDDEN")));
        assert_eq!(list(&service, "class-9", "", &stranger).await, refused);
        assert_eq!(list(&service, "no%20group", "", &stranger).await, refused);
    }
}

#[tokio::test]
async fn an_instructors_session_belongs_to_no_group() {
    let service = Service::start().await;
    let instructor = member("ina", Role::Instructor, "class-7", None);
    let own = UserClaims { sid: SessionId::new("own").ok(), ..instructor.clone() };
    assert_eq!(service.api(Method::POST, "", &own).await.0, 201);
    let (_, page) = list(&service, "class-7", "", &instructor).await;
    assert!(ids(&page).is_empty(), "{page}");
}
