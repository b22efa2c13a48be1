//! The declarations and paths of a Rust file, for each of its modules. Reads tokens, as a macro does: names need no syntax tree.
//! Leaves out what is under `#[cfg(test)]`.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::mem;

/// A path, from its first segment.
pub(super) type Path = Vec<String>;

/// A name that a `use` declaration brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The name in this module; `*` for all names of the path.
    pub(super) name: String,
    pub(super) path: Path,
    /// Declared with `pub`, for other modules: this module uses the name only if it mentions it elsewhere.
    pub(super) is_reexport: bool,
}

/// A module inside a file, or the file itself.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Modules in files of their own, with the value of `#[path]`.
    pub(super) files: Vec<(String, Option<String>)>,
    pub(super) inline: Vec<(String, Scope)>,
    /// Paths of two segments or more outside of `use` declarations.
    pub(super) paths: BTreeSet<Path>,
    /// First segments of all paths, of one segment too.
    pub(super) mentions: BTreeSet<String>,
}

/// Keywords before the name of an item.
const ITEMS: [&str; 9] = ["const", "enum", "fn", "macro_rules", "static", "struct", "trait", "type", "union"];

pub(super) fn read(file: &str, text: &str) -> Result<Scope, String> {
    let tokens = text.parse().map_err(|error: LexError| format!("{file}: {error}"))?;
    Ok(Scope::module(tokens))
}

impl Scope {
    fn module(tokens: TokenStream) -> Self {
        let mut scope = Self::default();
        scope.read(tokens, true);
        scope
    }

    /// Reads the tokens of a module, or of a part of an item.
    fn read(&mut self, tokens: TokenStream, is_module: bool) {
        let mut tokens = tokens.into_iter();
        // The path so far and the marks after it, the identifier before, and the value of `#[path]`.
        let (mut path, mut marks, mut before, mut file) = (Path::new(), String::new(), String::new(), None);
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) => {
                    marks.push(mark.as_char());
                    if mark.as_char() != '!' {
                        before.clear();
                    }
                    continue;
                }
                TokenTree::Ident(ident) if marks == "::" => path.push(name(&ident)),
                TokenTree::Ident(ident) => {
                    self.mention(mem::take(&mut path));
                    let (name, keyword) = (name(&ident), mem::take(&mut before));
                    if marks == "." || marks.ends_with('\'') {
                        // A field, a method or a lifetime.
                    } else if name == "mut" {
                        before = keyword;
                    } else if name == "use" {
                        self.import(&mut tokens, &[], keyword == "pub");
                    } else if is_module && keyword == "mod" {
                        match tokens.next() {
                            Some(TokenTree::Group(group)) => self.inline.push((name, Self::module(group.stream()))),
                            _ => self.files.push((name, file.take())),
                        }
                    } else if is_module && ITEMS.contains(&&*keyword) && !ITEMS.contains(&&*name) {
                        self.items.insert(name);
                    } else {
                        before.clone_from(&name);
                        path.push(name);
                    }
                }
                TokenTree::Group(group) => {
                    self.mention(mem::take(&mut path));
                    let inner = group.stream();
                    let is_attribute = marks.ends_with('#') || marks.ends_with("#!");
                    if !is_attribute || group.delimiter() != Delimiter::Bracket {
                        self.read(inner, false);
                    } else if inner.to_string().replace(' ', "") == "cfg(test)" {
                        tokens.find(|token| ends_item(token, is_module));
                    } else if let Some(path) = inner.to_string().strip_prefix("path = ") {
                        file = Some(path.trim_matches('"').to_owned());
                    }
                    // `pub(crate)`
                    if before != "pub" {
                        before.clear();
                    }
                }
                TokenTree::Literal(_) => self.mention(mem::take(&mut path)),
            }
            marks.clear();
        }
        self.mention(path);
    }

    /// One tree of a `use` declaration, after the segments of `prefix`.
    fn import(&mut self, tokens: &mut impl Iterator<Item = TokenTree>, prefix: &[String], is_reexport: bool) {
        let (mut path, mut renamed, mut is_group) = (prefix.to_vec(), None, false);
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) if matches!(mark.as_char(), ',' | ';') => break,
                TokenTree::Punct(mark) if mark.as_char() == '*' => renamed = Some("*".to_owned()),
                TokenTree::Ident(ident) if ident == "as" => renamed = tokens.next().map(|name| name.to_string()),
                TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
                TokenTree::Ident(ident) => path.push(name(&ident)),
                TokenTree::Group(group) => {
                    is_group = true;
                    let mut inner = group.stream().into_iter().peekable();
                    while inner.peek().is_some() {
                        self.import(&mut inner, &path, is_reexport);
                    }
                }
                _ => {}
            }
        }
        if !is_group {
            let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
            self.imports.push(Import { name, path, is_reexport });
        }
    }

    fn mention(&mut self, path: Path) {
        self.mentions.extend(path.first().cloned());
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

/// True for the last token of an item, a statement or a field, which a brace or a mark ends.
fn ends_item(token: &TokenTree, is_module: bool) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';' || (mark.as_char() == ',' && !is_module),
        _ => false,
    }
}

fn name(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        read("a.rs", text).expect("it parses")
    }

    #[test]
    fn items_are_found() {
        let text = "pub(crate) const A: [u8; 2] = [1, 2]; static mut B: X = X { y: 1 }; pub const fn c() {} struct D(u8);
            struct E<T> { f: T } pub async unsafe fn g() {} macro_rules! h { () => {} } type I = u8; impl E<u8> { fn j() {} }
            extern \"C\" fn k() {} trait L { fn m(); }";
        let items = scope(text).items;
        assert_eq!(items.iter().map(String::as_str).collect::<String>(), "ABDEILcghk");
    }

    #[test]
    fn use_trees_are_read() {
        let imports = scope("use crate::{a::{self, B as C}, d::*}; pub(crate) use e::F;").imports;
        let shown: Vec<String> =
            imports.iter().map(|import| format!("{}={}", import.name, import.path.join("::"))).collect();
        assert_eq!(shown, ["a=crate::a", "C=crate::a::B", "*=crate::d", "F=e::F"]);
        assert_eq!(imports.iter().map(|import| import.is_reexport).collect::<Vec<_>>(), [false, false, false, true]);
    }

    #[test]
    fn tests_are_left_out() {
        let scope = scope(
            "mod a; #[cfg(test)] mod b; #[path = \"../c.rs\"] mod c; #[cfg(test)] mod tests { use x::Y; fn f() { z::g() } }
             struct D { #[cfg(test)] e: h::E } fn f() { use i::J; k::l(); m.n::<o::P>(); }",
        );
        assert_eq!(scope.files, [("a".to_owned(), None), ("c".to_owned(), Some("../c.rs".to_owned()))]);
        let paths: Vec<String> = scope.paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(paths, ["k::l", "o::P"]);
        assert_eq!(scope.imports.len(), 1);
        assert!(!scope.mentions.contains("n") && scope.mentions.contains("m"));
    }

    #[test]
    fn comments_literals_and_lifetimes_are_left_out_of_macro_calls() {
        let scope = scope(
            r##"x! { a /* b /* c */ */ // d
                "e\"" r#"f"g"# b"h" 'i' '\'' '\u{7f}' &'j k<'_> 12 b::r#type .l m.n::<o::P>() }"##,
        );
        assert_eq!(scope.mentions.iter().map(String::as_str).collect::<String>(), "abkmox");
        assert_eq!(scope.paths.iter().map(|path| path.join("::")).collect::<Vec<_>>(), ["b::type", "o::P"]);
    }
}
