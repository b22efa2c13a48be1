//! Which crate may depend on which. The service never sees a gateway, and the messages see nobody.

use super::Complaint;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Each crate with what it may depend on, tests included. A new crate is written in here first.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("shared-protocol", &[]),
    ("auth-tokens", &["shared-protocol"]),
    ("protocol-client", &["shared-protocol"]),
    ("doctor", &["shared-protocol", "protocol-client"]),
    ("test-servers", &[]),
    ("gateway-lambda", &["shared-protocol", "auth-tokens", "test-servers"]),
    ("vt", &[]),
    ("backend", &["shared-protocol", "auth-tokens", "protocol-client", "vt", "doctor", "test-servers"]),
    ("dev-gateway", &["shared-protocol", "auth-tokens", "gateway-lambda", "test-servers"]),
    (
        "e2e",
        &[
            "shared-protocol",
            "auth-tokens",
            "protocol-client",
            "doctor",
            "gateway-lambda",
            "vt",
            "backend",
            "dev-gateway",
            "test-servers",
        ],
    ),
    ("bench", &["dev-gateway", "e2e"]),
    ("microbench", &["shared-protocol", "vt", "backend"]),
    ("xtask", &["shared-protocol"]),
];

/// What the messages may be made of: no I/O, no clock, no runtime.
const PURE: [&str; 6] = ["base64", "proptest", "serde", "serde_json", "thiserror", "ts-rs"];

/// Each crate of the workspace with the names of everything that it depends on.
pub(super) type Crates = BTreeMap<String, Vec<String>>;

/// Asks cargo.
pub(super) fn workspace(root: &Path) -> std::io::Result<Crates> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    Ok(list(&metadata["packages"])
        .iter()
        .map(|package| (name(package), list(&package["dependencies"]).iter().map(name).collect()))
        .collect())
}

/// Compares with the table.
pub(super) fn check(crates: &Crates) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, dependencies) in crates {
        let manifest = format!("{name}/Cargo.toml");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            complaints.push(Complaint::new(&manifest, "write this crate into the table of xtask/src/tidy/crates.rs"));
            continue;
        };
        for dependency in dependencies {
            // A crate may name itself, to switch on features for its own tests.
            let other = dependency != name && crates.contains_key(dependency);
            if other && !allowed.contains(&dependency.as_str()) {
                complaints.push(Complaint::new(&manifest, format!("{name} must not depend on {dependency}")));
            }
            if name == "shared-protocol" && !PURE.contains(&dependency.as_str()) {
                complaints.push(Complaint::new(&manifest, format!("messages are pure data: {dependency} is not")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(edges: &[(&str, &[&str])]) -> Crates {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        edges.iter().map(|(name, dependencies)| ((*name).to_owned(), owned(dependencies))).collect()
    }

    #[test]
    fn the_service_may_not_see_a_gateway() {
        let found = check(&crates(&[
            ("backend", &["serde", "auth-tokens", "gateway-lambda"]),
            ("gateway-lambda", &[]),
            ("tokens", &[]),
        ]));
        assert_eq!(found, [Complaint::new("backend/Cargo.toml", "backend must not depend on gateway-lambda")]);
    }

    #[test]
    fn messages_have_no_runtime() {
        let found = check(&crates(&[("shared-protocol", &["serde", "tokio"])]));
        assert_eq!(found, [Complaint::new("shared-protocol/Cargo.toml", "messages are pure data: tokio is not")]);
    }

    #[test]
    fn a_new_crate_is_put_in_its_place_first() {
        assert_eq!(check(&crates(&[("toolbox", &[])])).len(), 1);
    }
}
