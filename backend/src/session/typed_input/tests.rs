//! Keys that are recorded, and those that never are, in the cases of real shells and for any program.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const ECHO: Tty = Tty { echo: true, canonical: true };
const PASSWORD: Tty = Tty { echo: false, canonical: true };
const RAW: Tty = Tty { echo: false, canonical: false };

/// A terminal that is typed into, and what was recorded of it.
struct Bench {
    input: TypedInput,
    tty: Tty,
    now: Instant,
    out: Vec<Typed>,
}

impl Bench {
    fn new() -> Self {
        Self { input: TypedInput::new(), tty: ECHO, now: Instant::now(), out: Vec::new() }
    }

    /// At a prompt whose line editor reads.
    fn at_prompt() -> Self {
        let mut bench = Self::new();
        bench.mark(PromptMark::CommandFinished(0));
        bench.tty = RAW;
        bench.mark(PromptMark::PromptReady);
        bench
    }

    fn mark(&mut self, mark: PromptMark) {
        let tty = self.tty;
        self.input.mark(mark, || tty);
    }

    fn keys(&mut self, keys: &str) {
        self.input.written(keys.as_bytes(), true, [self.tty; 2], self.now);
    }

    /// Time goes by, in which the settings are looked at when due.
    fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.input.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.look();
        }
        self.now = until;
    }

    fn look(&mut self) {
        let ripe = self.input.look(self.tty, self.now);
        self.out.extend(ripe.into_iter().map(|(_, typed)| typed));
    }

    /// The keys that were recorded, with `*` where some are hidden.
    fn recorded(mut self) -> String {
        self.wait(1000);
        assert_eq!((self.input.held(), self.input.deadline()), (0, None));
        let text = |typed: &Typed| match typed {
            Typed::Keys(keys) => String::from_utf8_lossy(keys).into_owned(),
            Typed::Hidden => "*".into(),
        };
        self.out.iter().map(text).collect()
    }
}

#[test]
fn a_line_at_the_prompt_is_recorded_before_any_program() {
    for program in [ECHO, RAW] {
        let mut bench = Bench::at_prompt();
        for key in ["l", "s", "\r"] {
            bench.keys(key);
        }
        bench.tty = ECHO;
        bench.mark(PromptMark::CommandStarted);
        bench.tty = program;
        assert_eq!(bench.recorded(), "ls\r");
    }
}

#[test]
fn what_a_program_reads_is_recorded_only_where_it_is_echoed() {
    for (tty, recorded) in [(ECHO, "yes\r"), (PASSWORD, "*"), (RAW, "*")] {
        let mut bench = Bench::new();
        bench.mark(PromptMark::CommandStarted);
        bench.tty = tty;
        for key in ["yes", "\r"] {
            bench.keys(key);
            bench.wait(1000);
        }
        assert_eq!(bench.recorded(), recorded, "{tty:?}");
    }
}

#[test]
fn a_password_that_is_typed_too_early_is_not_recorded() {
    // While the program still echoes.
    let mut bench = Bench::new();
    bench.mark(PromptMark::CommandStarted);
    bench.keys("hunter2\r");
    bench.wait(200);
    bench.tty = PASSWORD;
    assert_eq!(bench.recorded(), "*");
    // Behind the line at the prompt, before the program runs. It takes long to ask.
    let mut bench = Bench::at_prompt();
    bench.keys("sleep 1; read -s pw\rhunter2\r");
    bench.keys("hunter3\r");
    bench.tty = ECHO;
    bench.mark(PromptMark::CommandStarted);
    bench.wait(1000);
    bench.tty = PASSWORD;
    assert_eq!(bench.recorded(), "sleep 1; read -s pw\r*");
    // The end of the line is another key than Enter.
    let mut bench = Bench::at_prompt();
    bench.keys("su");
    bench.wait(1000);
    bench.keys("\x0f");
    bench.keys("hunter2");
    bench.tty = ECHO;
    bench.mark(PromptMark::CommandStarted);
    assert_eq!(bench.recorded(), "su*");
}

#[test]
fn what_was_echoed_goes_if_a_program_reads_key_by_key_at_once() {
    let mut bench = Bench::new();
    bench.mark(PromptMark::CommandStarted);
    bench.keys("ihunter2");
    bench.wait(100);
    bench.tty = RAW;
    assert_eq!(bench.recorded(), "*");
}

#[test]
fn settings_that_change_while_keys_are_written_hide_them() {
    for settings in [[ECHO, RAW], [RAW, ECHO], [ECHO, PASSWORD], [PASSWORD, ECHO]] {
        let mut bench = Bench::new();
        bench.input.written(b"hunter2", true, settings, bench.now);
        assert_eq!(bench.recorded(), "*", "{settings:?}");
    }
}

#[test]
fn a_line_goes_if_a_password_prompt_comes_at_once() {
    let mut bench = Bench::at_prompt();
    bench.keys("sudo ");
    bench.wait(300);
    bench.keys("-s\r");
    bench.tty = ECHO;
    bench.mark(PromptMark::CommandStarted);
    bench.tty = PASSWORD;
    bench.wait(30);
    bench.keys("hunter2\r");
    bench.wait(30);
    bench.tty = RAW;
    bench.keys("ls\r");
    assert_eq!(bench.recorded(), "sudo *", "nor is what the new shell reads");
}

#[test]
fn what_asks_at_the_prompt_without_echo_is_hidden() {
    let mut bench = Bench::at_prompt();
    bench.keys("ls ");
    bench.wait(300);
    // A program of a key binding, or of a completion.
    bench.tty = PASSWORD;
    bench.keys("hunter2\r");
    bench.tty = RAW;
    bench.keys("x");
    assert_eq!(bench.recorded(), "ls *", "not until the next prompt");
}

