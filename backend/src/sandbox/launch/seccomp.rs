//! Kernel restrictions on top of user permissions: Landlock scopes, and a seccomp filter that denies parts of the kernel that
//! shells do not need and that past exploits used, and optionally the network.

use crate::sandbox::Network;
use landlock::{ABI, Access, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
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

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts signals and abstract Unix sockets to the processes of the session, if the kernel supports it (6.12).
pub(super) fn scope_signals_and_sockets() -> io::Result<()> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.scope(Scope::from_all(ABI::V6)).map_err(io::Error::other)?;
    ruleset.create().and_then(landlock::RulesetCreated::restrict_self).map_err(io::Error::other)?;
    Ok(())
}

/// Denies system calls to this process, its children, and the programs that they execute.
pub(super) fn filter_system_calls(network: Network) -> io::Result<()> {
    let mut rules: Rules = DENIED.into_iter().map(|call| (call, Vec::new())).collect();
    let [new_user, files, thread] =
        [libc::CLONE_NEWUSER, libc::CLONE_FILES, libc::CLONE_THREAD].map(|flag| flag as u64);
    // A user namespace grants capabilities, and with them much more of the kernel. A thread with its own descriptor table
    // would hide open files from the disk scanner.
    let namespace = rule(&[(0, MaskedEq(new_user), new_user)])?;
    let clone = vec![namespace.clone(), rule(&[(0, MaskedEq(thread | files), thread)])?];
    rules.insert(libc::SYS_clone, clone);
    rules.insert(libc::SYS_unshare, vec![namespace, rule(&[(0, MaskedEq(files), files)])?]);
    let typing: Result<Vec<_>, _> = TYPING_IOCTLS.iter().map(|request| rule(&[(1, Eq, *request)])).collect();
    rules.insert(libc::SYS_ioctl, typing?);
    rules.insert(libc::SYS_socket, vec![other_families(network)?]);
    install(rules, libc::EPERM)?;
    // A filter cannot read the flags of clone3, which are in memory. On ENOSYS programs fall back to clone.
    install(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
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
