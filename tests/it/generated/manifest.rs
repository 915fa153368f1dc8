//! Rules for Cargo.toml, the features of dependencies, and the registry manifest.

use std::collections::BTreeSet;

use super::{root, text};

/// `objects` contains JSON with sorted keys. A dependency that enables `preserve_order` would change the state of every user.
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
        assert!(
            !declares || previous.starts_with("# "),
            "{section} {line}: a comment with the reason must be in the line above"
        );
        previous = line;
    }
}

/// The only TLS stack is rustls with aws-lc-rs, which can verify the host's certificate. The packages are read from
/// `cargo tree`, because the lock file also lists packages of unused features. deny.toml has the same rule for all
/// platforms.
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
    let versions = |package: &str| packages.iter().filter(|(name, _)| *name == package).count();
    for banned in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert_eq!(versions(banned), 0, "{banned} is built");
    }
    for single in ["rustls", "tokio-rustls", "aws-lc-rs"] {
        assert_eq!(versions(single), 1, "versions of {single}");
    }
}

/// The registry reads the protocol version from this file, and would otherwise assume one.
#[test]
fn registry_manifest_names_the_protocol() {
    let manifest: serde_json::Value = serde_json::from_str(&text("terraform-registry-manifest.json")).unwrap();
    assert_eq!(manifest["metadata"]["protocol_versions"], serde_json::json!(["5.0"]));
}
