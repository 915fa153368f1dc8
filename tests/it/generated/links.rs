//! Links and file names in the documents have existing targets.

use super::{documents, root};

#[test]
fn links_have_targets() {
    let mut broken = Vec::new();
    for (page, text) in documents() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|after| after.split(')').next()) {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            if !path.starts_with("http") && !folder.join(path).exists() {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// A path like `src/engine/drift.rs` in a document must exist. Paths with placeholders are ignored.
#[test]
fn named_files_exist() {
    let mut missing = Vec::new();
    for (page, text) in documents() {
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/", "examples/"].iter().any(|folder| name.starts_with(folder));
            if is_path && !name.contains(['<', '*', ' ', '\n']) && !root().join(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "missing files:\n{}", missing.join("\n"));
}
