//! The working directory that a shell tells at its prompt by OSC 7: the address of a file on this machine. Any program may print
//! one, so it is checked before people see it.

use percent_encoding::percent_decode_str;
use shared_protocol::text::is_directory;

/// Where a shell is, as it told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellDirectory {
    /// Name of this machine: what a shell on another one tells is of no use here.
    host: String,
    /// Absolute path, at most [`shared_protocol::limits::DIRECTORY_BYTES`], with no hidden character; `None` where it is not
    /// known.
    path: Option<String>,
}

impl ShellDirectory {
    /// A directory that is not known, of a shell on this machine.
    pub fn here() -> Self {
        Self { host: rustix::system::uname().nodename().to_string_lossy().into_owned(), path: None }
    }

    /// The path, where it is known.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Takes the payload of an OSC 7. True if the directory is another one now. It is not known any longer after an address of
    /// this machine without a path that can be shown: files must not go to the one before.
    pub fn tell(&mut self, address: &str) -> bool {
        let Some((host, path)) = split(address) else { return false };
        if !(host.is_empty() || host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(&self.host)) {
            return false;
        }
        let path = percent_decode_str(path).decode_utf8().ok().filter(|path| is_directory(path)).map(Into::into);
        let is_new = path != self.path;
        self.path = path;
        is_new
    }
}

/// Host and path of `file://host/path`.
fn split(address: &str) -> Option<(&str, &str)> {
    let rest = address.strip_prefix("file://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directory after these payloads, and whether the last one changed it.
    fn told(addresses: &[&str]) -> (Option<String>, bool) {
        let mut directory = ShellDirectory { host: "lab-7".into(), path: None };
        let changed = addresses.iter().map(|address| directory.tell(address)).last();
        (directory.path, changed.unwrap_or(false))
    }

    fn known(path: &str, changed: bool) -> (Option<String>, bool) {
        (Some(path.into()), changed)
    }

    #[test]
    fn a_path_of_this_machine_is_decoded() {
        for host in ["", "lab-7", "LAB-7", "localhost"] {
            let address = format!("file://{host}/srv/lab%207/donn%C3%A9es%25;é");
            assert_eq!(told(&[&address]), known("/srv/lab 7/données%;é", true), "{host}");
            assert_eq!(told(&[&address, &address]), known("/srv/lab 7/données%;é", false), "{host}");
        }
    }

    #[test]
    fn what_another_machine_tells_changes_nothing() {
        for address in ["file://lab-8/etc", "file://lab-7.example/etc", "http://lab-7/etc", "/etc", "file:/etc", ""] {
            assert_eq!(told(&["file://lab-7/srv", address]), known("/srv", false), "{address}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_shown_is_not_known() {
        let long = format!("file://lab-7/{}", "d".repeat(shared_protocol::limits::DIRECTORY_BYTES));
        for address in
            ["file://lab-7", "file://", "file:///a%1B[2J", "file:///a%00", "file:///%E2%80%AEa", "file:///%FF", &long]
        {
            assert_eq!(told(&["file://lab-7/srv", address]), (None, true), "{address}");
        }
    }
}
