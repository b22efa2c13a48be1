//! Names of files that any system allows, so that a file of one can be saved on another and is named as it looks.

use shared_protocol::text::is_hidden;

/// Longest name, in bytes: that of Linux.
const MAX_NAME_BYTES: usize = 255;

/// Longest name that is shown, in characters: the same in the page. Any such name has at most 255 bytes.
const MAX_SHOWN_CHARACTERS: usize = 63;

/// Longest extension that stays when a name is cut, in characters behind its dot.
const MAX_EXTENSION: usize = 16;

/// Depth of a directory in an archive, and of a folder that is brought.
pub(super) const MAX_DEPTH: usize = 32;

/// Characters that a system forbids in names.
const RESERVED: &str = "/\\<>:\"|?*";

/// Highest number in a name that replaces a taken one.
pub(super) const MAX_NUMBER: u32 = 99;

/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Fails with the reason for a name that some system does not allow.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err("a name has 1 to 255 bytes");
    }
    if name.chars().any(is_hidden) {
        return Err("a name holds no characters that are invisible or turn text around");
    }
    if name.contains(|c| RESERVED.contains(c)) {
        return Err("a name holds none of / \\ < > : \" | ? *");
    }
    if name.starts_with(' ') || name.ends_with(['.', ' ']) {
        return Err("a name begins with no space, and ends with neither a space nor a dot");
    }
    if is_device(name) {
        return Err("Windows keeps this name for a device");
    }
    Ok(())
}

/// Fails with the reason for a folder `a/b` that is too deep, or has a name that some system does not allow.
pub(crate) fn check_folder(folder: &str) -> Result<(), &'static str> {
    if folder.split('/').count() > MAX_DEPTH {
        return Err("a folder has at most 32 levels");
    }
    folder.split('/').try_for_each(check_name)
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_port = port.is_some_and(|number| {
        let mut digits = number.chars();
        digits.next().is_some_and(|digit| digit.is_ascii_digit() || "¹²³".contains(digit)) && digits.next().is_none()
    });
    is_port || DEVICES.contains(&&*stem)
}

/// The name with a number before its extension, for one that is taken; with number 0 the name itself. Cut to the length of a
/// name.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| *dot > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let suffix = format!(" ({number}){extension}");
    let mut end = stem.len().min(MAX_NAME_BYTES.saturating_sub(suffix.len()));
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &stem[..end])
}

/// True if a new file `name` may have been stored as `stored`, because its own name was taken.
pub(crate) fn may_become(name: &str, stored: &str) -> bool {
    (0..=MAX_NUMBER).any(|number| numbered(name, number) == stored)
}

/// A name of a session's file as one that can be shown and saved anywhere, or `file`. A long one is cut before its extension,
/// which tells the reader what opens it.
pub(crate) fn readable_name(name: &str) -> String {
    let is_unusable = |c: char| is_hidden(c) || c == '\u{fffd}' || RESERVED.contains(c);
    let usable: String = name.chars().map(|c| if is_unusable(c) { '_' } else { c }).collect();
    let shown = shortened(usable.trim_start_matches(' ').trim_end_matches(['.', ' ']));
    match &*shown {
        "" => "file".to_owned(),
        name if is_device(name) => format!("_{name}"),
        _ => shown,
    }
}

/// The name, or as many of its first characters as leave room for its extension.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= MAX_SHOWN_CHARACTERS {
        return name.to_owned();
    }
    let (stem, extension) = name.split_at(extension_start(name));
    let room = MAX_SHOWN_CHARACTERS.saturating_sub(extension.chars().count());
    let stem: String = stem.chars().take(room).collect();
    // Without an extension, the cut may be behind a dot or a space.
    format!("{stem}{extension}").trim_end_matches(['.', ' ']).to_owned()
}

