//! The files of a release: what `packaging` makes of a build, and that terraform and tofu install it, from a folder and from a
//! registry.

mod package;
mod registry;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    generated::text,
    protocol::debug::CONFIGURATION,
    support::terraform::{Tool, Workspace},
};
use package::{PLATFORM, RELEASE, SigningKey, VERSION, build_folder, pack, run, write_checksums};
use registry::Registry;

/// A platform other than the one of this machine.
const OTHER_PLATFORM: &str = "windows_arm64";

/// A release for two platforms, whose binaries are no programs. `init` runs none.
fn release(key: &SigningKey) -> TempDir {
    let dist = TempDir::new().unwrap();
    for platform in [PLATFORM.as_str(), OTHER_PLATFORM] {
        let folder = build_folder();
        fs::write(folder.path().join(format!("terraform-provider-mesh_v{VERSION}")), platform).unwrap();
        pack(&folder, platform, dist.path());
    }
    write_checksums(dist.path(), Some(key)).expect("signed");
    dist
}

/// The configuration of a provider from a registry.
fn configuration(source: &str) -> String {
    format!("terraform {{\n  required_providers {{\n    mesh = {{\n      source = {source:?}\n    }}\n  }}\n}}\n")
}

/// Installs the provider of `registry` into an empty folder.
fn init(tool: Tool, registry: &Registry) -> (Workspace, Result<String, String>) {
    let workspace = Workspace::with_installation(tool, "  direct {}\n");
    let authority = workspace.write_file("registry.pem", &registry.authority);
    let workspace = workspace.env("SSL_CERT_FILE", &authority);
    workspace.write_file("main.tf", &configuration(&registry.source()));
    let output = workspace.run(&["init", "-input=false", "-no-color"]);
    let installed = if output.code == Some(0) { Ok(output.stdout) } else { Err(output.errors()) };
    (workspace, installed)
}

