//! No circle of files: a file that uses names of another must not be used by it, directly or through others, so that each can be
//! understood, tested and moved after those below it. A module declaration and a re-export are no use; tests are ignored.

mod resolve;
mod typescript;

use super::source::Source;
use resolve::Crate;
use std::collections::{BTreeMap, BTreeSet};

/// For each file, the files whose names it uses, with those names.
type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Checks the crates with these root files, and the TypeScript files in `web/src`.
pub(super) fn check(sources: &[Source], roots: &[String]) -> Vec<String> {
    let texts: BTreeMap<&str, &str> =
        sources.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
    let text = |path: &str| texts.get(path).copied();
    let mut uses = Uses::new();
    let scripts = texts.keys().filter(|path| path.starts_with("web/src/"));
    let crates = match roots.iter().map(|root| Crate::read(root, &text)).collect::<Result<Vec<_>, _>>() {
        Ok(crates) => crates,
        Err(error) => return vec![error],
    };
    let all = crates.iter().map(Crate::uses);
    for (from, to, name) in all.chain(scripts.map(|path| typescript::uses(path, &text))).flatten() {
        uses.entry(from).or_default().entry(to).or_default().insert(name);
    }
    circles(&uses).iter().map(|files| report(files, &uses)).collect()
}

/// The strongly connected components of more than one file.
fn circles(uses: &Uses) -> BTreeSet<Vec<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|file| (file.as_str(), reach(file, uses))).collect();
    let circle = |file: &&str| {
        let others = reached[file].iter().copied();
        others.filter(|other| reached.get(other).is_some_and(|back| back.contains(file))).collect::<Vec<_>>()
    };
    reached.keys().map(circle).filter(|files| !files.is_empty()).collect()
}

/// The files that `file` uses, directly or through others.
fn reach<'a>(file: &'a str, uses: &'a Uses) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        let targets = uses.get(file).into_iter().flat_map(BTreeMap::keys);
        open.extend(targets.map(String::as_str).filter(|target| found.insert(*target)));
    }
    found
}

fn report(files: &[&str], uses: &Uses) -> String {
    let mut lines = vec![format!("one of {} files that use each other; move a definition", files.len())];
    for from in files {
        for (to, names) in uses[*from].iter().filter(|(to, _)| files.contains(&to.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            lines.push(format!("    {from} uses {} of {to}", names.join(", ")));
        }
    }
    format!("{}: {}", files[0], lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles in these files, the first of which is the root of a crate if it is Rust.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source { path: (*path).into(), text: (*text).into() }).collect();
        let root = Some(files[0].0.to_owned()).filter(|path| path.ends_with(".rs"));
        check(&sources, root.as_slice())
    }

    #[test]
    fn two_files_are_a_circle() {
        let circle = [
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::B; pub struct A(B);"),
            ("src/b.rs", "pub struct B; fn f() -> super::a::A { todo() }"),
        ];
        let expected = "src/a.rs: one of 2 files that use each other; move a definition\n    \
                        src/a.rs uses B of src/b.rs\n    src/b.rs uses A of src/a.rs";
        assert_eq!(found(&circle), [expected]);
    }

    #[test]
    fn a_parents_definition_closes_a_circle() {
        let child = ("src/a.rs", "use super::Size; pub fn f(size: Size) {}");
        assert_eq!(found(&[("src/lib.rs", "mod a; pub struct Size; fn g() { a::f(Size) }"), child]).len(), 1);
        assert_eq!(found(&[("src/lib.rs", "mod a; use a::f; pub struct Size; fn g() { f(Size) }"), child]).len(), 1);
        assert!(found(&[("src/lib.rs", "mod a; pub struct Size;"), child]).is_empty());
    }

    #[test]
    fn a_reexport_is_no_circle() {
        let parent = ("src/lib.rs", "mod a; mod b; pub use a::A; pub use b::*; pub struct Size;");
        let children = [("src/a.rs", "use super::{B, Size}; pub struct A(B, Size);"), ("src/b.rs", "pub struct B;")];
        assert!(found(&[parent, children[0], children[1]]).is_empty());
        let parent = ("src/lib.rs", "mod a; mod b; pub use a::A; pub use b::*; pub struct Size(A);");
        assert_eq!(found(&[parent, children[0], children[1]]).len(), 1, "the parent mentions the name that it exports");
    }

    #[test]
    fn a_reexport_leads_to_the_file_that_defines_the_name() {
        let files = [
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "mod inner; pub use inner::Inner;"),
            ("src/a/inner.rs", "use crate::c::C; pub struct Inner(C);"),
            ("src/b.rs", "pub use crate::a::Inner as Other;"),
            ("src/c.rs", "use crate::b::Other; pub struct C(Option<Box<Other>>);"),
        ];
        assert!(found(&files)[0].starts_with("src/a/inner.rs: one of 2 files"));
    }

    #[test]
    fn methods_in_another_file_are_a_circle_when_the_type_names_that_file() {
        let methods = ("src/b.rs", "use super::a::A; pub struct B; impl A { fn f(&self) {} }");
        let root = ("src/lib.rs", "mod a; mod b;");
        assert_eq!(found(&[root, ("src/a.rs", "use super::b; pub struct A(b::B);"), methods]).len(), 1);
        assert!(found(&[root, ("src/a.rs", "pub struct A;"), methods]).is_empty());
    }

    #[test]
    fn tests_and_other_crates_are_ignored() {
        let root = ("src/lib.rs", "mod a; pub struct Size; #[cfg(test)] mod tests { use crate::a::f; }");
        assert!(found(&[root, ("src/a.rs", "use super::Size; use std::fmt; pub fn f(_: Size) {}")]).is_empty());
    }

    #[test]
    fn the_page_is_checked_too() {
        let index = ("web/src/index.ts", "export { A } from \"./a.ts\";\nexport {\n  type B,\n} from \"./b.ts\";\n");
        let a = ("web/src/a.ts", "import type { B } from \"./index.ts\";\nexport class A {}\n");
        assert!(found(&[index, a, ("web/src/b.ts", "export class B {}\n")]).is_empty());
        let b = ("web/src/b.ts", "import {\n  A,\n} from \"./a.ts\";\nexport class B {}\n");
        assert!(found(&[index, a, b])[0].starts_with("web/src/a.ts: one of 2 files"));
    }
}