/// Where the extension of a name begins, `.tar.gz` as a whole; its end if it has none.
fn extension_start(name: &str) -> usize {
    let Some(dot) = name.rfind('.').filter(|dot| name[*dot..].chars().count() <= MAX_EXTENSION + 1) else {
        return name.len();
    };
    if name[..dot].ends_with(".tar") { dot - ".tar".len() } else { dot }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 7] = ["a", ".bashrc", "notes (1).txt", "données 漢字 🙂.csv", "CONSOLE", "com10", "a b"];

    #[test]
    fn names_that_any_system_allows_are_taken() {
        for name in GOOD {
            assert_eq!(check_name(name), Ok(()), "{name}");
            assert_eq!(readable_name(name), name);
        }
        assert_eq!(check_name(&"a".repeat(255)), Ok(()));
    }

    #[test]
    fn other_names_are_refused() {
        let long = "a".repeat(256);
        let names =
            ["", ".", "..", "a/b", "a\\b", "a:b", "a?", "a*", "a|b", "<a", "a>", "a\"", "a\0", "a\n", "\x1b[m", "a."];
        let more = ["a ", " a", "NUL", "nul.txt", "Com1", "lpt9.tar.gz", "COM¹", "con .txt", "aux", "CONIN$", &long];
        let hidden = ["photo\u{202e}gpj.exe", "a\u{200b}b", "a\u{2066}b", "\u{feff}a", "a\u{e0041}"];
        for name in names.iter().chain(&more).chain(&hidden) {
            assert!(check_name(name).is_err(), "{name:?}");
            let readable = readable_name(name);
            assert_eq!(check_name(&readable), Ok(()), "{name:?} becomes {readable:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_extension() {
        let cases = [
            ("a".repeat(63), "a".repeat(63)),
            ("a".repeat(300), "a".repeat(63)),
            (format!("{}.txt", "a".repeat(59)), format!("{}.txt", "a".repeat(59))),
            (format!("{}.txt", "a".repeat(60)), format!("{}.txt", "a".repeat(59))),
            (format!("{}.tar.gz", "漢".repeat(80)), format!("{}.tar.gz", "漢".repeat(56))),
            (format!("{}.{}", "a".repeat(80), "e".repeat(16)), format!("{}.{}", "a".repeat(46), "e".repeat(16))),
            (format!("{}.{}", "a".repeat(80), "e".repeat(17)), "a".repeat(63)),
            (format!("{}. {}", "a".repeat(62), "b".repeat(40)), "a".repeat(62)),
            (format!("{}.exe. .", "a".repeat(80)), format!("{}.exe", "a".repeat(59))),
            (format!("{}.g\u{202e}pj", "a".repeat(80)), format!("{}.g_pj", "a".repeat(58))),
            (format!("nul{}.txt", " ".repeat(80)), format!("_nul{}.txt", " ".repeat(56))),
        ];
        for (name, shown) in cases {
            assert_eq!(readable_name(&name), shown, "{name:?}");
            assert_eq!(check_name(&shown), Ok(()), "{shown:?}");
        }
        assert_eq!(check_name(&readable_name(&"🙂".repeat(300))), Ok(()));
    }

    #[test]
    fn a_folder_has_names_alone_and_few_levels() {
        assert_eq!(check_folder("a/b c/漢字"), Ok(()));
        assert_eq!(check_folder(&["a"; MAX_DEPTH].join("/")), Ok(()));
        assert!(check_folder(&["a"; MAX_DEPTH + 1].join("/")).is_err());
        for folder in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "a/./b", "a\0b", "a/nul"] {
            assert!(check_folder(folder).is_err(), "{folder:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        for (name, expected) in
            [("a.txt", "a (2).txt"), ("a", "a (2)"), (".bashrc", ".bashrc (2)"), ("a.tar.gz", "a.tar (2).gz")]
        {
            assert_eq!(numbered(name, 0), name);
            assert_eq!(numbered(name, 2), expected);
        }
        for (stored, expected) in
            [("a.txt", true), ("a (1).txt", true), ("a (99).txt", true), ("a (100).txt", false), ("b.txt", false)]
        {
            assert_eq!(may_become("a.txt", stored), expected, "{stored}");
        }
        let long = format!("{}é.txt", "a".repeat(249));
        assert_eq!(numbered(&long, 99), format!("{} (99).txt", "a".repeat(246)));
        assert_eq!(numbered(&format!(".{}", "é".repeat(127)), 1).len(), 255);
    }
}