/// Replaces one byte of a file.
fn change_byte(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    fs::write(file, bytes).unwrap();
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn release_has_the_files_that_registries_expect() {
    let key = SigningKey::generate("rsa3072");
    let dist = release(&key);
    let mut names: Vec<_> =
        fs::read_dir(&dist).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected: Vec<_> = [PLATFORM.as_str(), OTHER_PLATFORM]
        .iter()
        .flat_map(|platform| [format!("{RELEASE}_{platform}.zip"), format!("{RELEASE}_{platform}.cdx.json")])
        .chain(["SHA256SUMS", "SHA256SUMS.sig", "manifest.json"].map(|name| format!("{RELEASE}_{name}")))
        .collect();
    expected.sort();
    assert_eq!(names, expected);

    let manifest = fs::read_to_string(dist.path().join(format!("{RELEASE}_manifest.json"))).unwrap();
    assert_eq!(manifest, text("terraform-registry-manifest.json"));
    let sums = fs::read_to_string(dist.path().join(format!("{RELEASE}_SHA256SUMS"))).unwrap();
    let summed: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    let mut expected: Vec<_> =
        expected.iter().filter(|name| Path::new(name).extension() == Some("zip".as_ref())).collect();
    let manifest = format!("{RELEASE}_manifest.json");
    expected.push(&manifest);
    assert_eq!(summed, expected);
    run(Command::new("sha256sum")
        .args(["--check", "--strict"])
        .arg(format!("{RELEASE}_SHA256SUMS"))
        .current_dir(&dist));

    // Without a listing of sizes and times, which zipinfo prints as well.
    let listed = run(Command::new("unzip").arg("-Z").arg(dist.path().join(format!("{RELEASE}_{}.zip", *PLATFORM))));
    for entry in ["-rw-r--r-- LICENSE", "-rw-r--r-- THIRD-PARTY-NOTICES", "-rwxr-xr-x terraform-provider-mesh_v"] {
        let (mode, name) = entry.split_once(' ').unwrap();
        assert!(listed.lines().any(|line| line.starts_with(mode) && line.contains(name)), "{entry}: {listed}");
    }
    assert!(listed.contains("3 files"), "{listed}");
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn equal_files_are_packed_into_equal_bytes() {
    let archive = |age: &str| {
        let folder = build_folder();
        for name in ["LICENSE", "sbom.cdx.json"] {
            run(Command::new("touch").arg("-d").arg(age).arg(folder.path().join(name)));
        }
        run(Command::new("chmod").args(["600", "LICENSE"]).current_dir(&folder));
        let dist = TempDir::new().unwrap();
        pack(&folder, &PLATFORM, dist.path());
        fs::read(dist.path().join(format!("{RELEASE}_{}.zip", *PLATFORM))).unwrap()
    };
    assert_eq!(archive("2020-01-01"), archive("2024-05-06 07:08:09"));
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn packed_provider_is_installed_from_a_filesystem_mirror() {
    let folder = build_folder();
    let program = folder.path().join(format!("terraform-provider-mesh_v{VERSION}"));
    // A debug build is ten times a release, most of it symbols.
    run(Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_terraform-provider-mesh")));
    let dist = TempDir::new().unwrap();
    let archive = pack(&folder, &PLATFORM, dist.path());
    for tool in Tool::ALL {
        let workspace = Workspace::with_installation(tool, "  filesystem_mirror {\n    path = \"mirror\"\n  }\n");
        for registry in ["registry.terraform.io", "registry.opentofu.org"] {
            let mirror = workspace.path().join("mirror").join(registry).join("mesh-provider/mesh");
            fs::create_dir_all(&mirror).unwrap();
            fs::copy(&archive, mirror.join(archive.file_name().unwrap())).unwrap();
        }
        workspace.configure(CONFIGURATION);
        workspace.run(&["init", "-input=false", "-no-color"]).expect_success();
        let plan = workspace.run(&["plan", "-input=false", "-no-color"]).expect_success();
        assert!(plan.stdout.contains("Plan: 2 to add"), "{tool}: {plan}");
    }
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn signed_release_is_installed_from_a_registry_and_a_changed_one_is_refused() {
    let (key, other_key) = (SigningKey::generate("rsa3072"), SigningKey::generate("rsa3072"));
    let dist = release(&key);
    let registry = Registry::serve(dist.path(), &key);
    let file = |name: &str| -> PathBuf { dist.path().join(format!("{RELEASE}_{name}")) };
    for tool in Tool::ALL {
        let (_, installed) = init(tool, &registry);
        let installed = installed.unwrap_or_else(|errors| panic!("{tool}: {errors}"));
        assert!(installed.contains("signed") && installed.contains(key.id()), "{tool}: {installed}");

        let with_other_key = Registry::serve(dist.path(), &other_key);
        let refused = init(tool, &with_other_key).1.expect_err("signed by another key");
        assert!(refused.contains("signature"), "{tool}: {refused}");

        // The last character of the other platform's checksum, so that only the signature shows the change.
        let sums = fs::read_to_string(file("SHA256SUMS")).unwrap();
        let name = sums.find(&format!("  {RELEASE}_{OTHER_PLATFORM}")).unwrap();
        change_byte(&file("SHA256SUMS"), name - 1);
        let refused = init(tool, &registry).1.expect_err("a changed checksum");
        assert!(refused.contains("signature"), "{tool}: {refused}");
        fs::write(file("SHA256SUMS"), sums).unwrap();

        let archive = file(&format!("{}.zip", *PLATFORM));
        let bytes = fs::read(&archive).unwrap();
        change_byte(&archive, bytes.len() / 2);
        let refused = init(tool, &registry).1.expect_err("a changed archive");
        assert!(refused.contains("checksum"), "{tool}: {refused}");
        fs::write(&archive, bytes).unwrap();
    }
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn checksums_of_two_platforms_are_locked() {
    let key = SigningKey::generate("rsa3072");
    let dist = release(&key);
    let registry = Registry::serve(dist.path(), &key);
    for tool in Tool::ALL {
        let (workspace, installed) = init(tool, &registry);
        installed.unwrap_or_else(|errors| panic!("{tool}: {errors}"));
        let platforms = [PLATFORM.as_str(), OTHER_PLATFORM].map(|platform| format!("-platform={platform}"));
        workspace.run(&["providers", "lock", &platforms[0], &platforms[1]]).expect_success();
        let lock = workspace.read_file(".terraform.lock.hcl");
        assert_eq!(lock.matches("\"h1:").count(), 2, "{tool}: {lock}");
    }
}

#[test]
#[ignore = "needs zip, gpg, terraform and tofu"]
fn key_that_registries_refuse_signs_nothing() {
    let dist = release(&SigningKey::generate("rsa3072"));
    let error = write_checksums(dist.path(), Some(&SigningKey::generate("ed25519"))).unwrap_err();
    assert!(error.contains("neither an RSA nor a DSA key"), "{error}");
    assert!(!dist.path().join(format!("{RELEASE}_SHA256SUMS.sig")).exists());
}

/// The items of a list in a TOML file with one item a line, from the line `start` on.
fn list(file: &str, start: &str) -> Vec<String> {
    let text = text(file);
    let lines = text.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "]");
    lines.map(|line| line.trim().trim_matches(['"', ',']).to_owned()).collect()
}

/// deny.toml names the targets that are released.
#[test]
fn every_released_target_has_a_platform() {
    let targets = list("deny.toml", "targets = [");
    let platform = |target: &String| run(Command::new("sh").arg("packaging/platform.sh").arg(target)).trim().to_owned();
    let platforms: BTreeSet<String> = targets.iter().map(platform).collect();
    let expected =
        ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm", "linux_arm64", "linux_s390x", "windows_amd64"];
    assert_eq!(platforms, expected.map(str::to_owned).into());
}

/// The notices of a binary name only licences that are allowed.
#[test]
fn notices_accept_the_allowed_licences() {
    let allowed = list("deny.toml", "allow = [");
    assert!(!allowed.is_empty());
    assert_eq!(list("packaging/about.toml", "accepted = ["), allowed);
}
