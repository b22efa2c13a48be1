//! Dependencies between crates. The service never depends on a gateway, and the messages depend on no other crate.

use super::source::relative;
use cargo_metadata::MetadataCommand;
use cargo_metadata::camino::Utf8Path;
use std::path::Path;

/// Each crate with its allowed dependencies inside the workspace, those of tests included.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("clock", &[]),
    ("shared-protocol", &[]),
    ("auth-tokens", &["shared-protocol"]),
    ("protocol-client", &["shared-protocol"]),
    ("doctor", &["shared-protocol", "protocol-client"]),
    ("test-servers", &["websocket"]),
    ("websocket", &[]),
    ("gateway-lambda", &["clock", "shared-protocol", "auth-tokens", "test-servers"]),
    ("vt", &[]),
    (
        "backend",
        &["clock", "shared-protocol", "auth-tokens", "protocol-client", "vt", "doctor", "websocket", "test-servers"],
    ),
    ("dev-gateway", &["clock", "shared-protocol", "auth-tokens", "gateway-lambda", "websocket", "test-servers"]),
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
    ("bench", &["dev-gateway", "e2e", "test-servers"]),
    ("microbench", &["shared-protocol", "vt", "backend"]),
    (
        "termgate-fuzz",
        &["shared-protocol", "auth-tokens", "protocol-client", "vt", "backend", "gateway-lambda", "dev-gateway"],
    ),
    ("xtask", &["shared-protocol"]),
];

/// Allowed dependencies of the messages: no I/O, no clock, no runtime.
const PURE: [&str; 10] = [
    "base64",
    "bytes",
    "derive_more",
    "proptest",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "strum",
    "thiserror",
    "ts-rs",
];

#[derive(Default)]
pub(super) struct Package {
    pub(super) name: String,
    /// Its `Cargo.toml`, from the root.
    manifest: String,
    /// Everything that it depends on, tests included.
    dependencies: Vec<String>,
    /// The root files of its library, binaries, tests, benches and examples, from the root.
    pub(super) roots: Vec<String>,
}

/// Asks cargo for the crates of the workspace.
pub(super) fn workspace(root: &Path) -> std::io::Result<Vec<Package>> {
    let offline = vec!["--offline".to_owned()];
    let metadata = MetadataCommand::new().current_dir(root).no_deps().other_options(offline).exec();
    let path = |path: &Utf8Path| relative(path.as_std_path(), root);
    let package = |package: &cargo_metadata::Package| Package {
        name: package.name.to_string(),
        manifest: path(&package.manifest_path),
        dependencies: package.dependencies.iter().map(|dependency| dependency.name.clone()).collect(),
        roots: package.targets.iter().map(|target| path(&target.src_path)).collect(),
    };
    Ok(metadata.map_err(std::io::Error::other)?.packages.iter().map(package).collect())
}

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let mut errors = Vec::new();
    for Package { name, manifest, dependencies, .. } in packages {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            errors.push(format!("{manifest}: add this crate to the table of xtask/src/tidy/crates.rs"));
            continue;
        };
        for dependency in dependencies {
            // A crate may name itself, to enable features for its own tests.
            let is_other = dependency != name && packages.iter().any(|package| package.name == *dependency);
            if is_other && !allowed.contains(&dependency.as_str()) {
                errors.push(format!("{manifest}: {name} must not depend on {dependency}"));
            }
            if name == "shared-protocol" && !PURE.contains(&dependency.as_str()) {
                errors.push(format!("{manifest}: messages are pure data: {dependency} is not"));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.to_owned(), manifest: format!("{name}/Cargo.toml"), dependencies, ..Package::default() }
    }

    #[test]
    fn the_service_may_not_see_a_gateway() {
        let found =
            check(&[package("backend", &["serde", "auth-tokens", "gateway-lambda"]), package("gateway-lambda", &[])]);
        assert_eq!(found, ["backend/Cargo.toml: backend must not depend on gateway-lambda"]);
    }

    #[test]
    fn messages_have_no_runtime() {
        let found = check(&[package("shared-protocol", &["serde", "tokio"])]);
        assert_eq!(found, ["shared-protocol/Cargo.toml: messages are pure data: tokio is not"]);
    }

    #[test]
    fn a_new_crate_must_be_in_the_table() {
        assert_eq!(check(&[package("toolbox", &[])]).len(), 1);
    }
}
