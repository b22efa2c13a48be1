//! Order of a terminal's reads, writes and announcements.

use super::*;
use crate::clock::SystemClock;
use crate::terminal::ShellSpawner;
use crate::terminal::scripted::{Script, ScriptedSpawner};
use shared_protocol::server::Tty;

const SIZE: Size = Size { cols: 20, rows: 4 };

struct Bench {
    terminal: Terminal,
    log: OutputLog,
    events: Vec<TerminalEvent>,
    script: Script,
}

impl Bench {
    fn new() -> Self {
        let (shells, nonce) = (ScriptedSpawner::default(), Nonce::new([0; 16]));
        let spec = crate::terminal::ShellSpec {
            shell: "sh".into(),
            environment: Default::default(),
            directory: "/".into(),
            asked_directory: None,
            preparation: Default::default(),
            limits: Default::default(),
            size: SIZE,
            nonce: nonce.clone(),
        };
        let pty = shells.spawn(&spec).unwrap();
        let session = SessionId::new("s").unwrap();
        let metrics = Metrics::new(0);
        let terminal = Terminal::new(session, pty, &nonce, SIZE, 10, Arc::new(SystemClock), metrics);
        Self { terminal, log: OutputLog::default(), events: Vec::new(), script: shells.last().unwrap() }
    }

    fn read(&mut self) -> Vec<TerminalEvent> {
        self.terminal.read(&mut self.log, &mut self.events);
        std::mem::take(&mut self.events)
    }

    fn interrupt(&mut self) -> Option<InterruptKey> {
        self.terminal.interrupt(&client(), Seq(1), &mut self.log, &mut self.events)
    }

    fn stream_events(&self) -> Vec<(u64, StreamEvent)> {
        self.log.events_from(Pos(0)).map(|(pos, event)| (pos.0, event.clone())).collect()
    }
}

fn client() -> ClientId {
    ClientId::new("page").unwrap()
}

#[test]
fn output_is_logged_and_announced_once_for_each_read() {
    let mut bench = Bench::new();
    assert_eq!(bench.read(), [], "nothing was printed");
    bench.script.print(vec![b'x'; 10_000]);
    assert_eq!(bench.read(), [TerminalEvent::Output { from: Pos(0) }]);
    assert_eq!(bench.log.end(), Pos(10_000));
}

#[test]
fn a_resize_stands_behind_the_output_before_it() {
    let mut bench = Bench::new();
    bench.script.print("before");
    bench.terminal.resize(Size { cols: 30, rows: 5 }, &mut bench.log, &mut bench.events);
    assert_eq!(bench.stream_events(), [(6, StreamEvent::Size { cols: 30, rows: 5 })]);
    assert_eq!(bench.events, [TerminalEvent::Output { from: Pos(0) }]);
    bench.terminal.resize(Size { cols: 30, rows: 5 }, &mut bench.log, &mut bench.events);
    assert_eq!((bench.stream_events().len(), bench.script.sizes().len()), (1, 2), "the same size changes nothing");
}

#[test]
fn a_clients_result_goes_into_the_stream_and_a_one_shot_result_becomes_an_event() {
    let mut bench = Bench::new();
    bench.script.mark("B");
    bench.read();
    let origins = [Origin::Client { client: client(), id: "1".into() }, Origin::OneShot(7)];
    for origin in origins {
        bench.terminal.run_command(origin, "ls".into(), &mut bench.log, &mut bench.events);
        bench.script.mark("C");
        bench.script.print("out\r\n");
        bench.script.mark("D;0");
        bench.script.mark("B");
        bench.terminal.read(&mut bench.log, &mut bench.events);
    }
    let result = StreamEvent::CommandResult { id: "1".into(), result: "out\n".into(), truncated: false, exit_code: 0 };
    assert_eq!(bench.stream_events().into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [result]);
    let finished = TerminalEvent::OneShotFinished { key: 7, result: "out\n".into(), truncated: false, code: 0 };
    assert!(bench.events.contains(&finished), "{:?}", bench.events);
}

#[test]
fn an_interrupt_discards_only_the_clients_earlier_input() {
    let mut bench = Bench::new();
    bench.script.set_room(0);
    bench.terminal.write_keys(&client(), Seq(1), b"old".to_vec(), &mut bench.log);
    bench.terminal.write_keys(&ClientId::new("other").unwrap(), Seq(1), b"other".to_vec(), &mut bench.log);
    assert_eq!(bench.interrupt(), None, "it is a key");
    bench.script.set_interrupt_key(Some(InterruptKey { flushes: true, continues: false, echo: b"^C" }));
    assert!(bench.interrupt().is_some());
    bench.script.set_room(usize::MAX);
    bench.terminal.write_pending();
    assert_eq!(bench.script.input(), b"other");
    assert_eq!(bench.log.end(), Pos(2), "the echo is in the stream");
}

#[test]
fn an_interrupt_discards_nothing_where_the_settings_keep_input() {
    let mut bench = Bench::new();
    bench.script.set_room(0);
    bench.terminal.write_keys(&client(), Seq(1), b"kept".to_vec(), &mut bench.log);
    bench.script.set_interrupt_key(Some(InterruptKey { flushes: false, continues: false, echo: b"" }));
    assert!(bench.interrupt().is_some());
    bench.script.set_room(usize::MAX);
    bench.terminal.write_pending();
    assert_eq!((bench.script.input().as_slice(), bench.script.interrupts()), (&b"kept"[..], 1));
}

#[test]
fn a_key_follows_the_announcement_of_settings_that_changed_silently() {
    let mut bench = Bench::new();
    let password = Tty { echo: false, canonical: true };
    bench.script.set_tty(password);
    bench.terminal.write_keys(&client(), Seq(1), b"x".to_vec(), &mut bench.log);
    bench.script.print("*");
    bench.read();
    assert_eq!(bench.stream_events(), [(0, StreamEvent::Tty(password))]);
    assert_eq!(bench.log.end(), Pos(2));
}

#[test]
fn full_pending_input_is_not_accepted_and_gets_no_query_replies() {
    let mut bench = Bench::new();
    bench.script.set_room(0);
    bench.terminal.write_keys(&client(), Seq(1), vec![b'x'; PENDING_INPUT_BYTES], &mut bench.log);
    assert!(!bench.terminal.accepts_input());
    bench.script.print("\x1b[6n");
    bench.read();
    bench.terminal.catch_up(&mut bench.log);
    bench.script.set_room(usize::MAX);
    bench.terminal.write_pending();
    assert!(bench.terminal.accepts_input());
    assert_eq!(bench.script.input().len(), PENDING_INPUT_BYTES);
    bench.script.print("\x1b[6n");
    bench.read();
    bench.terminal.catch_up(&mut bench.log);
    assert_eq!(bench.script.input().len(), PENDING_INPUT_BYTES + b"\x1b[1;1R".len());
}

#[test]
fn an_exit_reads_the_last_output_and_rejects_waiting_commands() {
    let mut bench = Bench::new();
    assert_eq!(bench.terminal.exited(&mut bench.log, &mut bench.events), None);
    bench.terminal.run_command(Origin::OneShot(1), "ls".into(), &mut bench.log, &mut bench.events);
    bench.script.print("bye");
    bench.script.exit(3);
    let exit = bench.terminal.exited(&mut bench.log, &mut bench.events);
    assert_eq!(exit.map(|exit| exit.code), Some(3));
    let rejected = TerminalEvent::CommandRejected(Origin::OneShot(1), ErrorCode::Busy);
    assert_eq!(bench.events, [TerminalEvent::Output { from: Pos(0) }, rejected]);
    assert!(bench.terminal.at_end);
}
