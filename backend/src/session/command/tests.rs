//! Commands between marks and text.

use super::*;

fn ready(commands: &mut Commands<u8>, code: i32, now: Instant) -> Vec<Step<u8>> {
    commands.mark(PromptMark::CommandFinished(code), now);
    commands.mark(PromptMark::PromptReady, now)
}

fn at_prompt() -> (Commands<u8>, Instant) {
    let (mut commands, now) = (Commands::default(), Instant::now());
    commands.mark(PromptMark::BracketedPaste(true), now);
    assert!(commands.mark(PromptMark::PromptReady, now).is_empty());
    (commands, now)
}

fn finished(origin: u8, result: &str, code: i32) -> Vec<Step<u8>> {
    vec![Step::Finished(Finished { origin, result: result.into(), truncated: false, code })]
}

#[test]
fn output_between_the_marks_is_the_result() {
    let (mut commands, now) = at_prompt();
    let steps = commands.request(1, "ls\n".into(), now);
    assert_eq!(steps, [Step::Type(b"\x1b[200~ls\x1b[201~\r".to_vec())]);
    assert!(commands.is_typing());
    commands.text(b"ls\r\n");
    commands.mark(PromptMark::CommandStarted, now);
    assert!(!commands.is_typing());
    commands.text(b"a\r\nb\r\n");
    commands.mark(PromptMark::CommandFinished(3), now);
    commands.text(b"user@host:~$ ");
    assert_eq!(commands.mark(PromptMark::PromptReady, now), finished(1, "a\nb\n", 3));
}

#[test]
fn a_syntax_error_never_runs_but_has_a_code() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "echo )".into(), now);
    commands.text(b"echo )\r\n");
    commands.mark(PromptMark::BracketedPaste(false), now);
    commands.text(b"\rbash: syntax error\r\n");
    commands.mark(PromptMark::BracketedPaste(true), now);
    assert_eq!(ready(&mut commands, 2, now), finished(1, "bash: syntax error\n", 2));
    commands.mark(PromptMark::BracketedPaste(false), now);
    commands.request(2, "echo )".into(), now);
    commands.text(b"echo )\r\nold bash: syntax error\r\n");
    assert_eq!(ready(&mut commands, 2, now), finished(2, "old bash: syntax error\n", 2));
}

#[test]
fn an_error_of_zsh_stands_after_an_end_of_line() {
    let (mut commands, now) = at_prompt();
    commands.request(1, ")".into(), now);
    commands.text(b")");
    commands.mark(PromptMark::BracketedPaste(false), now);
    commands.text(b"\r\r\nzsh: parse error near `)'\r\n");
    assert_eq!(ready(&mut commands, 1, now), finished(1, "zsh: parse error near `)'\n", 1));
}

#[test]
fn the_title_and_colours_of_fish_are_no_output() {
    let (mut commands, now) = at_prompt();
    commands.mark(PromptMark::LongLines, now);
    for (number, printed, result) in [
        (1, &b"\x1b]0;echo a ~\x07\x1b[30m\x1b(B\x1b[m\ra\r\n"[..], "a\n"),
        (2, b"\x1b[30ma", "\x1b[30ma"),
        (3, b"\x1b]0;unfinished", "\x1b]0;unfinished"),
        (4, b"\x1b[30m\x1b(B\x1b[mb", "b"),
    ] {
        commands.request(number, "echo a".into(), now);
        commands.mark(PromptMark::CommandStarted, now);
        commands.text(printed);
        assert_eq!(ready(&mut commands, 0, now), finished(number, result, 0));
    }
}

#[test]
fn a_line_that_stays_in_the_line_editor_is_cancelled() {
    let (mut commands, now) = at_prompt();
    commands.mark(PromptMark::LongLines, now);
    commands.request(1, "for i in 1".into(), now);
    commands.text(b"for i in 1\r\n");
    assert!(commands.tick(now + TYPING_TIMEOUT).is_empty() && !commands.is_typing());
    assert_eq!(commands.tick(now + TYPING_TIMEOUT + LONG_LINE_TIMEOUT), [Step::Type(vec![0x03])]);
    let Step::Finished(Finished { code, .. }) = &ready(&mut commands, 130, now)[0] else { panic!("it ends") };
    assert_eq!(*code, INCOMPLETE);
    // A shell may take the line late, and a user may complete it.
    for (number, change) in [(2, None), (3, Some(Commands::typed as fn(&mut Commands<u8>)))] {
        commands.request(number, "echo b".into(), now);
        commands.tick(now + TYPING_TIMEOUT);
        if let Some(typed) = change {
            typed(&mut commands);
            assert!(commands.tick(now + TYPING_TIMEOUT + LONG_LINE_TIMEOUT).is_empty());
        }
        commands.mark(PromptMark::CommandStarted, now);
        assert!(commands.tick(now + TYPING_TIMEOUT + LONG_LINE_TIMEOUT).is_empty());
        commands.text(b"b\r\n");
        assert!(ready(&mut commands, 0, now).contains(&finished(number, "b\n", 0)[0]));
    }
}

