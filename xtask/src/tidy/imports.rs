//! Layers inside the service and inside the web client. Reads the `import` lines of TypeScript as text, which is enough for
//! code that is formatted by biome.

use super::module::{self, Scope};
use super::source::Source;
use std::collections::BTreeSet;

/// Modules of the service that stand in layers, each with those below it that it may name. Modules that are not
/// listed here (the clock, the shutdown) name none of them; all may name those, and the configuration.
const SERVICE: [(&str, &[&str]); 13] = [
    ("app", &["http", "wall", "session", "relay", "cluster", "recording", "sandbox", "terminal", "webhooks", "store"]),
    // Each part's settings are declared by the part.
    ("config", &["session", "cluster", "recording", "profiles", "sandbox", "webhooks", "store"]),
    ("http", &["wall", "session", "relay", "cluster", "recording", "terminal", "webhooks", "store"]),
    ("wall", &["session", "relay", "store"]),
    ("session", &["relay", "cluster", "recording", "profiles", "terminal", "webhooks", "store"]),
    ("relay", &[]),
    ("recording", &[]),
    ("profiles", &["terminal"]),
    ("cluster", &["store"]),
    ("webhooks", &["terminal", "store"]),
    ("sandbox", &["terminal"]),
    ("terminal", &[]),
    ("store", &[]),
];

/// Parts of the web client, each with those that it may import.
const CLIENT: [(&str, &[&str]); 5] = [
    ("protocol", &[]),
    ("core", &["protocol"]),
    ("xterm", &["core", "protocol"]),
    ("react", &["core", "protocol", "xterm"]),
    ("view", &["core", "protocol", "xterm", "react"]),
];

/// Packages that a part of the client must not import.
const FOREIGN: [(&str, &[&str]); 3] = [
    ("protocol", &["react", "next", "@xterm/"]),
    ("core", &["react", "next", "@xterm/"]),
    ("xterm", &["react", "next"]),
];

pub(super) fn check(source: &Source) -> Vec<String> {
    let wrong = if let Some(inner) = source.path.strip_prefix("backend/src/").filter(|path| path.ends_with(".rs")) {
        service(inner, &source.text)
    } else if let Some(inner) = source.path.strip_prefix("web/src/") {
        client(inner, &source.text)
    } else {
        Vec::new()
    };
    wrong.iter().map(|message| format!("{}: {message}", source.path)).collect()
}

fn service(path: &str, text: &str) -> Vec<String> {
    let module = path.split(['/', '.']).next().unwrap_or_default();
    if matches!(module, "main" | "lib") {
        return Vec::new();
    }
    let allowed = SERVICE.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| allowed);
    let layers = SERVICE.iter().map(|(name, _)| *name).filter(|name| *name != "config");
    let layers = layers.filter(|name| *name != module && !allowed.contains(name));
    // Tests keep to the layers, too.
    let scope = match module::read(path, &text.replace("#[cfg(test)]", "")) {
        Ok(scope) => scope,
        Err(error) => return vec![error],
    };
    let named = modules(&scope);
    layers.filter(|name| named.contains(name)).map(|name| format!("`{module}` must not name `{name}`")).collect()
}

/// The modules of its own crate that a file names.
fn modules(scope: &Scope) -> BTreeSet<&str> {
    let paths = scope.imports.iter().map(|import| &import.path).chain(&scope.paths);
    let named = paths.filter_map(|path| match &path[..] {
        [first, module, ..] if first == "crate" => Some(module.as_str()),
        _ => None,
    });
    named.chain(scope.inline.iter().flat_map(|(_, inner)| modules(inner))).collect()
}

fn client(path: &str, text: &str) -> Vec<String> {
    let part = path.split('/').next().unwrap_or_default();
    let Some((_, allowed)) = CLIENT.iter().find(|(name, _)| *name == part) else { return Vec::new() };
    let foreign = FOREIGN.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, packages)| packages);
    let mut wrong = Vec::new();
    for target in imported(text) {
        let other = CLIENT.iter().map(|(name, _)| *name).find(|name| {
            let inner = target.trim_start_matches("../");
            inner.len() < target.len() && (inner == *name || inner.starts_with(&format!("{name}/")))
        });
        if let Some(other) = other.filter(|other| *other != part && !allowed.contains(other)) {
            wrong.push(format!("`{part}` must not import `{other}`"));
        }
        if foreign.iter().any(|package| target.starts_with(package)) {
            wrong.push(format!("`{part}` must not import the package {target}"));
        }
    }
    wrong
}

/// The targets of a TypeScript file's imports, re-exports and dynamic imports.
fn imported(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for opening in ["from \"", "import \"", "import(\""] {
        found.extend(text.split(opening).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let errors = check(&Source { path: path.into(), text: text.into() });
        errors.iter().map(|error| error.strip_prefix(&format!("{path}: ")).unwrap().to_owned()).collect()
    }

    #[test]
    fn layers_of_the_service_look_downwards_only() {
        assert!(
            found("backend/src/session/actor.rs", "use crate::terminal::Pty;\nuse crate::store::Store;").is_empty()
        );
        assert_eq!(
            found("backend/src/terminal/unix.rs", "use crate::session::Id;"),
            ["`terminal` must not name `session`"]
        );
        assert_eq!(
            found("backend/src/store.rs", "fn f() { crate::sandbox::f() }"),
            ["`store` must not name `sandbox`"]
        );
        assert_eq!(found("backend/src/http/health.rs", "use crate::app::State;"), ["`http` must not name `app`"]);
        assert_eq!(found("backend/src/clock.rs", "use crate::session;"), ["`clock` must not name `session`"]);
        assert!(found("backend/src/session.rs", "use crate::session::actor;").is_empty());
        assert!(found("backend/src/main.rs", "use crate::app;").is_empty());
        assert!(found("backend/src/http.rs", "use crate::config::Config;\nuse crate::terminal::Size;").is_empty());
        assert_eq!(found("backend/src/config.rs", "use crate::http;"), ["`config` must not name `http`"]);
    }

    #[test]
    fn braced_lists_are_read() {
        assert_eq!(found("backend/src/terminal.rs", "use crate::{clock::{Clock, session}, store};").len(), 1);
        assert_eq!(found("backend/src/terminal.rs", "use crate::{\n    clock,\n    session::{Id},\n};").len(), 1);
        assert!(found("backend/src/terminal.rs", "use crate::{clock::{session}};").is_empty());
    }

    #[test]
    fn the_clients_core_knows_no_framework() {
        assert!(found("web/src/core/client.ts", "import { a } from \"../protocol/frame.js\";").is_empty());
        assert_eq!(found("web/src/core/client.ts", "import { useState } from \"react\";").len(), 1);
        assert_eq!(found("web/src/core/a.ts", "import type { Terminal } from \"@xterm/xterm\";").len(), 1);
        assert_eq!(found("web/src/core/a.ts", "export * from \"../react/hook\";"), ["`core` must not import `react`"]);
        assert_eq!(found("web/src/protocol/a.ts", "await import(\"../core/client\");").len(), 1);
        assert_eq!(found("web/src/xterm/a.ts", "import { b } from \"../react\";").len(), 1);
        assert!(found("web/src/react/a.tsx", "import { b } from \"../core/client\";\nimport \"react\";").is_empty());
    }
}