#[test]
fn a_shell_that_was_told_not_to_echo_hides_what_is_typed() {
    let mut bench = Bench::new();
    bench.tty = PASSWORD;
    bench.mark(PromptMark::CommandFinished(0));
    bench.tty = RAW;
    bench.mark(PromptMark::CommandFinished(0));
    bench.mark(PromptMark::PromptReady);
    bench.keys("hunter2\r");
    assert_eq!(bench.recorded(), "*");
}

#[test]
fn what_the_service_types_is_not_recorded_and_ends_the_line() {
    let mut bench = Bench::at_prompt();
    bench.input.written(b"\x1b[?1;2c", false, [RAW; 2], bench.now);
    bench.keys("a");
    bench.input.written(b"su\r", false, [RAW; 2], bench.now);
    bench.keys("hunter2");
    assert_eq!(bench.recorded(), "a*");
}

#[test]
fn after_an_interrupt_the_next_prompt_must_come_first() {
    let mut bench = Bench::at_prompt();
    bench.input.interrupted();
    bench.keys("a");
    bench.mark(PromptMark::PromptReady);
    bench.keys("b");
    assert_eq!(bench.recorded(), "*b");
}

#[test]
fn more_than_may_wait_is_hidden_from_its_begin() {
    let mut bench = Bench::new();
    for letter in ["a", "b", "c"] {
        bench.keys(&letter.repeat(HELD_BYTES / 2));
        assert!(bench.input.held() <= HELD_BYTES);
    }
    let recorded = bench.recorded();
    assert!(recorded.starts_with("*b") && recorded.ends_with('c'));
}

#[test]
fn the_last_line_of_a_shell_is_recorded() {
    let mut bench = Bench::at_prompt();
    bench.keys("exit\rhunter2");
    bench.mark(PromptMark::CommandStarted);
    let rest: Vec<_> = bench.input.finish().into_iter().map(|(_, typed)| typed).collect();
    assert_eq!(rest, [Typed::Keys(b"exit\r".to_vec()), Typed::Hidden]);
    bench.keys("x");
    assert_eq!(bench.input.finish().len(), 0, "the program may have been asking for a password");
}

/// A change in a terminal, or keys.
#[derive(Debug, Clone)]
enum Step {
    Settings(Tty),
    Mark(PromptMark),
    /// So many keys, of which the last ends a line or not.
    Keys(usize, bool),
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let settings = prop_oneof![Just(ECHO), Just(PASSWORD), Just(RAW), Just(Tty { echo: true, canonical: false })];
    let mark = prop_oneof![
        Just(PromptMark::PromptReady),
        Just(PromptMark::Continuation),
        Just(PromptMark::CommandStarted),
        Just(PromptMark::CommandFinished(1)),
        Just(PromptMark::BracketedPaste(true)),
        Just(PromptMark::Unmarked),
    ];
    prop_oneof![
        2 => settings.prop_map(Step::Settings),
        3 => mark.prop_map(Step::Mark),
        4 => (1..4_usize, any::<bool>()).prop_map(|(keys, ends)| Step::Keys(keys, ends)),
        2 => (0..400_u64).prop_map(Step::Wait),
    ]
}

/// A key of its own for each number: no control.
fn key(number: usize) -> char {
    char::from_u32(0x4e00 + number as u32).unwrap()
}

proptest! {
    /// Each key is another one, so that those that are recorded are known one by one.
    #[test]
    fn a_key_without_echo_is_recorded_only_in_a_line_at_the_prompt(steps in vec(any_step(), 0..60)) {
        let mut bench = Bench::new();
        // Of each key: its time, whether it was echoed, and whether it was in a line at the prompt.
        let (mut typed, mut in_line) = (Vec::new(), false);
        // Times at which a password prompt was there, and the number of keys before it.
        let mut asked = Vec::new();
        for step in steps {
            match step {
                Step::Settings(tty) => bench.tty = tty,
                Step::Mark(mark) => {
                    in_line = match mark {
                        PromptMark::PromptReady | PromptMark::Continuation => true,
                        PromptMark::BracketedPaste(_) => in_line,
                        _ => false,
                    };
                    bench.mark(mark);
                }
                Step::Keys(count, ends) => {
                    let mut keys = String::new();
                    for _ in 0..count {
                        keys.push(key(typed.len()));
                        typed.push((bench.now, bench.tty == ECHO, in_line));
                    }
                    if ends {
                        keys.push('\r');
                        in_line = false;
                    }
                    bench.keys(&keys);
                }
                Step::Wait(ms) => bench.wait(ms),
            }
            if bench.tty == PASSWORD {
                bench.look();
                asked.push((bench.now, typed.len()));
            }
        }
        let recorded = bench.recorded();
        prop_assert!(!recorded.contains("**"), "a run of any length is one marker");
        let mut last = None;
        for character in recorded.chars().filter(|character| !matches!(character, '*' | '\r')) {
            let number = character as usize - 0x4e00;
            prop_assert!(last.replace(number).is_none_or(|before| before < number), "in their order, once");
            let (at, was_echoed, was_in_line) = typed[number];
            prop_assert!(was_echoed || was_in_line, "key {number} was not shown");
            let early = asked.iter().any(|(asked, keys)| number < *keys && *asked < at + HOLD_TIME);
            prop_assert!(!early, "key {number} may be a password that was typed too early");
        }
    }

    #[test]
    fn all_that_is_echoed_is_recorded(lines in vec("[a-z]{0,5}\r?", 1..20)) {
        let mut bench = Bench::new();
        for line in &lines {
            if !line.is_empty() {
                bench.keys(line);
            }
            bench.wait(10);
        }
        prop_assert_eq!(bench.recorded(), lines.concat());
    }
}
