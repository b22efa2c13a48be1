//! Transfers in a directory of the test's own, with memory in place of the pipes.

use super::super::wire::{CHUNK_BYTES, FileRefusal, Head, read_chunk, write_chunk, write_json};
use super::*;
use rustix::fs::{CWD, Mode, mkfifoat};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Most bytes of each transfer of these tests.
const MOST: u64 = 100_000;

/// A home, in which the shell's directory is `work`.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("work")).unwrap();
    home
}

fn run(home: &Path, from: &[u8]) -> (io::Result<()>, Vec<u8>) {
    let places = Places { shell: 0, home: home.to_owned() };
    let (shell, mut to) = (open_whole(&home.join("work")).unwrap(), Vec::new());
    (carry(&places, &shell, from, &mut to), to)
}

/// Brings these bytes to a new file; `end` is the digest that follows them, if the bytes end.
fn bring(home: &Path, directory: Option<&str>, name: &str, bytes: &[u8], end: Option<&str>) -> Option<Head> {
    bring_into(home, (directory, None), name, bytes, end)
}

/// The same into a folder below the directory.
fn bring_into(
    home: &Path,
    (directory, folder): (Option<&str>, Option<&str>),
    name: &str,
    bytes: &[u8],
    end: Option<&str>,
) -> Option<Head> {
    let (directory, folder) = (directory.map(str::to_owned), folder.map(str::to_owned));
    let task = FileTask::Receive { directory, folder, name: name.into(), part: "a1".into(), most: MOST };
    let mut from = Vec::new();
    write_json(&mut from, &task).unwrap();
    bytes.chunks(CHUNK_BYTES).for_each(|chunk| write_chunk(&mut from, chunk).unwrap());
    if let Some(digest) = end {
        write_chunk(&mut from, b"").unwrap();
        write_chunk(&mut from, digest.as_bytes()).unwrap();
    }
    let (done, to) = run(home, &from);
    let mut to = &to[..];
    let answer = match read_json(&mut to).ok()? {
        Head::Ready => read_json(&mut to).ok(),
        refused => Some(refused),
    };
    assert_eq!(done.is_ok(), answer.is_some());
    assert_eq!(to, b"");
    answer
}

