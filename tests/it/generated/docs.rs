//! The pages in docs/ are those that today's schema and examples make.

use std::fs;

use terraform_provider_mesh::provider::provider;

use super::{files, pages::pages, root};

#[test]
fn pages_are_fresh() {
    let fresh = pages(&provider());
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    for (path, page) in &fresh {
        let file = root().join(path);
        if fs::read_to_string(&file).ok().as_ref() == Some(page) {
            continue;
        }
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, page).unwrap();
        } else {
            stale.push(path.clone());
        }
    }
    let orphans: Vec<String> = ["docs/resources", "docs/data-sources", "docs/functions"]
        .iter()
        .flat_map(|folder| files(folder, ".md"))
        .collect();
    for orphan in orphans.iter().filter(|path| !fresh.contains_key(*path)) {
        if update {
            fs::remove_file(root().join(orphan)).unwrap();
        } else {
            stale.push(orphan.clone());
        }
    }
    assert!(stale.is_empty(), "stale pages: {}\nrun UPDATE_DOCS=1 cargo test --test it generated", stale.join(", "));
}

/// A data source or a function without a page would be missing from the registry without a word.
#[test]
fn everything_offered_has_a_page() {
    let provider = provider();
    let fresh = pages(&provider);
    let resources = provider.resources.keys().map(|name| page("resources", name));
    let data_sources = provider.data_sources.keys().map(|name| page("data-sources", name));
    let functions = provider.functions.keys().map(|name| page("functions", name));
    for path in resources.chain(data_sources).chain(functions) {
        assert!(fresh.contains_key(&path), "{path} isn't made: teach it to tests/it/generated/pages.rs");
    }
}

fn page(folder: &str, name: &str) -> String {
    format!("docs/{folder}/{}.md", name.trim_start_matches("mesh_"))
}
