//! Kernel restrictions on top of user permissions: Landlock keeps signals and abstract sockets within the session and writes out
//! of `/proc`. A seccomp filter denies parts of the kernel that shells do not need and that past exploits used, ways to hide from
//! the usage monitor, and optionally the network.

use crate::sandbox::Network;
use crate::terminal::sys::landlock_version;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope,
};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::collections::BTreeMap;
use std::io;

/// System calls that no program of a session needs.
const DENIED: [i64; 33] = [
    // Kernel keyrings: memory that is shared by uid or with the service.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Large subsystems with a history of privilege escalation.
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Administration; without capabilities these calls fail anyway.
    libc::SYS_acct,
    libc::SYS_chroot,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_setns,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_vhangup,
];

/// TIOCSTI and TIOCLINUX from asm-generic/ioctls.h: they type into a terminal and a virtual console.
const TYPING_IOCTLS: [u64; 2] = [0x5412, 0x541C];

/// Bit of the x32 numbers of system calls on x86-64; a filter must deny both numbers.
const X32_BIT: i64 = 0x4000_0000;

/// First version of Landlock (Linux 5.19) whose rules for files leave `rename` between directories alone.
pub(in crate::sandbox) const LANDLOCK_RENAMES: i64 = 2;

/// First version of Landlock (Linux 6.12) that can scope signals and abstract sockets.
pub(in crate::sandbox) const LANDLOCK_SCOPES: i64 = 6;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts signals and abstract Unix sockets to the processes of the session (Linux 6.12), and denies writes to files in
/// `/proc` (5.19), where a process could lower its own OOM score. Does what the kernel supports.
pub(super) fn restrict_by_landlock() -> io::Result<()> {
    restrict().map_err(io::Error::other)
}

/// Keeps signals and abstract Unix sockets of this process and its children within them (Linux 6.12). Returns false where the
/// kernel cannot.
pub(in crate::sandbox) fn scope_signals() -> io::Result<bool> {
    if landlock_version() < LANDLOCK_SCOPES {
        return Ok(false);
    }
    let restricted = scoped().and_then(|ruleset| ruleset.create()?.restrict_self());
    restricted.map(|_| true).map_err(io::Error::other)
}

fn scoped() -> Result<Ruleset, RulesetError> {
    Ruleset::default().set_compatibility(CompatLevel::BestEffort).scope(Scope::from_all(ABI::V6))
}

fn restrict() -> Result<(), RulesetError> {
    let ruleset = scoped()?;
    if landlock_version() < LANDLOCK_RENAMES {
        ruleset.create()?.restrict_self()?;
        return Ok(());
    }
    // Landlock only lists what is allowed. Moving a file is among it, because otherwise it would be denied everywhere.
    let access = AccessFs::WriteFile | AccessFs::Refer;
    let mut ruleset = ruleset.handle_access(access)?.create()?;
    for entry in std::fs::read_dir("/").into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir()
            && entry.file_name() != "proc"
            && let Ok(directory) = PathFd::new(&path)
        {
            ruleset = ruleset.add_rule(PathBeneath::new(directory, access))?;
        }
    }
    ruleset.restrict_self()?;
    Ok(())
}

/// Denies system calls to this process, its children, and the programs that they execute.
pub(super) fn filter_system_calls(network: Network) -> io::Result<()> {
    let mut rules: Rules = DENIED.into_iter().map(|call| (call, Vec::new())).collect();
    let [new_user, files, thread] =
        [libc::CLONE_NEWUSER, libc::CLONE_FILES, libc::CLONE_THREAD].map(|flag| flag as u64);
    // A user namespace grants capabilities, and with them much more of the kernel. The disk scanner reads one descriptor table
    // of a process, so all of its threads must share that.
    let namespace = rule(&[(0, MaskedEq(new_user), new_user)])?;
    let clone = vec![namespace.clone(), rule(&[(0, MaskedEq(thread | files), thread)])?];
    rules.insert(libc::SYS_clone, clone);
    rules.insert(libc::SYS_unshare, vec![namespace, rule(&[(0, MaskedEq(files), files)])?]);
    let own_table = u64::from(libc::CLOSE_RANGE_UNSHARE);
    rules.insert(libc::SYS_close_range, vec![rule(&[(2, MaskedEq(own_table), own_table)])?]);
    let typing: Result<Vec<_>, _> = TYPING_IOCTLS.iter().map(|request| rule(&[(1, Eq, *request)])).collect();
    rules.insert(libc::SYS_ioctl, typing?);
    rules.insert(libc::SYS_socket, vec![other_families(network)?]);
    rules.insert(libc::SYS_prlimit64, vec![limits_of_others()?]);
    install(rules, libc::EPERM)?;
    // A filter cannot read the flags of clone3, which are in memory. All users of a machine share the number of requests that
    // io_setup may reserve. On ENOSYS programs fall back to clone, and to files without asynchronous requests.
    install(Rules::from([libc::SYS_clone3, libc::SYS_io_setup].map(|call| (call, Vec::new()))), libc::ENOSYS)?;
    // A process that is not dumpable hides its open files from its own user, and so from the disk scanner. Agents that guard
    // keys end if they cannot become so: the call succeeds, and changes nothing.
    let hide = rule(&[(0, Eq, libc::PR_SET_DUMPABLE as u64), (1, Eq, 0)])?;
    install(Rules::from([(libc::SYS_prctl, vec![hide])]), 0)
}

/// Matches sockets of every family that is not allowed.
fn other_families(network: Network) -> io::Result<SeccompRule> {
    let all = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let allowed = match network {
        // Netlink: getaddrinfo asks the kernel for its addresses.
        Network::Shared => &all[..],
        Network::None => &all[..1],
    };
    let conditions: Vec<_> = allowed.iter().map(|family| (0, Ne, *family as u64)).collect();
    rule(&conditions)
}

/// Matches a change of another process's limits: a student could make a check's programs fail, which no other barrier prevents.
fn limits_of_others() -> io::Result<SeccompRule> {
    // The new limits are a pointer, of which each half may be 0.
    let is_change = SeccompCondition::new(2, SeccompCmpArgLen::Qword, Ne, 0);
    let is_other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, Ne, 0);
    is_change.and_then(|change| SeccompRule::new(vec![is_other?, change])).map_err(io::Error::other)
}

fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> io::Result<SeccompRule> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .map(|(argument, comparison, value)| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, comparison.clone(), *value)
        })
        .collect();
    conditions.and_then(SeccompRule::new).map_err(io::Error::other)
}

fn install(mut rules: Rules, errno: i32) -> io::Result<()> {
    if cfg!(target_arch = "x86_64") {
        let x32: Vec<_> = rules.iter().map(|(call, rules)| (call | X32_BIT, rules.clone())).collect();
        rules.extend(x32);
    }
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let deny = SeccompAction::Errno(errno as u32);
    // A system call of another architecture (32 bits) kills the process.
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, deny, architecture).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}
