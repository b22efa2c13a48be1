//! System calls that need `unsafe`; no other file has any. They duplicate the PTY master that portable-pty exposes as a number,
//! register it with tokio, close inherited descriptors, and call what no crate wraps.

use rustix::fd::{BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::ioctl::{IntegerSetter, Opcode, ioctl, opcode};
use rustix::process::Signal;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A non-blocking duplicate of an open descriptor, closed on exec.
///
/// `raw` must stay open during the call.
pub(super) fn nonblocking_duplicate(raw: RawFd) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "portable-pty exposes the master only as a number")]
    // SAFETY: the caller holds the `MasterPty` that owns this descriptor, so it stays open during the call.
    let master = unsafe { BorrowedFd::borrow_raw(raw) };
    let duplicate = rustix::io::fcntl_dupfd_cloexec(master, 3)?;
    fcntl_setfl(&duplicate, fcntl_getfl(&duplicate)? | OFlags::NONBLOCK)?;
    Ok(duplicate)
}

/// Registers a descriptor with the runtime's poller. Call it within the runtime.
pub(super) fn readiness(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "tokio's safe constructor is deprecated because it cannot check this")]
    // SAFETY: an `OwnedFd` is open, always returns the same number, and is closed only when the `AsyncFd` that owns it now
    // is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(io::Error::from)
}

/// Opens the slave of a PTY, without making it a controlling terminal.
pub(super) fn peer(master: &OwnedFd) -> io::Result<OwnedFd> {
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
    Ok(ioctl_tiocgptpeer(master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?)
}

/// Signals the foreground process group, as the signal's key does, even if no program reads input (TIOCSIG).
pub(super) fn signal_foreground(master: &OwnedFd, signal: Signal) -> io::Result<()> {
    // From asm-generic/ioctls.h: _IOW('T', 0x36, int).
    const TIOCSIG: Opcode = opcode::write::<i32>(b'T', 0x36);
    #[expect(unsafe_code, reason = "no crate wraps this call")]
    // SAFETY: TIOCSIG takes its argument by value, an integer, and writes no memory.
    let sent = unsafe { ioctl(master, IntegerSetter::<TIOCSIG>::new_usize(signal.as_raw() as usize)) };
    Ok(sent?)
}

/// Closes all inherited descriptors but standard input, output and error. Call it before the process opens any.
pub(crate) fn close_all_but_standard() -> io::Result<()> {
    // The list includes the listing's own descriptor, which is closed by then: a second close fails without consequence.
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        #[expect(unsafe_code, reason = "an inherited descriptor has no owner in this process")]
        // SAFETY: launcher and cleanup call this first, with one thread and without a descriptor of their own.
        unsafe {
            libc::close(number);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IpcKind {
    Memory,
    Queue,
    Semaphores,
}

/// Removes a System V object. One that is already gone is no error.
pub(crate) fn remove_ipc_object(kind: IpcKind, id: i32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no crate wraps these calls")]
    // SAFETY: IPC_RMID reads and writes no memory of this process.
    let outcome = unsafe {
        match kind {
            IpcKind::Memory => libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            IpcKind::Queue => libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            IpcKind::Semaphores => libc::semctl(id, 0, libc::IPC_RMID),
        }
    };
    if outcome == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EIDRM)) { Ok(()) } else { Err(error) }
}

/// Landlock ABI version of the kernel; 0 for none.
pub(crate) fn landlock_version() -> i64 {
    /// From linux/landlock.h.
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
    let (nothing, none) = (std::ptr::null::<libc::c_void>(), 0usize);
    #[expect(unsafe_code, reason = "the landlock crate does not expose the version")]
    // SAFETY: with this flag and no attributes the call reads and writes no memory, and returns a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, none, LANDLOCK_CREATE_RULESET_VERSION) };
    version.max(0)
}

/// Runs `act` with this user's file permissions, which includes `/proc`: reading another user's process takes CAP_SYS_PTRACE,
/// which containers withhold from root. Affects this thread only; signals still go by the real user.
pub(crate) fn as_user<T>(uid: u32, act: impl FnOnce() -> T) -> T {
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

/// Without the capability it changes nothing.
fn set_file_user(uid: u32) {
    #[expect(unsafe_code, reason = "no crate here wraps these calls")]
    // SAFETY: they take and return numbers.
    unsafe {
        libc::setfsgid(uid);
        libc::setfsuid(uid);
    }
}
