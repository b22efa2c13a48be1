//! Processes in `/proc`, to prove that they are stopped or gone.

/// Parent and state of a process.
fn stat(pid: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ppid …"; the name may contain any character.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// The state letter of a process: `T` is stopped, `Z` a zombie; `None` if it does not exist.
pub fn state_of(pid: u32) -> Option<char> {
    stat(pid).map(|(_, state)| state)
}

/// True if a process runs. Zombies do not: in a container, the `init` that inherits them may never reap them.
pub fn alive(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Children of a process, each with its state letter; `Z` is a zombie.
pub fn children_of(parent: u32) -> Vec<(u32, char)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let states = pids.filter_map(|pid| stat(pid).map(|(of, state)| (of, (pid, state))));
    states.filter(|(of, _)| *of == parent).map(|(_, child)| child).collect()
}

/// Zombies among the children of a process.
pub fn zombies_of(parent: u32) -> Vec<u32> {
    children_of(parent).into_iter().filter(|(_, state)| *state == 'Z').map(|(pid, _)| pid).collect()
}
