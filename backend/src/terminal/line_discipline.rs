//! The kernel's line discipline: the settings of a new terminal, and Ctrl-C ahead of input that no program reads, as these
//! settings have it at the time. All of them belong to the programs in the terminal.

use super::pty::InterruptKey;
use super::sys::{peer, signal_foreground};
use rustix::fd::OwnedFd;
use rustix::process::Signal;
use rustix::termios::{
    Action, InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflow, tcflush,
    tcgetattr, tcsetattr,
};
use std::io;

/// Ctrl-C.
const CTRL_C: u8 = 0x03;

/// Gives a new terminal the settings of one behind ssh: the kernel's own, and IUTF8, with which Backspace takes back a
/// character instead of a byte.
pub(super) fn set_up(master: &OwnedFd) -> io::Result<()> {
    let mut settings = tcgetattr(master)?;
    settings.input_modes |= InputModes::IUTF8;
    Ok(tcsetattr(master, OptionalActions::Now, &settings)?)
}

/// The effect of Ctrl-C: `None` unless it is the interrupt character of a terminal that makes signals.
pub(super) fn interrupt_key(settings: &Termios) -> Option<InterruptKey> {
    let (local, input) = (settings.local_modes, settings.input_modes);
    // With EXTPROC, another program does the work of the line discipline.
    let signals = local.contains(LocalModes::ISIG) && !local.contains(LocalModes::EXTPROC);
    let is_interrupt = settings.special_codes[SpecialCodeIndex::VINTR] == CTRL_C;
    let echo: &[u8] = match (local.contains(LocalModes::ECHO), local.contains(LocalModes::ECHOCTL)) {
        (true, true) => b"^C",
        (true, false) => &[CTRL_C],
        (false, _) => b"",
    };
    let (flushes, continues) = (!local.contains(LocalModes::NOFLSH), input.contains(InputModes::IXON));
    (signals && is_interrupt).then_some(InterruptKey { flushes, continues, echo })
}

/// Does what the interrupt character does: the kernel would not see it behind input that waits.
pub(super) fn interrupt(master: &OwnedFd, key: InterruptKey) -> io::Result<()> {
    // On the master, a flush would drop output instead.
    let slave = peer(master)?;
    if key.flushes {
        tcflush(&slave, QueueSelector::IFlush)?;
    }
    if key.continues {
        // The kernel continues only output that was stopped by the same kind of call; Ctrl-S is of another kind.
        tcflow(&slave, Action::OOff)?;
        tcflow(&slave, Action::OOn)?;
    }
    signal_foreground(master, Signal::INT)
}
