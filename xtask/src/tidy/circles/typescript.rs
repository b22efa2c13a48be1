//! The files whose names a TypeScript file uses, through re-exports.

use relative_path::RelativePath;
use std::collections::BTreeSet;

/// Every use of a name that another file defines: the file that uses it, the one that defines it, the name.
pub(super) fn uses<'a>(file: &str, text: &impl Fn(&str) -> Option<&'a str>) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    let content = text(file).unwrap_or_default();
    for clause in clauses(file, content, "import") {
        for name in clause.names {
            let origin = origin(&clause.target, name, text).unwrap_or_else(|| clause.target.clone());
            found.insert((file.to_owned(), origin, name.to_owned()));
        }
    }
    found.retain(|(from, to, _)| from != to);
    found
}

/// `import { a, b as c } from "./d.ts"`, or the same with `export`.
struct Clause<'a> {
    /// Empty for all names.
    names: Vec<&'a str>,
    target: String,
}

/// The clauses of a file that lead to other files by relative paths.
fn clauses<'a>(file: &str, text: &'a str, keyword: &str) -> Vec<Clause<'a>> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let statements = text.match_indices(keyword).filter(|(at, _)| *at == 0 || text[..*at].ends_with('\n'));
    statements
        .filter_map(|(at, _)| {
            let rest = &text[at + keyword.len()..];
            let (names, rest) = rest.split_once("from \"").filter(|(names, _)| !names.contains([';', '=', '(']))?;
            let target = rest.split('"').next().filter(|target| target.starts_with('.'))?;
            let names = names.split(['{', '}', ',', '\n']).filter_map(|name| {
                let name = name.trim().trim_start_matches("type ").split(" as ").next()?.trim();
                (!matches!(name, "" | "type")).then_some(name)
            });
            Some(Clause {
                names: names.collect(),
                target: RelativePath::new(folder).join_normalized(target).into_string(),
            })
        })
        .collect()
}

/// The file that defines a name which `file` exports again.
fn origin<'a>(file: &str, name: &str, text: &impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let content = text(file)?;
    let clause = clauses(file, content, "export").into_iter().find(|clause| clause.names.contains(&name))?;
    Some(origin(&clause.target, name, text).unwrap_or(clause.target))
}
