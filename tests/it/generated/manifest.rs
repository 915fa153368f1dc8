//! What the manifest, its lock file and the features of our dependencies must hold.

use std::collections::BTreeSet;

use super::{root, text};

/// `objects` holds JSON with sorted keys; a dependency that switched on `preserve_order` would change every user's state.
#[test]
fn json_keys_are_sorted() {
    let json: serde_json::Value = serde_json::from_str(r#"{"b":{"d":1,"c":2},"a":3}"#).unwrap();
    assert_eq!(json.to_string(), r#"{"a":3,"b":{"c":2,"d":1}}"#);
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = text("Cargo.toml");
    let mut section = "";
    let mut previous = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let declares = section.ends_with("dependencies]") && line.starts_with(|c: char| c.is_ascii_lowercase());
        assert!(!declares || previous.starts_with("# "), "{section} {line}: the line above doesn't say what it is for");
        previous = line;
    }
}

/// One TLS stack: rustls over aws-lc-rs, which verifies the host's certificate. Read from what is built, since the lock
/// file lists what features could bring; deny.toml says the same to cargo-deny, for every platform.
#[test]
fn dependencies_contain_one_tls_stack() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap()))
        .collect();
    let versions = |wanted: &str| packages.iter().filter(|(name, _)| *name == wanted).count();
    for banned in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert_eq!(versions(banned), 0, "{banned} is built");
    }
    for single in ["rustls", "tokio-rustls", "aws-lc-rs"] {
        assert_eq!(versions(single), 1, "versions of {single}");
    }
}

/// The registry reads the protocol from this file; without it, it would guess.
#[test]
fn registry_manifest_names_the_protocol() {
    let manifest: serde_json::Value = serde_json::from_str(&text("terraform-registry-manifest.json")).unwrap();
    assert_eq!(manifest["metadata"]["protocol_versions"], serde_json::json!(["5.0"]));
}
