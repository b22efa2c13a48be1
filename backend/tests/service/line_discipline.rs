//! The settings of real terminals: those of a new one, and Ctrl-C as the settings of the moment have it.

use crate::support::{Service, Terminal};

/// `stty -a` in a login over ssh from xterm, in the order of stty; speed and size are left out.
const SSH: &str = "intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>; eol2 = <undef>; \
swtch = <undef>; start = ^Q; stop = ^S; susp = ^Z; rprnt = ^R; werase = ^W; lnext = ^V; discard = ^O; min = 1; time = 0; \
-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts \
-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr icrnl ixon -ixoff -iuclc -ixany -imaxbel iutf8 \
opost -olcuc -ocrnl onlcr -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0 \
isig icanon iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt echoctl echoke -flusho -extproc";

async fn attached() -> (Service, Terminal) {
    let service = Service::start().await;
    let terminal = service.attached("page").await;
    (service, terminal)
}

/// Waits for a signal that `trap` has set `x` for, also if it came before.
const UNTIL_TRAPPED: &str = r#"until [ "$x" ]; do sleep 0.1; done"#;

/// Runs a program with these settings of the terminal, and waits until it says `ready`.
async fn run(terminal: &mut Terminal, settings: &str, program: &str) {
    run_with_trap(terminal, settings, ":", program).await;
}

/// The same; the program sets its trap before it is ready.
async fn run_with_trap(terminal: &mut Terminal, settings: &str, trap: &str, program: &str) {
    terminal.keys(&format!("stty {settings}; sh -c '{trap}; echo re\"ady\"; {program}'; stty sane\r")).await;
    terminal.sees("ready").await;
    terminal.output.clear();
}

async fn interrupt(terminal: &mut Terminal) {
    let after = terminal.seq;
    terminal.ordered("interrupt", &format!(r#","afterSeq":{after}"#)).await;
}

#[tokio::test]
async fn a_new_terminal_has_the_settings_of_one_behind_ssh() {
    let (service, mut terminal) = attached().await;
    let (settings, _) = terminal.command("stty -a").await;
    let settings: Vec<&str> = settings.split_whitespace().skip_while(|word| *word != "intr").collect();
    assert_eq!(settings.join(" "), SSH);
    service.stop().await;
}

#[tokio::test]
async fn backspace_takes_back_a_whole_character() {
    let (service, mut terminal) = attached().await;
    run(&mut terminal, "sane iutf8", "head -n1 | od -An -tx1").await;
    terminal.keys("a\u{e9}\x7fb\u{1f600}\x7f\r").await;
    terminal.sees(" 61 62 0a").await;
    service.stop().await;
}

#[tokio::test]
async fn ctrl_c_is_a_key_unless_it_is_the_interrupt_character_of_a_terminal_that_makes_signals() {
    let (service, mut terminal) = attached().await;
    for settings in ["intr ^X", "intr undef", "-isig", "raw", "intr ^G quit ^X", "extproc"] {
        run(&mut terminal, &format!("-icanon {settings}"), "dd bs=1 count=2 status=none | od -An -tx1").await;
        // It has its turn behind the key before it.
        terminal.keys("a").await;
        interrupt(&mut terminal).await;
        terminal.sees(" 61 03").await;
        terminal.output.clear();
    }
    service.stop().await;
}

#[tokio::test]
async fn ctrl_c_is_another_signal_where_the_settings_say_so() {
    let (service, mut terminal) = attached().await;
    run_with_trap(&mut terminal, "intr ^X quit ^C", "trap \"x=1; echo qu''it\" QUIT", UNTIL_TRAPPED).await;
    interrupt(&mut terminal).await;
    terminal.sees("quit").await;
    service.stop().await;
}

#[tokio::test]
async fn an_interrupt_keeps_unread_input_with_noflsh_only() {
    let (service, mut terminal) = attached().await;
    for (settings, line) in [("noflsh", "early"), ("-noflsh", "late")] {
        let program = format!("{UNTIL_TRAPPED}; echo sec\"ond\"; read -r line; echo line $line");
        run_with_trap(&mut terminal, settings, "trap x=1 INT", &program).await;
        terminal.keys("early\r").await;
        terminal.sees("early\r\n").await;
        interrupt(&mut terminal).await;
        terminal.sees("second").await;
        terminal.keys("late\r").await;
        terminal.sees(&format!("line {line}")).await;
        // With NOFLSH, the other line is the shell's.
        terminal.keys("\r").await;
        terminal.command("true").await;
    }
    service.stop().await;
}

#[tokio::test]
async fn an_interrupt_is_echoed_as_the_settings_have_it() {
    let (service, mut terminal) = attached().await;
    for (settings, echo) in [("echo echoctl", "^C"), ("echo -echoctl", "\x03"), ("-echo echoctl", "")] {
        run_with_trap(&mut terminal, settings, "trap \"x=1; echo ca''ught\" INT", UNTIL_TRAPPED).await;
        interrupt(&mut terminal).await;
        terminal.sees("caught").await;
        assert_eq!(terminal.screen().split_once("caught").unwrap().0.trim(), echo, "{settings}");
    }
    service.stop().await;
}

#[tokio::test]
async fn an_interrupt_continues_stopped_output() {
    let (service, mut terminal) = attached().await;
    run(&mut terminal, "ixon", "exec sleep 1000").await;
    terminal.keys("\x13").await;
    interrupt(&mut terminal).await;
    assert_eq!(terminal.command("echo on").await, ("on\n".into(), 0));
    service.stop().await;
}