#[test]
fn several_lines_are_one_command() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "echo a\nfalse".into(), now);
    commands.mark(PromptMark::PromptReady, now);
    commands.mark(PromptMark::CommandStarted, now);
    commands.text(b"a\r\n");
    commands.mark(PromptMark::CommandStarted, now);
    assert_eq!(ready(&mut commands, 1, now), finished(1, "a\n", 1));
}

#[test]
fn an_incomplete_line_is_cancelled() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "if true; then".into(), now);
    commands.text(b"if true; then\r\n> ");
    assert_eq!(commands.mark(PromptMark::Continuation, now), [Step::Type(vec![3])]);
    assert_eq!(commands.deadline(), Some(now + CANCEL_RETRY_DELAY));
    assert_eq!(commands.tick(now + CANCEL_RETRY_DELAY), [Step::Type(vec![3])], "the first may come too early");
    let steps = ready(&mut commands, 130, now);
    assert!(matches!(&steps[..], [Step::Finished(Finished { code: 2, .. })]));
}

#[test]
fn a_command_waits_for_an_empty_prompt_until_it_times_out() {
    let (mut commands, now) = at_prompt();
    commands.typed();
    assert_eq!(commands.request(1, "ls".into(), now), []);
    assert_eq!(commands.deadline(), Some(now + PROMPT_TIMEOUT));
    commands.mark(PromptMark::PromptReady, now);
    assert!(!commands.is_typing(), "a prompt that was only drawn again is not empty");
    assert_eq!(commands.tick(now + PROMPT_TIMEOUT), [Step::Busy(1)]);
    commands.request(2, "ls".into(), now);
    assert!(ready(&mut commands, 0, now).is_empty(), "keys were typed before this prompt");
    assert_eq!(commands.deadline(), Some(now + SETTLE_DELAY));
    let steps = commands.tick(now + SETTLE_DELAY);
    assert!(matches!(&steps[..], [Step::Type(_)]), "they were not read: the prompt is empty");
    commands.request(3, "ls".into(), now);
    assert_eq!(commands.shell_ended(9).len(), 2);
}

#[test]
fn a_long_result_is_truncated() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "yes".into(), now);
    commands.mark(PromptMark::CommandStarted, now);
    for _ in 0..RESULT_BYTES {
        commands.text(b"y\n");
    }
    let steps = ready(&mut commands, 0, now);
    let [Step::Finished(finished)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((finished.result.len(), finished.truncated), (RESULT_BYTES, true));
}

#[test]
fn a_result_of_control_sequences_still_fits_into_a_frame() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "noise".into(), now);
    commands.mark(PromptMark::CommandStarted, now);
    commands.text(&[0x1b; RESULT_BYTES]);
    let steps = ready(&mut commands, 0, now);
    let [Step::Finished(finished)] = &steps[..] else { panic!("{steps:?}") };
    assert!(serde_json::to_string(&finished.result).unwrap().len() <= RESULT_ROOM + 2 && finished.truncated);
}

#[test]
fn too_many_waiting_commands_are_rejected() {
    let now = Instant::now();
    let mut commands = Commands::default();
    for n in 0..MAX_WAITING as u8 {
        assert_eq!(commands.request(n, "ls".into(), now), []);
    }
    assert_eq!(commands.request(99, "ls".into(), now), [Step::Busy(99)]);
}

#[test]
fn keys_typed_ahead_do_not_become_part_of_a_command() {
    let (mut commands, now) = at_prompt();
    commands.mark(PromptMark::CommandStarted, now);
    commands.typed();
    ready(&mut commands, 0, now);
    commands.request(1, "ls".into(), now);
    commands.text(b"rm -rf ");
    assert_eq!(commands.tick(now + SETTLE_DELAY), [], "the line editor has read what was typed ahead");
    assert_eq!(commands.tick(now + PROMPT_TIMEOUT), [Step::Busy(1)]);
}

#[test]
fn a_shell_that_ignores_ctrl_c_is_left_alone() {
    let (mut commands, now) = at_prompt();
    commands.request(1, "if true; then".into(), now);
    commands.mark(PromptMark::Continuation, now);
    let typed = (1..100).map(|n| commands.tick(now + CANCEL_RETRY_DELAY * n).len()).sum::<usize>();
    assert_eq!(typed, MAX_CANCELS as usize);
}
