//! The one place with `unsafe`: a descriptor of our own for a PTY that portable-pty opened, because the crate gives out the
//! number only; its registration with tokio, which asks for a promise that the type system does not check; closing what a
//! process was born with; and the system calls that no crate wraps.

use rustix::fd::{BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::ioctl::{IntegerSetter, Opcode, ioctl, opcode};
use rustix::process::Signal;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A non-blocking duplicate of an open descriptor, closed on exec.
///
/// `raw` must be open for the duration of the call; the caller holds its owner.
pub(super) fn nonblocking_duplicate(raw: RawFd) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "portable-pty exposes the master only as a number")]
    // SAFETY: the caller holds the `MasterPty` that owns this descriptor, so it stays open until we return.
    let master = unsafe { BorrowedFd::borrow_raw(raw) };
    let ours = rustix::io::fcntl_dupfd_cloexec(master, 3)?;
    fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
    Ok(ours)
}

/// Readiness of a descriptor. Call it within the runtime.
pub(super) fn readiness(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "tokio's safe constructor is deprecated because it cannot check this")]
    // SAFETY: an `OwnedFd` is open, always returns the same number, and is closed only when the `AsyncFd` that owns it now
    // is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(io::Error::from)
}

/// The terminal's other side, opened without making it anyone's controlling terminal.
pub(super) fn peer(master: &OwnedFd) -> io::Result<OwnedFd> {
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
    Ok(ioctl_tiocgptpeer(master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?)
}

/// Sends a signal to the terminal's foreground process group, as its key would, even when nobody reads input (TIOCSIG).
pub(super) fn signal_foreground(master: &OwnedFd, signal: Signal) -> io::Result<()> {
    // From asm-generic/ioctls.h: _IOW('T', 0x36, int).
    const TIOCSIG: Opcode = opcode::write::<i32>(b'T', 0x36);
    #[expect(unsafe_code, reason = "no crate wraps this call")]
    // SAFETY: TIOCSIG takes its argument by value, an integer, and writes no memory.
    let sent = unsafe { ioctl(master, IntegerSetter::<TIOCSIG>::new_usize(signal.as_raw() as usize)) };
    Ok(sent?)
}

/// Closes everything but standard input, output and error, in a process that has opened nothing itself yet.
pub(super) fn close_all_but_standard() -> io::Result<()> {
    // The directory's own descriptor is among them, and closed by the end of this statement: closing it again is an error
    // without consequence.
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        #[expect(unsafe_code, reason = "what a process inherits has no owner in it")]
        // SAFETY: the launcher and the sweep call this first, with one thread and without any descriptor of their own.
        unsafe {
            libc::close(number);
        }
    }
    Ok(())
}

/// What System V has without files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SystemV {
    Memory,
    Queue,
    Semaphores,
}

/// Removes one of them by its number. One that is gone already is no error.
pub(super) fn remove_system_v(kind: SystemV, id: i32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no crate wraps these calls")]
    // SAFETY: IPC_RMID reads and writes no memory of this process.
    let outcome = unsafe {
        match kind {
            SystemV::Memory => libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            SystemV::Queue => libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            SystemV::Semaphores => libc::semctl(id, 0, libc::IPC_RMID),
        }
    };
    if outcome == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EIDRM)) { Ok(()) } else { Err(error) }
}

/// Which Landlock the kernel has; 0 for none.
pub(super) fn landlock_version() -> i64 {
    /// From linux/landlock.h.
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
    let (nothing, none) = (std::ptr::null::<libc::c_void>(), 0usize);
    #[expect(unsafe_code, reason = "the crate that wraps it tells what it did, not what it could do")]
    // SAFETY: with this flag and no attributes the call reads and writes no memory, and returns a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, none, LANDLOCK_CREATE_RULESET_VERSION) };
    version.max(0)
}

/// Does something as this user where files are concerned, `/proc` included: what the kernel shows of a process it shows to
/// its user, and to root only with a capability that containers withhold. Signals and everything else go by the real users.
pub(super) fn as_user<T>(uid: u32, act: impl FnOnce() -> T) -> T {
    struct Root;
    impl Drop for Root {
        fn drop(&mut self) {
            set_file_user(0);
        }
    }
    let _root = Root;
    set_file_user(uid);
    act()
}

/// Of this thread only. One that may not stays who it is.
fn set_file_user(uid: u32) {
    #[expect(unsafe_code, reason = "no crate here wraps these calls")]
    // SAFETY: they take and return numbers.
    unsafe {
        libc::setfsgid(uid);
        libc::setfsuid(uid);
    }
}
