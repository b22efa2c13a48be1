//! The declarations and paths of a Rust file, for each of its modules. Leaves out items under `#[cfg(test)]`.

use super::super::error::TidyError;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Ident, Item, Lit, Meta, MetaNameValue, UseTree, Visibility};

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

pub(super) fn read(file: &str, text: &str) -> Result<Scope, TidyError> {
    let file = syn::parse_file(text).map_err(|error| TidyError::new(file, error.to_string()))?;
    Ok(module(&file.items))
}

fn module(items: &[Item]) -> Scope {
    let mut scope = Scope::default();
    for item in items {
        let (attributes, defined) = head(item);
        match item {
            _ if is_test(attributes) => {}
            Item::Use(item) => {
                scope.import(Path::new(), &item.tree, !matches!(item.vis, Visibility::Inherited));
            }
            Item::Mod(item) => match &item.content {
                Some((_, items)) => scope.inline.push((name(&item.ident), module(items))),
                None => scope.files.push((name(&item.ident), attributes.iter().find_map(path_attribute))),
            },
            item => {
                scope.items.extend(defined.map(name));
                scope.visit_item(item);
            }
        }
    }
    scope
}

/// The attributes of an item, and the name that it defines.
fn head(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let tests = |meta: &Meta| matches!(meta, Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test");
    attributes.iter().any(|attribute| tests(&attribute.meta))
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(value), .. }), .. })
            if path.is_ident("path") =>
        {
            Some(value.value())
        }
        _ => None,
    }
}

fn name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

impl Scope {
    /// One tree of a `use` declaration, after the segments of `path`.
    fn import(&mut self, mut path: Path, tree: &UseTree, is_reexport: bool) {
        let (ident, renamed) = match tree {
            UseTree::Path(tree) => {
                path.push(name(&tree.ident));
                return self.import(path, &tree.tree, is_reexport);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(path.clone(), tree, is_reexport));
            }
            UseTree::Glob(_) => return self.imports.push(Import { name: "*".to_owned(), path, is_reexport }),
            UseTree::Name(tree) => (&tree.ident, None),
            UseTree::Rename(tree) => (&tree.ident, Some(name(&tree.rename))),
        };
        if ident != "self" || path.is_empty() {
            path.push(name(ident));
        }
        let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
        self.imports.push(Import { name, path, is_reexport });
    }

    fn mention(&mut self, path: Path) {
        self.mentions.extend(path.first().cloned());
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }

    /// The paths in the arguments of a macro, which have no syntax tree.
    fn visit_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut marks) = (Path::new(), String::new());
        for token in tokens {
            match token {
                TokenTree::Punct(mark) => {
                    marks.push(mark.as_char());
                    continue;
                }
                TokenTree::Ident(ident) if marks == "::" => path.push(name(&ident)),
                token => {
                    self.mention(std::mem::take(&mut path));
                    match token {
                        TokenTree::Group(group) => self.visit_tokens(group.stream()),
                        // A field, a method or a lifetime.
                        TokenTree::Ident(_) if marks == "." || marks.ends_with('\'') => {}
                        TokenTree::Ident(ident) => path.push(name(&ident)),
                        _ => {}
                    }
                }
            }
            marks.clear();
        }
        self.mention(path);
    }
}

impl Visit<'_> for Scope {
    fn visit_item(&mut self, item: &Item) {
        if !is_test(head(item).0) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_field(&mut self, field: &syn::Field) {
        if !is_test(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_attribute(&mut self, _: &Attribute) {}

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.import(Path::new(), &item.tree, false);
    }

    fn visit_pat_ident(&mut self, pattern: &syn::PatIdent) {
        self.mentions.insert(name(&pattern.ident));
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.mention(path.segments.iter().map(|segment| name(&segment.ident)).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.visit_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
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
