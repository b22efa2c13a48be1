//! Properties of input order, the stream and the prompt marks, for any network and any program. Random scripts play them here,
//! and the fuzzer's scripts in `testing/fuzz`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod input_order;
mod marks;
mod stream;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Output with marks, nearly marks and text in it.
fn any_output() -> impl Strategy<Value = Vec<u8>> {
    let tag = marks::TAG;
    let mark = select(vec![
        format!("\x1b]133;B{tag}"),
        format!("\x1b]133;C{tag}"),
        format!("\x1b]133;E{};line;/tmp;ls%20-l\x07", &tag[..tag.len() - 1]),
        format!("\x1b]133;D;130{tag}"),
        format!("\x1b]133;D;-1{}\x1b\\", &tag[..tag.len() - 1]),
        "\x1b[?2004h".into(),
        "\x1b[?2004l".into(),
        "\x1b]133;B;tg=1111111111111111\x07".into(),
        "\x1b]133;".into(),
        "\x1b[?200".into(),
        "\x1b".into(),
        "\x07".into(),
        tag.into(),
    ]);
    let piece = prop_oneof![
        3 => mark.prop_map(String::into_bytes),
        1 => "[ -~]{0,10}".prop_map(String::into_bytes),
        1 => "[;=0-9tg]{0,150}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn messages_are_applied_once_and_in_order(script in vec(any::<u8>(), 0..300)) {
        input_order::holds(&script);
    }

    #[test]
    fn marks_are_found_wherever_they_are_cut(output in any_output(), step in 1usize..40) {
        marks::holds(&output, step);
    }

    #[test]
    fn reads_return_the_written_stream(script in vec(any::<u8>(), 0..400)) {
        stream::holds(&script);
    }
}

#[test]
fn marks_of_this_shell_are_found() {
    assert_eq!(marks::holds(format!("\x1b]133;B{}$ \x1b[?2004h", marks::TAG).as_bytes(), 3), 2);
}
