//! The generated pages in docs/ match the current schemas and examples.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use terraform_provider_mesh::provider::provider;

use super::{files, pages::pages, root};

static GENERATED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let generated = pages(&provider());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for (path, page) in &generated {
            let file = root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, page).unwrap();
        }
        for orphan in existing().iter().filter(|path| !generated.contains_key(*path)) {
            fs::remove_file(root().join(orphan)).unwrap();
        }
    }
    generated
});

/// The generated pages by path. If UPDATE_DOCS is set, the first call also writes them to docs/.
pub(super) fn generated() -> &'static BTreeMap<String, String> {
    &GENERATED
}

/// The existing pages in the folders that contain only generated pages.
fn existing() -> Vec<String> {
    ["docs/resources", "docs/data-sources", "docs/functions"].iter().flat_map(|folder| files(folder, ".md")).collect()
}

#[test]
fn pages_match_the_schemas() {
    let is_stale = |path: &&String| fs::read_to_string(root().join(path)).ok().as_ref() != generated().get(*path);
    let stale = generated().keys().chain(&existing()).filter(is_stale).cloned().collect::<Vec<_>>();
    assert!(stale.is_empty(), "stale pages: {}\nrun UPDATE_DOCS=1 cargo test --test it generated", stale.join(", "));
}

/// The registry refuses documents of more than 500 KB.
#[test]
fn pages_are_within_the_size_limit_of_the_registry() {
    let sizes = files("docs", ".md").into_iter().map(|path| (fs::metadata(root().join(&path)).unwrap().len(), path));
    let large: Vec<_> = sizes.filter(|(bytes, _)| *bytes > 500_000).collect();
    assert!(large.is_empty(), "{large:?}");
}

/// A data source or function without a page would be missing from the registry, unnoticed.
#[test]
fn every_schema_has_a_page() {
    let provider = provider();
    let resources = provider.resources.keys().map(|name| page("resources", name));
    let data_sources = provider.data_sources.keys().map(|name| page("data-sources", name));
    let functions = provider.functions.keys().map(|name| page("functions", name));
    for path in resources.chain(data_sources).chain(functions) {
        assert!(generated().contains_key(&path), "{path} isn't generated: add it to tests/it/generated/pages.rs");
    }
}

fn page(folder: &str, name: &str) -> String {
    format!("docs/{folder}/{}.md", name.trim_start_matches("mesh_"))
}