/// The answer to a path, and the bytes that follow; `None` for bytes that break off.
fn take(home: &Path, path: &str) -> (Head, Option<Vec<u8>>) {
    let mut from = Vec::new();
    write_json(&mut from, &FileTask::Send { path: path.into(), most: MOST }).unwrap();
    let (_, to) = run(home, &from);
    let (mut to, mut bytes, mut chunk) = (&to[..], Vec::new(), Vec::new());
    let head = read_json(&mut to).unwrap();
    while read_chunk(&mut to, &mut chunk, CHUNK_BYTES).is_ok() {
        if chunk.is_empty() {
            return (head, Some(bytes));
        }
        bytes.extend(&chunk);
    }
    (head, None)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Everything below a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_in_the_directory_of_the_shell_and_replaces_none() {
    let home = home();
    let work = home.path().join("work");
    let bytes = vec![7; CHUNK_BYTES + 1];
    let stored = |name: &str| {
        Some(Head::Stored {
            name: name.into(),
            directory: "~/work".into(),
            bytes: bytes.len() as u64,
            sha256: sha256(&bytes),
        })
    };
    assert_eq!(bring(home.path(), None, "a.txt", &bytes, Some(&sha256(&bytes))), stored("a.txt"));
    assert_eq!(bring(home.path(), None, "a.txt", &bytes, Some("")), stored("a (1).txt"));
    symlink("/etc/passwd", work.join("b")).unwrap();
    assert_eq!(bring(home.path(), None, "b", &bytes, Some("")), stored("b (1)"), "a link is a name that is taken");
    assert_eq!(names(&work), ["a (1).txt", "a.txt", "b", "b (1)"]);
    assert_eq!(fs::read(work.join("a (1).txt")).unwrap(), bytes);
    assert!(matches!(bring(home.path(), Some("~"), "c", b"", Some("")), Some(Head::Stored { bytes: 0, .. })));
    assert_eq!(names(home.path()), ["c", "work"]);
}

#[test]
fn a_file_that_is_incomplete_wrong_or_too_large_leaves_nothing() {
    let home = home();
    let work = home.path().join("work");
    assert_eq!(bring(home.path(), None, "a", b"text", None), None, "it was cut off");
    let mismatch = Some(Head::Refused(FileRefusal::Mismatch));
    assert_eq!(bring(home.path(), None, "a", b"text", Some(&sha256(b"other"))), mismatch);
    let too_large = Some(Head::Refused(FileRefusal::TooLarge));
    assert_eq!(bring(home.path(), None, "a", &vec![0; MOST as usize + 1], Some("")), too_large);
    for name in ["../a", "a/b", "..", "a\n", ""] {
        assert_eq!(bring(home.path(), None, name, b"", Some("")), Some(Head::Refused(FileRefusal::Failed)), "{name:?}");
    }
    assert_eq!(names(&work), Vec::<String>::new());
    for number in 0..100 {
        fs::write(work.join(super::super::name::numbered("a", number)), "").unwrap();
    }
    assert_eq!(bring(home.path(), None, "a", b"", Some("")), Some(Head::Refused(FileRefusal::Taken)));
    assert_eq!(names(&work).len(), 100);
}

#[test]
fn no_link_is_followed_on_the_way_or_at_its_end() {
    let home = home();
    let at = |name: &str| home.path().join(name);
    fs::create_dir_all(at("real/inner")).unwrap();
    fs::write(at("real/file"), "text").unwrap();
    symlink("real", at("folder")).unwrap();
    symlink("real/file", at("link")).unwrap();
    symlink(at("real"), at("work/up")).unwrap();
    let link = Head::Refused(FileRefusal::Link);
    for path in ["~/folder/file", "~/link", "up/file", "../folder/inner/..", "~/folder"] {
        assert_eq!(take(home.path(), path), (link.clone(), None), "{path}");
    }
    for directory in ["~/folder", "up/inner", "up"] {
        assert_eq!(bring(home.path(), Some(directory), "a", b"", Some("")), Some(link.clone()), "{directory}");
    }
    for path in ["~/real/file", "../real/file", "./../real//inner/../file", at("real/file").to_str().unwrap()] {
        assert_eq!(take(home.path(), path).1.as_deref(), Some(&b"text"[..]), "{path}");
    }
    assert_eq!(names(&at("real")), ["file", "inner"]);
}

#[test]
fn a_file_is_announced_with_its_digest() {
    let home = home();
    let bytes: Vec<u8> = (0..MOST as usize).map(|number| number as u8).collect();
    fs::write(home.path().join("work/data"), &bytes).unwrap();
    let head = Head::File { bytes: MOST, sha256: sha256(&bytes) };
    assert_eq!(take(home.path(), "data"), (head, Some(bytes)));
    fs::write(home.path().join("work/data"), vec![0; MOST as usize + 1]).unwrap();
    mkfifoat(CWD, home.path().join("work/pipe"), Mode::RWXU).unwrap();
    for (path, refusal) in [
        ("data", FileRefusal::TooLarge),
        ("pipe", FileRefusal::Special),
        ("/dev/null", FileRefusal::Special),
        ("missing", FileRefusal::NotFound),
        ("data/x", FileRefusal::NotFound),
        (&"a/".repeat(3000), FileRefusal::NotFound),
    ] {
        assert_eq!(take(home.path(), path), (Head::Refused(refusal), None), "{path}");
    }
}

#[test]
fn a_directory_is_an_archive_of_its_regular_files() {
    let home = home();
    let at = |name: &str| home.path().join("work").join(name);
    fs::create_dir_all(at("d/inner/empty")).unwrap();
    fs::write(at("d/inner/file"), "text").unwrap();
    let long = format!("{}é", "n".repeat(250));
    fs::write(at("d").join(&long), vec![1; 70_000]).unwrap();
    fs::write(at(r"d/..\..\up"), "up").unwrap();
    symlink("/etc/passwd", at("d/link")).unwrap();
    symlink("/etc", at("d/etc")).unwrap();
    mkfifoat(CWD, at("d/pipe"), Mode::RWXU).unwrap();
    let (head, archive) = take(home.path(), "d/");
    assert_eq!(head, Head::Folder);
    let archive = archive.unwrap();
    let mut archive = tar::Archive::new(&archive[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, content.len(), entry.header().uid().unwrap())
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    let expected = [(".._.._up", 2), ("inner/", 0), ("inner/empty/", 0), ("inner/file", 4), (&*long, 70_000)];
    let names = entries.iter().map(|(path, bytes, uid)| (path.trim_end_matches('/'), *bytes, *uid));
    assert!(names.eq(expected.map(|(path, bytes)| (path.trim_end_matches('/'), bytes, 0))), "{entries:?}");
    fs::write(at("d/more"), vec![1; 40_000]).unwrap();
    assert_eq!(take(home.path(), "d"), (Head::Refused(FileRefusal::TooLarge), None));
    fs::create_dir_all(at(&"deep/".repeat(40))).unwrap();
    assert_eq!(take(home.path(), "deep"), (Head::Refused(FileRefusal::TooLarge), None));
    let (head, archive) = take(home.path(), "~/work/d/inner/empty/..");
    assert_eq!(head, Head::Folder, "a directory by another one");
    assert!(archive.is_some());
}

#[test]
fn a_folder_is_made_below_the_directory_and_nowhere_else() {
    let home = home();
    let outside = tempfile::tempdir().unwrap();
    let work = home.path().join("work");
    symlink(outside.path(), work.join("link")).unwrap();
    fs::write(work.join("file"), "").unwrap();
    for name in ["one", "two"] {
        let Some(Head::Stored { directory, .. }) = bring_into(home.path(), (None, Some("a/b")), name, b"x", Some(""))
        else {
            panic!("{name} is not stored")
        };
        assert_eq!(directory, "~/work/a/b");
    }
    assert_eq!(names(&work.join("a/b")), ["one", "two"]);
    for (folder, refusal) in [
        ("link/a", FileRefusal::Link),
        ("link", FileRefusal::Link),
        ("file", FileRefusal::NotFound),
        ("..", FileRefusal::Failed),
        ("a/../../c", FileRefusal::Failed),
        ("/tmp", FileRefusal::Failed),
    ] {
        let refused = bring_into(home.path(), (None, Some(folder)), "new", b"x", Some(""));
        assert_eq!(refused, Some(Head::Refused(refusal)), "{folder}");
    }
    assert_eq!(names(outside.path()), Vec::<String>::new());
    assert_eq!(names(&work), ["a", "file", "link"]);
}
