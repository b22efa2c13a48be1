//! Drops the privileges of root for good, and verifies it.

use crate::sandbox::Context;
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::io;

/// Becomes a user without capabilities, for this process and its children.
pub(in crate::sandbox) fn become_user(uid: u32) -> io::Result<()> {
    clear_ambient_capability_set().context("dropping ambient capabilities")?;
    // By number: the kernel may have capabilities that this library does not know.
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        match capability_is_in_bounding_set(capability) {
            Ok(true) => {
                remove_capability_from_bounding_set(capability).context("emptying the capability bounding set")?;
            }
            Ok(false) => {}
            // Past the kernel's last capability.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error).context("reading the capability bounding set"),
        }
    }
    let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    set_thread_groups(&[]).context("dropping supplementary groups")?;
    set_thread_res_gid(group, group, group).context("setting the gid")?;
    set_thread_res_uid(user, user, user).context("setting the uid")?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .context("dropping capabilities")
}

/// Shows the open files of a process that has changed its user: the usage monitor kills one that hides them. Becoming another
/// program does the same.
pub(in crate::sandbox) fn show_open_files() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::Dumpable).context("showing open files")
}

/// Verifies that this process is the user and cannot become root again.
pub(in crate::sandbox) fn check(uid: u32) -> io::Result<()> {
    let ids = format!("{uid}\t{uid}\t{uid}\t{uid}");
    let none = "0000000000000000";
    let status = std::fs::read_to_string("/proc/self/status")?;
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| (set, none));
    for (name, expected) in [("Uid", &*ids), ("Gid", &*ids), ("Groups", "")].into_iter().chain(sets) {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if value.map(str::trim) != Some(expected) {
            return Err(io::Error::other(format!("{name} is {value:?}")));
        }
    }
    if uid == 0 || set_thread_res_uid(None, Some(Uid::ROOT), None).is_ok() {
        return Err(io::Error::other("the process can become root again"));
    }
    Ok(())
}
