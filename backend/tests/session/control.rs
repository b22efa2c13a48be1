//! The right to type: questions, loans, and an owner who types alone; with loss, reload and forgery.

use crate::harness::{Harness, LIMITS, Token, Watched, caller, frame, until};
use crate::removal::remove;
use backend::session::Caller;
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, GroupId, Role, Takeover};

/// A session of a class, with ada and her instructor attached.
pub(crate) struct Class {
    pub(crate) harness: Harness,
    ada: Caller,
    adas: Token,
    grace: Caller,
    graces: Token,
    epoch: Value,
}

fn of_class(role: Role, user: &str, connection: &str) -> Caller {
    let class = ClassClaims {
        grp: GroupId::new("class-7").ok(),
        name: Some(user.into()),
        jti: Some(format!("token of {user}")),
        ..ClassClaims::default()
    };
    Caller { role, class, ..caller(user, connection) }
}

fn guest(role: Role, user: &str, takeover: Option<Takeover>) -> Caller {
    Caller { role, class: ClassClaims { takeover, ..ClassClaims::default() }, ..caller(user, user) }
}

fn consents(who: Caller) -> Caller {
    let class = ClassClaims { takeover: Some(Takeover::Always), ..who.class.clone() };
    Caller { class, ..who }
}

impl Class {
    async fn new() -> Self {
        Self::of(of_class(Role::Controller, "ada", "ada")).await
    }

    async fn of(ada: Caller) -> Self {
        let harness = Harness::created_by(&ada, LIMITS).await;
        let (attached, adas) = harness.attach(&ada, "page").await;
        let grace = of_class(Role::Instructor, "grace", "grace");
        let (_, graces) = harness.attach(&grace, "page-g").await;
        Self { harness, ada, adas, grace, graces, epoch: attached["epoch"].clone() }
    }

    fn message(&self, kind: &str, seq: u64, fields: &Value) -> Value {
        let mut message = json!({"type": kind, "seq": seq, "epoch": self.epoch});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        message
    }

    /// Sends a message of the owner.
    async fn ada(&self, kind: &str, seq: u64, fields: Value) {
        self.harness.say(&self.ada, self.message(kind, seq, &fields)).await;
    }

    /// Sends a message of the instructor.
    pub(crate) async fn grace(&self, kind: &str, seq: u64, fields: Value) {
        self.harness.say(&self.grace, self.message(kind, seq, &fields)).await;
    }

    /// Grace asks with her first message, and ada allows it with hers.
    pub(crate) async fn lent(duration: &str) -> Self {
        let class = Self::new().await;
        class.grace("ask", 1, json!({})).await;
        class.ada("allow", 1, json!({"who": 2, "for": duration})).await;
        class
    }

    pub(crate) fn typed(&self) -> String {
        String::from_utf8(self.harness.script.input()).unwrap()
    }

    /// The control events and errors that grace has got since the last call.
    async fn graces_news(&mut self) -> Vec<Value> {
        let (frames, token) = self.harness.fetch_all(self.graces).await;
        self.graces = token.unwrap();
        frames.into_iter().filter(|frame| frame["kind"] == "control" || frame["type"] == "error").collect()
    }

    /// The states that everyone was told of, as ada heard them.
    async fn states(&mut self) -> Vec<String> {
        let (frames, token) = self.harness.fetch_all(self.adas).await;
        self.adas = token.unwrap();
        let states = frames.iter().filter(|frame| frame["kind"] == "control");
        states.map(|frame| frame["state"].as_str().unwrap().to_owned()).collect()
    }

