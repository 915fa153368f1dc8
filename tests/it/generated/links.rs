//! What the text that people read points at is there.

use super::{prose, root};

#[test]
fn links_have_targets() {
    let mut dead = Vec::new();
    for (page, text) in prose() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|after| after.split(')').next()) {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            if !path.starts_with("http") && !folder.join(path).exists() {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// `src/engine/drift.rs` in a sentence is a promise that the file is there. Names with a place for a name are none.
#[test]
fn named_files_exist() {
    let mut missing = Vec::new();
    for (page, text) in prose() {
        for name in text.split('`').skip(1).step_by(2) {
            let ours = ["src/", "tests/", "docs/", "examples/"].iter().any(|folder| name.starts_with(folder));
            if ours && !name.contains(['<', '*', ' ', '\n']) && !root().join(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "files that are named but not there:\n{}", missing.join("\n"));
}
