//! Finds the file that defines a name: follows paths, imports and re-exports through the modules of one crate.

use super::super::module::{self, Import, Path, Scope};
use relative_path::RelativePath;
use std::collections::{BTreeMap, BTreeSet};

/// Imports that are followed for one name, at most: a re-export of itself would have no end.
const MAX_DEPTH: usize = 16;

struct Module {
    file: String,
    parent: usize,
    scope: Scope,
    children: BTreeMap<String, usize>,
}

/// Target of a path.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// An item of this module, and its name.
    Item(usize, &'a str),
    Module(usize),
}

/// The modules of one crate; the first is its root.
#[derive(Default)]
pub(super) struct Crate {
    modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate whose root is `root`; `text` returns the content of a file by its path.
    pub(super) fn read<'a>(root: &str, text: &impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let mut found = Self::default();
        if let Some(content) = text(root) {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
            found.add(0, root, folder, module::read(root, content)?, text)?;
        }
        Ok(found)
    }

    /// Adds a module and those below it, whose files lie in `folder`. Returns its number.
    fn add<'a>(
        &mut self,
        parent: usize,
        file: &str,
        folder: &str,
        mut scope: Scope,
        text: &impl Fn(&str) -> Option<&'a str>,
    ) -> Result<usize, String> {
        let (files, inline) = (std::mem::take(&mut scope.files), std::mem::take(&mut scope.inline));
        let number = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, scope, children: BTreeMap::new() });
        for (name, scope) in inline {
            let child = self.add(number, file, &format!("{folder}/{name}"), scope, text)?;
            self.modules[number].children.insert(name, child);
        }
        for (name, path) in files {
            let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let candidates = match path {
                Some(path) => vec![RelativePath::new(beside).join_normalized(path).into_string()],
                None => vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")],
            };
            let Some((file, content)) = candidates.iter().find_map(|file| Some((file, text(file)?))) else { continue };
            let folder = file.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
            let child = self.add(number, file, &folder, module::read(file, content)?, text)?;
            self.modules[number].children.insert(name, child);
        }
        Ok(number)
    }

    /// Every use of a name that another file defines: the file that uses it, the one that defines it, the name.
    pub(super) fn uses(&self) -> BTreeSet<(String, String, String)> {
        let mut found = BTreeSet::new();
        for (number, module) in self.modules.iter().enumerate() {
            let targets = module.scope.imports.iter().flat_map(|import| self.imported(number, import));
            let paths = module.scope.paths.iter().filter_map(|path| self.follow(number, path, MAX_DEPTH));
            for target in targets.chain(paths) {
                if let Target::Item(other, name) = target
                    && self.modules[other].file != module.file
                {
                    found.insert((module.file.clone(), self.modules[other].file.clone(), name.to_owned()));
                }
            }
        }
        found
    }

    /// The targets of an import, as far as its module uses them.
    fn imported<'a>(&'a self, module: usize, import: &'a Import) -> Vec<Target<'a>> {
        let mentions = &self.modules[module].scope.mentions;
        if import.name == "*" {
            return mentions.iter().filter_map(|name| self.through_glob(module, import, name, MAX_DEPTH)).collect();
        }
        let is_used = !import.is_reexport || mentions.contains(&import.name);
        is_used.then(|| self.follow(module, &import.path, MAX_DEPTH)).flatten().into_iter().collect()
    }

    /// Follows a path from a module. A path beyond an item, to a variant or a method, ends at the item.
    fn follow<'a>(&'a self, from: usize, path: &'a Path, depth: usize) -> Option<Target<'a>> {
        let mut at = from;
        for (index, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => at = 0,
                "self" => {}
                "super" => at = self.modules[at].parent,
                name => match self.lookup(at, name, index + 1 < path.len(), depth)? {
                    Target::Module(module) => at = module,
                    item @ Target::Item(..) => return Some(item),
                },
            }
        }
        Some(Target::Module(at))
    }

    /// Finds a name in a module. Modules and items have names of their own, so a path's last segment prefers an item.
    fn lookup<'a>(&'a self, module: usize, name: &'a str, prefers_module: bool, depth: usize) -> Option<Target<'a>> {
        let Module { scope, children, .. } = &self.modules[module];
        let depth = depth.checked_sub(1)?;
        let child = children.get(name).copied().map(Target::Module);
        let item = scope.items.contains(name).then_some(Target::Item(module, name));
        let declared = if prefers_module { child.or(item) } else { item };
        let imported = || {
            let named = scope.imports.iter().filter(|import| import.name == name);
            named.filter(|import| import.path[..] != [name]).find_map(|import| self.follow(module, &import.path, depth))
        };
        let through_globs = || {
            let mut globs = scope.imports.iter().filter(|import| import.name == "*");
            globs.find_map(|import| self.through_glob(module, import, name, depth))
        };
        declared.or_else(imported).or(child).or_else(through_globs)
    }

    fn through_glob<'a>(&'a self, module: usize, glob: &'a Import, name: &'a str, depth: usize) -> Option<Target<'a>> {
        match self.follow(module, &glob.path, depth) {
            Some(Target::Module(other)) if other != module => self.lookup(other, name, false, depth),
            _ => None,
        }
    }
}
