//! The rules that no compiler checks: dependencies between crates, modules and files, how a file opens, its length, links,
//! sentences. Runs as an ordinary test, because a rule that is not checked is not kept.

mod circles;
mod crates;
mod files;
mod imports;
mod links;
mod module;
mod sentences;
mod source;

use crate::root::root;
use std::io;

/// Checks the whole repository, for `cargo xtask tidy`.
pub(crate) fn report() -> io::Result<String> {
    let sources = source::read(root())?;
    let packages = crates::workspace(root())?;
    let roots: Vec<String> = packages.iter().flat_map(|package| package.roots.clone()).collect();
    let mut errors = crates::check(&packages);
    errors.extend(circles::check(&sources, &roots));
    errors.extend(sources.iter().flat_map(files::check));
    errors.extend(sources.iter().flat_map(imports::check));
    errors.extend(links::check(&sources));
    errors.extend(sources.iter().flat_map(sentences::check));
    result(&errors, "tidy")
}

/// Checks for circles of files, for `cargo xtask circles`.
pub(crate) fn report_circles() -> io::Result<String> {
    let roots: Vec<String> = crates::workspace(root())?.into_iter().flat_map(|package| package.roots).collect();
    result(&circles::check(&source::read(root())?, &roots), "no circles")
}

/// `errors` are sentences of the form `path: fault and remedy`.
fn result(errors: &[String], success: &str) -> io::Result<String> {
    if errors.is_empty() { Ok(success.to_owned()) } else { Err(io::Error::other(errors.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        if let Err(errors) = report() {
            panic!("{errors}");
        }
    }
}
