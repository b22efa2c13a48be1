//! What is left in `/proc`: the only witness that a session's processes are really gone.

/// Parent and state of a process.
fn stat(pid: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ppid …"; the name may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Whether a process runs. One that has ended may still be seen: whose parent has ended too is waited for by the machine's `init`,
/// which in a container may be a program that waits for nobody.
pub fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| !matches!(state, 'Z' | 'X'))
}

/// Children of a process, each with its state: `Z` has ended, and nobody waited for it.
pub fn children_of(parent: u32) -> Vec<(u32, char)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let states = pids.filter_map(|pid| stat(pid).map(|(of, state)| (of, (pid, state))));
    states.filter(|(of, _)| *of == parent).map(|(_, child)| child).collect()
}

/// Children of a process that have ended and that nobody waited for.
pub fn zombies_of(parent: u32) -> Vec<u32> {
    children_of(parent).into_iter().filter(|(_, state)| *state == 'Z').map(|(pid, _)| pid).collect()
}
