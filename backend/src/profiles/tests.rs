//! Faults in a folder of profiles, each by its sentence.

use super::*;
use crate::terminal::SessionLimits;
use std::time::Duration;

/// The profiles of a folder with these files.
fn read(files: &[(&str, &str)], isolated: bool) -> Result<Profiles, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let place = format!("{}/", folder.path().display());
    Profiles::read(folder.path(), isolated).map_err(|error| error.to_string().replace(&place, ""))
}

fn name(name: &str) -> ProfileName {
    ProfileName::new(name).unwrap()
}

#[test]
fn each_key_is_read() {
    let text = r#"
shell = "/bin/sh"
directory = "~/lab"
start = """
echo one
echo two
"""
start_timeout = 60
message = "Welcome"
network = false

[environment]
COURSE = "python 101"
PATH = "/srv/bin:/usr/bin"

[quotas]
memory_mb = 512
disk_mb = 100
processes = 64
"#;
    let profiles =
        read(&[("python.toml", text), ("empty.toml", ""), ("README", "no profile"), (".hidden", "=")], true).unwrap();
    let expected = Profile {
        shell: Some("/bin/sh".into()),
        environment: [("COURSE", "python 101"), ("PATH", "/srv/bin:/usr/bin")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        directory: Some("lab".into()),
        start: Some("echo one\necho two\n".into()),
        start_timeout: Some(Duration::from_secs(60)),
        message: Some("Welcome".into()),
        limits: SessionLimits {
            memory: Some(512 << 20),
            disk: Some(100 << 20),
            processes: Some(64),
            network: Some(false),
        },
    };
    assert_eq!(profiles.find(Some(&name("python"))), Ok(&expected));
    assert_eq!(profiles.find(Some(&name("empty"))), Ok(&Profile::default()));
    assert_eq!(profiles.find(None), Ok(&Profile::default()));
    assert_eq!(profiles.count(), 2);
    let unknown = profiles.find(Some(&name("rust"))).unwrap_err();
    assert_eq!(unknown.to_string(), "this service has no profile `rust`");
}

#[test]
fn a_fault_names_file_line_and_key() {
    for (text, place, reason) in [
        ("shel = \"/bin/sh\"", "line 1, key `shel`", "unknown field `shel`"),
        ("\n\n[quotas]\ncpu = 1", "line 4, key `cpu`", "unknown field `cpu`"),
        ("message = 5", "line 1, key `message`", "invalid type: integer `5`, expected a string"),
        ("# a comment\nnetwork = \"off\"", "line 2, key `network`", "invalid type: string \"off\""),
        ("message = \"a\"\nmessage = \"b\"", "line 2, key `message`", "duplicate key"),
        ("message = \"open", "line 1, key `message`", ""),
        ("\nnonsense", "line 2", ""),
        ("shell = \"bash\"", "line 1, key `shell`", "must be an absolute path"),
        ("\nshell = \"/bin/no-such-shell\"", "line 2, key `shell`", "there is no program /bin/no-such-shell"),
        ("shell = \"/etc\"", "line 1, key `shell`", "there is no program /etc"),
        ("directory = \"lab\"", "line 1, key `directory`", "must be an absolute path, or one below `~/`"),
        ("directory = \"/a\\u001b\"", "line 1, key `directory`", "must be an absolute path, or one below `~/`"),
        ("start = \" \"", "line 1, key `start`", "must be a script"),
        ("start_timeout = 0", "line 1, key `start_timeout`", "must be from 1 to 3600 seconds"),
        ("start_timeout = 3601", "line 1, key `start_timeout`", "must be from 1 to 3600 seconds"),
        ("start_timeout = \"10m\"", "line 1, key `start_timeout`", "invalid type: string \"10m\""),
        ("message = \"\"", "line 1, key `message`", "must be a text"),
        ("[environment]\nA = \"1\"\nHOME = \"/\"", "line 3, key `environment.HOME`", "is set by the service"),
        ("[environment]\nTERMGATE_X = \"/\"", "line 2, key `environment.TERMGATE_X`", "is set by the service"),
        (
            "[environment]\nLD_PRELOAD = \"/x\"",
            "line 2, key `environment.LD_PRELOAD`",
            "changes how programs are loaded",
        ),
        ("[environment]\n\"A B\" = \"\"", "line 2, key `environment.A B`", "is no name of a variable"),
        ("[environment]\nA = \"\\u0000\"", "line 2, key `environment.A`", "must not hold a zero byte"),
        ("[quotas]\nmemory_mb = 0", "line 2, key `quotas.memory_mb`", "must be from 1 to"),
        ("[quotas]\nprocesses = -1", "line 2, key `processes`", "invalid value: integer `-1`"),
        ("[quotas]\ndisk_mb = 9999999999", "line 2, key `quotas.disk_mb`", "must be from 1 to"),
    ] {
        let error = read(&[("ok.toml", ""), ("p.toml", text)], true).unwrap_err();
        assert!(error.starts_with(&format!("PROFILES: p.toml, {place}: {reason}")), "{text:?}: {error}");
    }
}

#[test]
fn limits_need_isolation() {
    for text in ["[quotas]\nmemory_mb = 1", "[quotas]\ndisk_mb = 1", "[quotas]\nprocesses = 1", "network = true"] {
        let error = read(&[("p.toml", text)], false).unwrap_err();
        assert!(error.contains("only isolated sessions have limits of their own"), "{text}: {error}");
        assert!(read(&[("p.toml", text)], true).is_ok(), "{text}");
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_refused() {
    for bad in ["default.toml", "two words.toml", "é.toml", ".toml.toml"] {
        let error = read(&[(bad, "")], true).unwrap_err();
        assert!(error.starts_with(&format!("PROFILES: {bad}: a profile is named by")), "{error}");
    }
    let long = read(&[("p.toml", &"#".repeat(64 * 1024 + 1))], true).unwrap_err();
    assert_eq!(long, "PROFILES: p.toml: it has more than 65536 bytes");
    let many: Vec<_> = (0..=MAX_PROFILES).map(|number| format!("p{number}.toml")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "")).collect();
    assert!(read(&many, true).unwrap_err().ends_with("holds more than 200 profiles"));
    let missing = Profiles::read(Path::new("/nowhere"), true).unwrap_err().to_string();
    assert!(missing.starts_with("PROFILES: the folder /nowhere cannot be read"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("p.toml")).unwrap();
    assert!(Profiles::read(folder.path(), true).unwrap_err().to_string().contains("p.toml: it cannot be read"));
}
