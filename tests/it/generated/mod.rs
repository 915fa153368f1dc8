//! What is written down and must stay true: the pages of the registry, the layers of the crate, the names and sentences of
//! every argument, the examples, and the manifest. No cluster: it runs with every `cargo test`.

mod docs;
mod examples;
mod layers;
mod links;
mod live_checks;
mod manifest;
mod pages;
mod presets;
mod scenarios;
mod schemas;
mod traps;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder of the repository whose name ends so, as paths from the root, sorted. A folder that isn't
/// there has no files.
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

/// The text that people read: path and content.
fn prose() -> Vec<(String, String)> {
    docs::fresh();
    let paths = files("docs", ".md").into_iter().chain(["README.md".to_owned(), "CHANGELOG.md".to_owned()]);
    paths.map(|path| (path.clone(), text(&path))).collect()
}
