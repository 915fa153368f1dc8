//! The pages in docs/ are those that today's schema and examples make.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use terraform_provider_mesh::provider::provider;

use super::{files, pages::pages, root};

static FRESH: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let fresh = pages(&provider());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for (path, page) in &fresh {
            let file = root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, page).unwrap();
        }
        for orphan in made().iter().filter(|path| !fresh.contains_key(*path)) {
            fs::remove_file(root().join(orphan)).unwrap();
        }
    }
    fresh
});

/// The pages as they should be. With UPDATE_DOCS they also are so, from the first call on.
pub(super) fn fresh() -> &'static BTreeMap<String, String> {
    &FRESH
}

/// The pages of this kind that are there, the index aside.
fn made() -> Vec<String> {
    ["docs/resources", "docs/data-sources", "docs/functions"].iter().flat_map(|folder| files(folder, ".md")).collect()
}

#[test]
fn pages_match_the_schemas() {
    let is_stale = |path: &&String| fs::read_to_string(root().join(path)).ok().as_ref() != fresh().get(*path);
    let stale = fresh().keys().chain(&made()).filter(is_stale).cloned().collect::<Vec<_>>();
    assert!(stale.is_empty(), "stale pages: {}\nrun UPDATE_DOCS=1 cargo test --test it generated", stale.join(", "));
}

/// A data source or a function without a page would be missing from the registry without a word.
#[test]
fn every_schema_has_a_page() {
    let provider = provider();
    let resources = provider.resources.keys().map(|name| page("resources", name));
    let data_sources = provider.data_sources.keys().map(|name| page("data-sources", name));
    let functions = provider.functions.keys().map(|name| page("functions", name));
    for path in resources.chain(data_sources).chain(functions) {
        assert!(fresh().contains_key(&path), "{path} isn't made: teach it to tests/it/generated/pages.rs");
    }
}

fn page(folder: &str, name: &str) -> String {
    format!("docs/{folder}/{}.md", name.trim_start_matches("mesh_"))
}
