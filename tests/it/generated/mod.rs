//! Checks of the repository's files, which need no cluster: generated pages, layers of the crate, names and
//! descriptions of arguments, examples, links and manifests.

mod argument_groups;
mod cycles;
mod docs;
pub(crate) mod examples;
mod install_config;
pub(crate) mod istio_fields;
mod layers;
mod links;
mod live_checks;
mod manifest;
mod pages;
mod presets;
mod proof;
mod registry;
mod scenarios;
mod schemas;
mod traps;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The content of a file of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below a folder of the repository whose path ends with `ending`, as sorted paths from the root. A missing
/// folder has no files.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

fn from_root(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).unwrap().components().collect();
    path.to_str().unwrap().replace('\\', "/")
}

/// The Markdown documents: path and content.
fn documents() -> Vec<(String, String)> {
    docs::generated();
    let paths =
        files("docs", ".md").into_iter().chain(["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(str::to_owned));
    paths.map(|path| (path.clone(), text(&path))).collect()
}
