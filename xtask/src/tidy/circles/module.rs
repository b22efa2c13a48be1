//! What a Rust file declares and which paths it uses, for each of its modules. Items under `#[cfg(test)]` are left out.

use super::tokens::Token;
use std::collections::BTreeSet;

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

/// Reads a file.
pub(super) fn read(tokens: &[Token<'_>]) -> Scope {
    let mut scope = Scope::default();
    Reader { tokens, at: 0 }.module(&mut scope);
    scope
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn eat(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Option<&'a str> {
        let Some(Token::Name(name)) = self.peek() else { return None };
        self.at += 1;
        Some(name)
    }

    /// The items of a module, up to its closing brace.
    fn module(&mut self, scope: &mut Scope) {
        while let Some(token) = self.peek() {
            if token == Token::Mark('}') {
                self.at += 1;
                return;
            }
            self.item(scope);
        }
    }

    fn item(&mut self, scope: &mut Scope) {
        let (mut path, mut is_test) = (None, false);
        while self.eat(Token::Mark('#')) {
            self.eat(Token::Mark('!'));
            let attribute = self.group();
            is_test |= is_cfg_test(attribute);
            if let [_, Token::Name("path"), Token::Mark('='), Token::Text(value), _] = attribute {
                path = Some((*value).to_owned());
            }
        }
        let start = self.at;
        let is_public = self.eat(Token::Name("pub"));
        if is_public && self.peek() == Some(Token::Mark('(')) {
            self.group();
        }
        if is_test {
            self.skip_item();
        } else if self.eat(Token::Name("use")) {
            self.use_tree(&Vec::new(), is_public, scope);
            self.eat(Token::Mark(';'));
        } else if self.eat(Token::Name("mod")) {
            let name = self.name().unwrap_or_default().to_owned();
            if self.eat(Token::Mark(';')) {
                scope.files.push((name, path));
            } else if self.eat(Token::Mark('{')) {
                let mut inner = Scope::default();
                self.module(&mut inner);
                scope.inline.push((name, inner));
            }
        } else {
            self.skip_item();
            let (start, end) = (start, self.at.max(start + 1));
            self.at = end;
            let tokens = &self.tokens[start..end.min(self.tokens.len())];
            scope.items.extend(defined(tokens));
            Reader { tokens, at: 0 }.body(scope);
        }
    }

    /// The tokens of a group of brackets, those included.
    fn group(&mut self) -> &'a [Token<'a>] {
        let (start, mut depth) = (self.at, 0usize);
        while let Some(token) = self.peek() {
            self.at += 1;
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        &self.tokens[start..self.at]
    }

    /// Goes to the end of an item: after its semicolon or its block.
    fn skip_item(&mut self) {
        // The braces of a constant or a list belong to a value, before the semicolon.
        let rest = &self.tokens[self.at..];
        let starts = |keyword| rest.iter().take(4).any(|token| *token == Token::Name(keyword));
        let value = ["const", "static", "type", "use"].into_iter().any(starts) && !starts("fn");
        while let Some(token) = self.peek() {
            match token {
                Token::Mark(';') => {
                    self.at += 1;
                    return;
                }
                Token::Mark('{') => {
                    self.group();
                    if !value {
                        return;
                    }
                }
                Token::Mark('(' | '[') => {
                    self.group();
                }
                Token::Mark('}') => return,
                _ => self.at += 1,
            }
        }
    }

    /// What an item uses.
    fn body(&mut self, scope: &mut Scope) {
        let mut after_dot = false;
        while let Some(token) = self.peek() {
            match token {
                Token::Mark('#') if self.tokens.get(self.at + 1) == Some(&Token::Mark('[')) => {
                    self.at += 1;
                    if is_cfg_test(self.group()) {
                        self.skip_item();
                    }
                }
                Token::Name("use") => {
                    self.at += 1;
                    self.use_tree(&Vec::new(), false, scope);
                }
                Token::Name(name) => {
                    let mut path = vec![name.to_owned()];
                    self.at += 1;
                    while self.tokens[self.at..].starts_with(&[Token::Mark(':'), Token::Mark(':')])
                        && let Some(Token::Name(next)) = self.tokens.get(self.at + 2)
                    {
                        path.push((*next).to_owned());
                        self.at += 3;
                    }
                    if !after_dot {
                        scope.mentions.insert(name.to_owned());
                        if path.len() > 1 {
                            scope.paths.insert(path);
                        }
                    }
                }
                _ => self.at += 1,
            }
            after_dot = token == Token::Mark('.');
        }
    }

    /// One tree of a `use` declaration, after the segments of `before`.
    fn use_tree(&mut self, before: &Path, is_reexport: bool, scope: &mut Scope) {
        let mut path = before.clone();
        loop {
            while self.eat(Token::Mark(':')) {}
            if self.eat(Token::Mark('{')) {
                while !self.eat(Token::Mark('}')) && self.peek().is_some() {
                    self.use_tree(&path, is_reexport, scope);
                    self.eat(Token::Mark(','));
                }
                return;
            }
            if self.eat(Token::Mark('*')) {
                scope.imports.push(Import { name: "*".to_owned(), path, is_reexport });
                return;
            }
            let Some(segment) = self.name() else { return };
            if segment != "self" || path.is_empty() {
                path.push(segment.to_owned());
            }
            if self.peek() != Some(Token::Mark(':')) {
                break;
            }
        }
        let renamed = if self.eat(Token::Name("as")) { self.name() } else { None };
        let name = renamed.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
        scope.imports.push(Import { name, path, is_reexport });
    }
}

fn is_cfg_test(attribute: &[Token<'_>]) -> bool {
    matches!(attribute, [_, Token::Name("cfg"), Token::Mark('('), Token::Name("test"), Token::Mark(')'), _])
}

/// The name that an item defines.
fn defined(item: &[Token<'_>]) -> Option<String> {
    let mut tokens = item.iter();
    while let Some(token) = tokens.next() {
        match token {
            Token::Name("const" | "static" | "mut" | "fn" | "struct" | "enum" | "union" | "trait" | "type") => {
                if let Some(Token::Name(name)) = tokens.clone().next()
                    && !matches!(*name, "fn" | "unsafe" | "extern" | "async" | "mut")
                {
                    return Some((*name).to_owned());
                }
            }
            Token::Name("macro_rules") => {
                tokens.next();
                let Some(Token::Name(name)) = tokens.next() else { return None };
                return Some((*name).to_owned());
            }
            Token::Name("impl") | Token::Mark('{' | ';' | '=') => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn scope(text: &str) -> Scope {
        read(&tokens(text))
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
}
