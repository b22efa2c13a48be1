//! What the kernel refuses a session beyond what its user may not do anyway: parts of the kernel that a shell does not need
//! and that strangers have broken out through before, and, when asked, the network.

use crate::pty::isolation::Network;
use landlock::{ABI, Access, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::collections::BTreeMap;
use std::io;

/// Calls that nothing in a session needs.
const REFUSED: [i64; 33] = [
    // Kernel memory of their own, shared by uid or with the service.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Whole subsystems, a bug in which is a way out.
    libc::SYS_bpf,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Administration, which takes capabilities that are gone; so nothing is lost.
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

/// From asm-generic/ioctls.h: types into a terminal, and into a virtual console.
const TYPING: [u64; 2] = [0x5412, 0x541C];

/// The second numbering of the system calls of x86-64, which filters by number must know.
const X32: i64 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Sockets without a name in a directory, and signals, stay among the processes of the session, where the kernel offers it
/// (6.12).
pub(super) fn signals_and_sockets() -> io::Result<()> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.scope(Scope::from_all(ABI::V6)).map_err(io::Error::other)?;
    ruleset.create().and_then(landlock::RulesetCreated::restrict_self).map_err(io::Error::other)?;
    Ok(())
}

/// Refuses system calls from now on, to this process and whatever it becomes and starts.
pub(super) fn system_calls(network: Network) -> io::Result<()> {
    let mut rules: Rules = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let [new_user, files, thread] =
        [libc::CLONE_NEWUSER, libc::CLONE_FILES, libc::CLONE_THREAD].map(|flag| flag as u64);
    // A user namespace makes everyone root of a small world, with all of the kernel behind it. A thread with descriptors of
    // its own hides from the watch what it holds open.
    let namespace = rule(&[(0, MaskedEq(new_user), new_user)])?;
    let clone = vec![namespace.clone(), rule(&[(0, MaskedEq(thread | files), thread)])?];
    rules.insert(libc::SYS_clone, clone);
    rules.insert(libc::SYS_unshare, vec![namespace, rule(&[(0, MaskedEq(files), files)])?]);
    let typing: Result<Vec<_>, _> = TYPING.iter().map(|request| rule(&[(1, Eq, *request)])).collect();
    rules.insert(libc::SYS_ioctl, typing?);
    rules.insert(libc::SYS_socket, vec![other_families(network)?]);
    install(rules, libc::EPERM)?;
    // Its flags are out of a filter's sight; programs fall back on clone when it is not there.
    install(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

/// Any socket but those that sessions may have.
fn other_families(network: Network) -> io::Result<SeccompRule> {
    let all = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let allowed = match network {
        // Netlink: resolving names asks the kernel for its addresses.
        Network::Shared => &all[..],
        Network::None => &all[..1],
    };
    let conditions: Vec<_> = allowed.iter().map(|family| (0, Ne, *family as u64)).collect();
    rule(&conditions)
}

/// Applies when all conditions on arguments hold.
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
        let again: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(again);
    }
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let refuse = SeccompAction::Errno(errno as u32);
    // A call in the manner of another architecture (32 bits) ends the process.
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}
