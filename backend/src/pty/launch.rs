//! `termgate launch`: what the service's binary does, as root and alone in a fresh process, between a new terminal and a
//! stranger's shell. It gives up everything, asks the kernel whether it did, and becomes the shell. To be read line by line:
//! whatever a step leaves open is open to everyone.

mod confine;
mod order;

pub(super) use order::Order;

use super::descriptor::close_all_but_standard;
use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit, umask};
use rustix::termios::isatty;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// Open files of a process.
const FILES: u64 = 1024;

/// Memory of a process that the kernel may not swap out, in bytes.
const LOCKED_BYTES: u64 = 64 * 1024;

/// How far behind the service its sessions stand in line for a processor.
const NICENESS: i32 = 10;

/// How much sooner than the service they are chosen when the machine's memory is out; 1000 is the most.
const OOM_SCORE: &str = "900";

/// As shells say that a program was found and could not be started.
const CANNOT_START: u8 = 126;

/// What could not be done, as a sentence for a person.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {error}")]
pub(super) struct Failed {
    step: &'static str,
    error: io::Error,
}

trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, Failed>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: &'static str) -> Result<T, Failed> {
        self.map_err(|error| Failed { step, error: error.into() })
    }
}

/// Becomes the shell; returns only when it could not. The arguments are those after `launch`.
#[expect(clippy::print_stderr, reason = "standard error is the terminal of whoever waits for the shell")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let outcome = Order::parse(arguments).step("the order").and_then(|order| launch(&order));
    let Err(failed) = outcome;
    eprintln!("termgate: the shell cannot be started: {failed}\r");
    ExitCode::from(CANNOT_START)
}

fn launch(order: &Order) -> Result<Infallible, Failed> {
    close_all_but_standard().step("closing descriptors")?;
    umask(Mode::RWXG | Mode::RWXO);
    own_terminal(order.uid).step("handing over the terminal")?;
    limit(order).step("setting limits")?;
    step_back().step("stepping back behind the service")?;
    become_user(order.uid)?;
    set_no_new_privs(true).step("giving up privileges of programs")?;
    confine::signals_and_sockets().step("Landlock")?;
    confine::system_calls(order.network).step("filtering system calls")?;
    check(order.uid).step("giving up root")?;
    std::env::set_current_dir(&order.home).step("entering the home directory")?;
    // Does not return when it works. Resets what the Rust runtime did to SIGPIPE.
    let error = Command::new(&order.program).args(&order.arguments).exec();
    Err(Failed { step: "the program", error })
}

/// The terminal is the user's, and nobody else's to write to.
fn own_terminal(uid: u32) -> io::Result<()> {
    let terminal = io::stdin();
    if !isatty(&terminal) {
        return Err(io::Error::other("standard input is no terminal"));
    }
    fchown(&terminal, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    fchmod(&terminal, Mode::RUSR | Mode::WUSR)?;
    Ok(())
}

fn limit(order: &Order) -> io::Result<()> {
    for (resource, most) in [
        // Of the uid, not of the process.
        (Resource::Nproc, order.processes),
        (Resource::Nofile, FILES),
        (Resource::Fsize, order.disk),
        // Not the address space: runtimes reserve much that they never use. Twice, because what is counted here is still
        // more than what is used, which is watched.
        (Resource::Data, order.memory.saturating_mul(2)),
        (Resource::Memlock, LOCKED_BYTES),
        (Resource::Core, 0),
        // Their queues would outlive them where no file system shows them.
        (Resource::Msgqueue, 0),
        (Resource::Rtprio, 0),
    ] {
        // More than the container has cannot be given.
        let most = getrlimit(resource).maximum.map_or(most, |there| there.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

fn step_back() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE)?;
    nice(NICENESS)?;
    Ok(())
}

/// Everything that root can do is given up, for this process and whatever it starts.
pub(super) fn become_user(uid: u32) -> Result<(), Failed> {
    clear_ambient_capability_set().step("giving up ambient capabilities")?;
    // What the kernel has and this library does not know is given up too.
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        match capability_is_in_bounding_set(capability) {
            Ok(true) => remove_capability_from_bounding_set(capability).step("giving up capabilities for good")?,
            Ok(false) => {}
            // There are no more.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error).step("reading capabilities"),
        }
    }
    let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    set_thread_groups(&[]).step("leaving groups")?;
    set_thread_res_gid(group, group, group).step("taking on the group")?;
    set_thread_res_uid(user, user, user).step("taking on the user")?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .step("giving up capabilities")
}

/// Asks the kernel who this process is, and tries the way back.
pub(super) fn check(uid: u32) -> io::Result<()> {
    let all = format!("{uid}\t{uid}\t{uid}\t{uid}");
    let nothing = "0000000000000000";
    let status = std::fs::read_to_string("/proc/self/status")?;
    for (name, expected) in [
        ("Uid", &*all),
        ("Gid", &*all),
        ("Groups", ""),
        ("CapInh", nothing),
        ("CapPrm", nothing),
        ("CapEff", nothing),
        ("CapBnd", nothing),
        ("CapAmb", nothing),
    ] {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if value.map(str::trim) != Some(expected) {
            return Err(io::Error::other(format!("{name} is {value:?}")));
        }
    }
    if uid == 0 || set_thread_res_uid(None, Some(Uid::ROOT), None).is_ok() {
        return Err(io::Error::other("root can be had back"));
    }
    Ok(())
}
