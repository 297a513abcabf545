//! Which room may use which, and where a dependency may be named. A new edge is a design change:
//! say why in `ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::support::project;

/// Room → the rooms it may use. Pure rooms come first; effects are at the rim.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("bundle", &["model"]),
    ("diagnostic", &["model"]),
    ("python", &["diagnostic"]),
    ("lint", &["model", "bundle", "diagnostic", "python"]),
    ("judge", &["model"]),
    ("task", &["model", "bundle", "judge"]),
    ("sandbox", &["model"]),
    ("store", &["model", "diagnostic", "config"]),
    ("queue", &["model", "store"]),
    ("api", &["model", "diagnostic", "task"]),
    ("client", &["model", "diagnostic", "lint", "api", "config"]),
    ("config", &["model"]),
    ("validator", &["model", "bundle", "lint", "diagnostic", "task", "judge", "sandbox"]),
    ("report", &["model", "diagnostic", "judge", "validator", "sandbox", "lint"]),
    (
        "server",
        &["model", "bundle", "diagnostic", "lint", "task", "judge", "store", "queue", "config", "api"],
    ),
];

/// Rooms that may use every room.
const TOP: &[&str] = &["cli"];

/// Dependency → the places (prefixes under `src/`) that may name it.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["server/"]),
    ("bollard", &["sandbox/docker"]),
    ("cel", &["task/kind/artifact"]),
    ("clap", &["cli/"]),
    ("hakoniwa", &["sandbox/namespaces"]),
    ("indicatif", &["report/"]),
    ("object_store", &["store/"]),
    ("reqwest", &["client/"]),
    ("ruff_python_ast", &["python/", "lint/"]),
    ("ruff_python_parser", &["python/"]),
    ("sqlx", &["store/"]),
    ("zip", &["bundle/", "store/backup"]),
];

/// Rooms that take values and return values.
const PURE: &[&str] = &["model", "bundle", "diagnostic", "python", "lint", "judge", "similarity"];
const EFFECTS: &[&str] =
    &["tokio", "tracing", "reqwest", "sqlx", "std::fs", "std::net", "std::time::Instant", "std::process"];

#[derive(Default)]
struct Paths(BTreeSet<String>);

impl Paths {
    fn tree(&mut self, prefix: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| {
            if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{name}") }
        };
        match tree {
            syn::UseTree::Path(path) => {
                self.tree(&join(&path.ident), &path.tree);
                self.0.insert(join(&path.ident));
            }
            syn::UseTree::Name(name) => drop(self.0.insert(join(&name.ident))),
            syn::UseTree::Rename(name) => drop(self.0.insert(join(&name.ident))),
            syn::UseTree::Glob(_) => drop(self.0.insert(prefix.to_owned())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(prefix, item)),
        }
    }

    /// Paths inside macro calls are tokens to `syn`: read `a :: b :: c` from them.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = String::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.0.insert(std::mem::take(&mut path));
                    }
                    path = if path.is_empty() { name.to_string() } else { format!("{path}::{name}") };
                    self.0.insert(path.clone());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    path.clear();
                    colons = 0;
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    path.clear();
                    colons = 0;
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree("", &item.tree);
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut name = String::new();
        for segment in &path.segments {
            name = if name.is_empty() {
                segment.ident.to_string()
            } else {
                format!("{name}::{}", segment.ident)
            };
            self.0.insert(name.clone());
        }
        syn::visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attr| {
            attr.path().is_ident("cfg")
                && attr.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        });
        if !is_test {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

fn paths_in(text: &str) -> BTreeSet<String> {
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(text).expect("the source is Rust"));
    paths.0
}

/// Every file of `src/`, by its path below it.
fn sources() -> BTreeMap<String, BTreeSet<String>> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let root = project("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 10, "the walk found the sources");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
            (name, paths_in(&fs::read_to_string(&path).expect("UTF-8")))
        })
        .collect()
}

/// The room of a file: its first folder, or its own name.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

#[test]
fn rooms_use_only_what_the_map_allows() {
    let rooms: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, paths) in sources() {
        let here = room(&file);
        if TOP.contains(&here) || matches!(here, "lib" | "main") {
            continue;
        }
        let Some(allowed) = rooms.get(here) else {
            wrong.push(format!("`{file}`: the room `{here}` is not on the map"));
            continue;
        };
        for path in &paths {
            let Some(target) = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next()) else {
                continue;
            };
            if target != here && !allowed.contains(&target) {
                wrong.push(format!("`{file}` uses `{path}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the map does not have:\n{}", wrong.join("\n"));
}

#[test]
fn a_dependency_is_named_only_in_its_room() {
    let mut wrong = Vec::new();
    for (file, paths) in sources() {
        for (name, places) in NAMED_ONLY_IN {
            let named = paths.iter().any(|path| path.split("::").next() == Some(*name));
            if named && !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("`{file}` names `{name}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies outside their rooms:\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_have_no_effects() {
    let mut wrong = Vec::new();
    for (file, paths) in sources() {
        if !PURE.contains(&room(&file)) {
            continue;
        }
        for effect in EFFECTS {
            let inside = format!("{effect}::");
            if paths.iter().any(|path| path == effect || path.starts_with(&inside)) {
                wrong.push(format!("`{file}` uses `{effect}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "effects in pure rooms:\n{}", wrong.join("\n"));
}

#[test]
fn grouped_and_nested_paths_do_not_hide() {
    let paths = paths_in(
        "use {crate::{server::{self, error as e}, model::*}, std::fmt};\n\
         fn f() { let _ = crate::store::open(); println!(\"{}\", crate::client::NAME); }",
    );
    for path in
        ["crate::server", "crate::server::error", "crate::model", "crate::store::open", "crate::client::NAME"]
    {
        assert!(paths.contains(path), "`{path}` in {paths:?}");
    }
}