    /// The refusal of a message.
    async fn refused(&self, who: &Caller, kind: &str, seq: u64, fields: Value, token: &mut Token) -> String {
        let refusal = self.harness.ask(who, self.message(kind, seq, &fields), token).await;
        assert_eq!(refusal["type"], "error", "{refusal}");
        refusal["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn an_instructor_asks_types_and_is_taken_back() {
    let mut class = Class::new().await;
    class.grace("input", 1, json!({"data": "early"})).await;
    class.grace("ask", 2, json!({})).await;
    assert_eq!(class.states().await, ["asked"]);
    class.ada("allow", 1, json!({"who": 2, "for": "kept"})).await;
    let news = class.graces_news().await;
    assert_eq!((&news[0]["code"], &news[0]["seq"]), (&json!("READ_ONLY"), &json!(1)), "{news:?}");
    assert_eq!((&news[1]["state"], &news[1]["who"], news[1]["until"].is_u64()), (&json!("asked"), &json!(2), true));
    assert_eq!((&news[2]["state"], &news[2]["who"], &news[2]["loan"]), (&json!("lent"), &json!(2), &json!(1)));
    // Both type; the terminal keeps the size of the owner's window.
    class.grace("input", 3, json!({"data": "ls", "loan": 1})).await;
    class.ada("input", 2, json!({"data": " -l"})).await;
    class.grace("resize", 4, json!({"cols": 20, "rows": 5})).await;
    assert_eq!(class.typed(), "ls -l");
    assert_eq!(class.harness.script.sizes().len(), 1);
    let (frames, adas) = class.harness.fetch_all(class.adas).await;
    class.adas = adas.unwrap();
    let typists: Vec<_> = frames.iter().filter(|frame| frame["kind"] == "controller").map(|f| &f["who"]).collect();
    assert_eq!(typists, [&json!(2), &json!(1)], "everyone sees who types");
    assert!(!frames.iter().any(|frame| frame.to_string().contains("page-g")), "an id is a secret of its page");
    class.ada("take_back", 3, json!({})).await;
    class.grace("input", 5, json!({"data": "rm", "loan": 1})).await;
    let news = class.graces_news().await;
    let refused: Vec<_> = news.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(refused, [4, 5], "the resize and the late keys: {news:?}");
    assert_eq!((class.typed().as_str(), class.states().await), ("ls -l", vec!["free".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_loan_never_reach_the_next() {
    let mut class = Class::lent("kept").await;
    class.ada("take_back", 2, json!({})).await;
    // Refused once, it has its place in the order: a repeat is acknowledged, and types nothing under another loan.
    class.grace("input", 2, json!({"data": "old", "loan": 1})).await;
    class.harness.at(31).await;
    class.grace("ask", 3, json!({})).await;
    class.ada("allow", 3, json!({"who": 2, "for": "kept"})).await;
    class.grace("input", 2, json!({"data": "old", "loan": 1})).await;
    class.grace("input", 2, json!({"data": "forged", "loan": 2})).await;
    class.grace("input", 4, json!({"data": "late", "loan": 1})).await;
    class.grace("interrupt", 5, json!({"afterSeq": 4, "loan": 1})).await;
    class.grace("command", 6, json!({"id": "c", "command": "ls", "loan": 1})).await;
    class.grace("input", 7, json!({"data": "new", "loan": 2})).await;
    assert_eq!((class.typed().as_str(), class.harness.script.interrupts()), ("new", 0));
    let news = class.graces_news().await;
    let refused: Vec<_> = news.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(refused, [2, 4, 5, 6], "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn the_borrower_gives_the_keyboard_back() {
    let mut class = Class::lent("kept").await;
    class.grace("give_back", 2, json!({})).await;
    class.grace("input", 3, json!({"data": "x", "loan": 1})).await;
    assert_eq!(
        (class.typed().as_str(), class.states().await),
        ("", vec!["asked".into(), "lent".into(), "free".into()])
    );
    // So does one who has only asked.
    class.harness.at(31).await;
    class.grace("ask", 4, json!({})).await;
    class.grace("give_back", 5, json!({})).await;
    // Ada acknowledges nothing, so the earlier ones come again.
    let states = class.states().await;
    assert_eq!(states[states.len() - 2..], ["asked", "free"], "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_question_waits_for_a_minute_and_is_asked_once_in_thirty_seconds() {
    let mut class = Class::new().await;
    let vic = guest(Role::Viewer, "vic", Some(Takeover::Ask));
    let (attached, mut vics) = class.harness.attach(&vic, "page-v").await;
    assert_eq!(attached["canAsk"], true);
    class.grace("ask", 1, json!({})).await;
    assert_eq!(class.refused(&vic, "ask", 1, json!({}), &mut vics).await, "BUSY");
    class.ada("take_back", 1, json!({})).await;
    let mut graces = class.graces;
    assert_eq!(class.refused(&class.grace, "ask", 2, json!({}), &mut graces).await, "RATE_LIMITED");
    class.graces = graces;
    assert_eq!(class.states().await, ["asked", "free"]);
    class.harness.say(&vic, class.message("ask", 2, &json!({}))).await;
    let (heard, Watched::Open(adas)) = class.harness.watch(&class.ada, class.adas, 70).await else { panic!() };
    class.adas = adas;
    let ends: Vec<_> = heard.iter().filter(|(_, frame)| frame["state"] == "free").map(|(second, _)| *second).collect();
    assert_eq!(ends, [60], "{heard:?}");
    class.ada("allow", 2, json!({"who": 3, "for": "kept"})).await;
    let mut adas = class.adas;
    assert_eq!(class.refused(&class.ada, "allow", 3, json!({"who": 3, "for": "kept"}), &mut adas).await, "BUSY");
}

#[tokio::test(start_paused = true)]
async fn nobody_but_the_owner_decides_and_no_viewer_forges_a_loan() {
    let class = Class::lent("kept").await;
    let bob = guest(Role::Controller, "bob", None);
    let vic = guest(Role::Viewer, "vic", None);
    // The owner's own link as a viewer is not the owner.
    let watching = guest(Role::Viewer, "ada", None);
    for (who, page) in [(&bob, "page-b"), (&vic, "page-v"), (&watching, "page-w")] {
        let (attached, mut token) = class.harness.attach(who, page).await;
        assert!(attached.get("canAsk").is_none());
        for (at, (kind, fields)) in [
            ("allow", json!({"who": 2, "for": "kept"})),
            ("take_back", json!({})),
            ("only_me", json!({"on": true})),
            ("ask", json!({})),
            ("give_back", json!({})),
        ]
        .into_iter()
        .enumerate()
        {
            let refused = class.refused(who, kind, at as u64 + 1, fields, &mut token).await;
            assert_eq!(refused, "FORBIDDEN", "{kind} {}", who.user);
        }
        if who.role == Role::Viewer {
            let forged = json!({"data": "forged", "loan": 1});
            assert_eq!(class.refused(who, "input", 6, forged, &mut token).await, "READ_ONLY");
        }
    }
    class.grace("input", 2, json!({"data": "still", "loan": 1})).await;
    assert_eq!(class.typed(), "still");
}

#[tokio::test(start_paused = true)]
async fn an_owner_types_alone() {
    let mut class = Class::lent("kept").await;
    let bob = guest(Role::Controller, "bob", None);
    let (_, mut bobs) = class.harness.attach(&bob, "page-b").await;
    class.ada("only_me", 2, json!({"on": true})).await;
    for (at, (kind, fields)) in [
        ("input", json!({"data": "bob"})),
        ("interrupt", json!({"afterSeq": 1})),
        ("command", json!({"id": "c", "command": "ls"})),
        ("resize", json!({"cols": 20, "rows": 5})),
        ("close", json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(class.refused(&bob, kind, at as u64 + 1, fields, &mut bobs).await, "READ_ONLY", "{kind}");
    }
    let script = Caller { connection: caller("bob", "script").connection, ..bob.clone() };
    for plain in [json!({"type": "command", "command": "ls"}), json!({"type": "resize", "cols": 20, "rows": 5})] {
        assert_eq!(frame(class.harness.say(&script, plain).await.frame)["code"], "READ_ONLY");
    }
    class.grace("input", 2, json!({"data": "grace", "loan": 1})).await;
    class.grace("ask", 3, json!({})).await;
    class.ada("input", 3, json!({"data": "ada"})).await;
    let news = class.graces_news().await;
    let codes: Vec<_> = news.iter().filter_map(|frame| frame["code"].as_str()).collect();
    assert_eq!((class.typed().as_str(), codes), ("ada", vec!["READ_ONLY", "BUSY"]));
    class.ada("take_back", 4, json!({})).await;
    class.ada("only_me", 5, json!({"on": false})).await;
    class.harness.say(&bob, class.message("input", 6, &json!({"data": "bob"}))).await;
    assert_eq!(class.typed(), "adabob");
    assert_eq!(class.states().await, ["asked", "lent", "only", "free"]);
    assert_eq!((class.harness.script.sizes().len(), class.harness.script.interrupts()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_loan_and_a_minute_of_absence_ends_it() {
    let mut class = Class::lent("kept").await;
    // The second page attaches before the first connection is known to be gone.
    let again = of_class(Role::Instructor, "grace", "grace-2");
    let (attached, _) = class.harness.attach(&again, "reloaded").await;
    assert_eq!(attached["control"], json!({"state": "lent", "who": attached["who"], "loan": 1}));
    class.harness.say(&again, class.message("input", 1, &json!({"data": "a", "loan": 1}))).await;
    for gone in [&class.grace, &again] {
        class.harness.session.disconnect(gone.connection.clone()).await.unwrap();
    }
    let (_, Watched::Open(adas)) = class.harness.watch(&class.ada, class.adas, 50).await else { panic!() };
    class.adas = adas;
    let back = of_class(Role::Instructor, "grace", "grace-3");
    let (attached, _) = class.harness.attach(&back, "reloaded").await;
    assert_eq!(attached["control"]["who"], attached["who"]);
    class.harness.say(&back, class.message("input", 2, &json!({"data": "b", "loan": 1}))).await;
    assert_eq!(class.typed(), "ab");
    // Another token of the same user is another person.
    let other = Caller { class: ClassClaims { jti: Some("x".into()), ..back.class.clone() }, ..back.clone() };
    let other = Caller { connection: caller("x", "grace-4").connection, endpoint: "grace-4".into(), ..other };
    let (_, mut others) = class.harness.attach(&other, "other").await;
    let stolen = json!({"data": "c", "loan": 1});
    assert_eq!(class.refused(&other, "input", 1, stolen, &mut others).await, "READ_ONLY");
    class.harness.session.disconnect(back.connection.clone()).await.unwrap();
    let (heard, Watched::Open(adas)) = class.harness.watch(&class.ada, class.adas, 120).await else { panic!() };
    class.adas = adas;
    let free: Vec<_> = heard.iter().filter(|(_, frame)| frame["state"] == "free").map(|(second, _)| *second).collect();
    assert_eq!(free, [110], "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_borrowers_token_that_is_over_or_revoked_ends_the_loan() {
    for revoked in [false, true] {
        let mut class = Class::new().await;
        class.grace = until(40, of_class(Role::Instructor, "gina", "late"));
        class.harness.attach(&class.grace, "late").await;
        class.grace("ask", 1, json!({})).await;
        class.ada("allow", 1, json!({"who": 3, "for": "kept"})).await;
        if revoked {
            remove(&class.harness, &class.grace).await;
        }
        let (heard, _) = class.harness.watch(&class.ada, class.adas, 70).await;
        let states: Vec<_> = heard.iter().filter(|(_, frame)| frame["kind"] == "control").collect();
        let (second, last) = states.last().unwrap();
        assert_eq!(last["state"], "free", "{heard:?}");
        // Tokens count for 10 s longer.
        assert_eq!(*second, if revoked { 0 } else { 50 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_neither_ends_nor_prolongs_a_loan() {
    for seconds in [3600, -3600] {
        let mut class = Class::new().await;
        class.grace = until(40, of_class(Role::Instructor, "gina", "late"));
        class.harness.attach(&class.grace, "late").await;
        class.grace("ask", 1, json!({})).await;
        class.ada("allow", 1, json!({"who": 3, "for": "kept"})).await;
        class.harness.clock.jump(seconds);
        let types = async {
            class.harness.at(45).await;
            class.grace("input", 2, json!({"data": "x", "loan": 1})).await;
        };
        let ((heard, _), ()) = tokio::join!(class.harness.watch(&class.ada, class.adas, 70), types);
        assert_eq!(class.typed(), "x", "{seconds}");
        let free: Vec<_> = heard.iter().filter(|(_, f)| f["state"] == "free").map(|(second, _)| *second).collect();
        assert_eq!(free, [50], "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_loan_for_now_ends_after_ten_idle_minutes() {
    for (duration, ends) in [("now", &[900][..]), ("kept", &[])] {
        let class = Class::lent(duration).await;
        let follows = async {
            class.harness.at(300).await;
            class.grace("input", 2, json!({"data": "x", "loan": 1})).await;
        };
        let watched = class.harness.watch(&class.ada, class.adas, 950);
        let (heard, ()) = tokio::join!(async { watched.await.0 }, follows);
        let free: Vec<_> = heard.iter().filter(|(_, f)| f["state"] == "free").map(|(second, _)| *second).collect();
        assert_eq!(free, ends, "{duration}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_take_back_reaches_what_no_program_has_read() {
    let mut class = Class::lent("kept").await;
    class.harness.script.set_room(10);
    class.grace("input", 2, json!({"data": "\u{1b}[200~rm -rf /\u{1b}[201~\r", "loan": 1})).await;
    class.grace("command", 3, json!({"id": "c", "command": "ls", "loan": 1})).await;
    class.ada("take_back", 2, json!({})).await;
    class.harness.script.set_room(usize::MAX);
    class.harness.settle().await;
    assert_eq!(class.typed(), "\u{1b}[200~rm -\u{1b}[201~", "the paste is cut off and closed");
    class.harness.script.mark("D;0");
    class.harness.script.mark("B");
    class.harness.settle().await;
    assert!(!class.typed().contains("ls"), "{}", class.typed());
    let news = class.graces_news().await;
    let refused = news.iter().find(|frame| frame["id"] == "c").unwrap();
    assert_eq!(refused["code"], "READ_ONLY");
}

#[tokio::test(start_paused = true)]
async fn consent_in_the_sessions_token_lends_at_once_and_only_to_instructors() {
    let mut class = Class::of(consents(of_class(Role::Controller, "ada", "ada"))).await;
    let vic = guest(Role::Viewer, "vic", Some(Takeover::Ask));
    class.harness.attach(&vic, "page-v").await;
    class.harness.say(&vic, class.message("ask", 1, &json!({}))).await;
    assert_eq!(class.states().await, ["asked"]);
    class.ada("take_back", 1, json!({})).await;
    class.grace("ask", 1, json!({})).await;
    class.grace("input", 2, json!({"data": "x", "loan": 1})).await;
    assert_eq!((class.typed().as_str(), class.states().await), ("x", vec!["free".into(), "lent".into()]));
    let (heard, _) = class.harness.watch(&class.ada, class.adas, 700).await;
    let over = heard.iter().rfind(|(_, frame)| frame["state"] == "free").map(|(second, _)| *second);
    assert_eq!(over, Some(600), "it was lent for now");
    // Consent of a later token, or an instructor's own, is none.
    let mut class = Class::new().await;
    class.harness.attach(&consents(of_class(Role::Controller, "ada", "ada-2")), "page-2").await;
    let grace = consents(class.grace.clone());
    class.harness.say(&grace, class.message("ask", 1, &json!({}))).await;
    assert_eq!(class.states().await, ["asked"]);
}
