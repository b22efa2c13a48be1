//! Tests of the news for a page: their order, size and age.

use super::*;
use crate::session::PictureLine;
use shared_protocol::wall::Attendance;

const SECOND: Duration = Duration::from_secs(1);

fn picture(lines: &[&str]) -> Arc<Picture> {
    let lines: Vec<PictureLine> = lines.iter().map(|line| ((*line).to_owned(), vec![])).collect();
    Arc::new(Picture { cols: 80, rows: lines.len() as u16, cursor: Some((0, 0)), lines })
}

fn entry(id: &str, picture: Option<&Arc<Picture>>) -> Entry {
    let row = WallSession {
        id: SessionId::new(id).unwrap(),
        name: id.into(),
        state: Attendance::Here,
        title: String::new(),
        active_at: None,
        exit_code: None,
        command: String::new(),
        hand: None,
    };
    let sight = picture.map(|picture| {
        let picture = Arc::clone(picture);
        let title = String::new();
        Arc::new(Sight { at: 1, here: true, title, active_at: 1, exit_code: None, command: None, hand: None, picture })
    });
    Entry { row, sight }
}

/// The news as words, all of which are then noted as sent.
fn told(shown: &mut Shown, entries: &[Entry], visible: Option<&[&str]>, now: Instant) -> Vec<String> {
    let visible = visible.map(|ids| ids.iter().map(|id| SessionId::new(*id).unwrap()).collect());
    let news = shown.news(entries, visible.as_ref(), now);
    shown.sent(&news.items, entries, now);
    let word = |item: &Item| match item {
        Item::Gone(id) => format!("-{id}"),
        Item::Session(session) => format!("+{}", session.id),
        Item::Tile(tile) => {
            let lines: Vec<String> = tile.lines.iter().map(|(row, text, _)| format!("{row}{text}")).collect();
            format!("{}:{}", tile.id, lines.join(","))
        }
    };
    news.items.iter().map(word).collect()
}

#[test]
fn only_what_changed_is_told() {
    let (mut shown, now) = (Shown::default(), Instant::now());
    let (first, second) = (picture(&["a", "", "c"]), picture(&["a", "b", "c"]));
    assert_eq!(told(&mut shown, &[entry("x", Some(&first))], None, now), ["+x", "x:0a,2c"]);
    assert!(told(&mut shown, &[entry("x", Some(&first))], None, now).is_empty());
    assert_eq!(told(&mut shown, &[entry("x", Some(&second))], None, now), ["x:1b"]);
    let resized = picture(&["a", "b"]);
    assert_eq!(told(&mut shown, &[entry("x", Some(&resized))], None, now), ["x:0a,1b"], "another size begins anew");
    assert_eq!(told(&mut shown, &[], None, now), ["-x"]);
}

#[test]
fn sessions_in_view_come_first_and_others_every_five_seconds() {
    let (mut shown, start) = (Shown::default(), Instant::now());
    let entries = |text| [entry("far", Some(&picture(&[text]))), entry("near", Some(&picture(&[text])))];
    let near = Some(&["near"][..]);
    assert_eq!(told(&mut shown, &entries("1"), near, start), ["+far", "+near", "near:01", "far:01"]);
    assert_eq!(told(&mut shown, &entries("2"), near, start + SECOND), ["near:02"]);
    assert_eq!(told(&mut shown, &entries("3"), near, start + SECOND * 5), ["near:03", "far:03"]);
    assert!(told(&mut shown, &entries("4"), Some(&[]), start + SECOND * 20).is_empty(), "the page is hidden");
}

#[test]
fn a_large_class_has_screens_only_in_view() {
    let (shown, now, screen) = (Shown::default(), Instant::now(), picture(&["x"]));
    let entries: Vec<Entry> = (0..1000).map(|id| entry(&format!("s{id}"), Some(&screen))).collect();
    let news = shown.news(&entries, None, now);
    assert_eq!((news.rows, news.items.len()), (1000, 1000));
    let visible = [SessionId::new("s7").unwrap()].into();
    assert_eq!(shown.news(&entries, Some(&visible), now).items.len(), 1001);
}

#[test]
fn a_large_screen_is_told_in_fragments_and_goes_on_where_it_stopped() {
    let (mut shown, now) = (Shown::default(), Instant::now());
    let line = "\u{65e5}".repeat(1000);
    let screen = picture(&[line.as_str(); 30]);
    let entries = [entry("x", Some(&screen))];
    let news = shown.news(&entries, None, now);
    let fragments = news.items.len() - news.rows;
    assert!(fragments > 2, "{fragments}");
    shown.sent(&news.items[..=news.rows], &entries, now);
    assert_eq!(shown.news(&entries, None, now).items.len(), fragments - 1, "the first was sent");
}
