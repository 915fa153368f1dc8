//! Runs the scripts of `packaging`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use tempfile::TempDir;

use crate::support::control_plane::repository_root;

/// The version of the provider.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The start of the name of each file of a release.
pub(super) const RELEASE: &str = concat!("terraform-provider-mesh_", env!("CARGO_PKG_VERSION"));

/// The platform of this machine, as registries name it.
pub(super) static PLATFORM: LazyLock<String> = LazyLock::new(|| {
    let target = format!("{}-unknown-{}-gnu", std::env::consts::ARCH, std::env::consts::OS);
    run(Command::new("sh").arg("packaging/platform.sh").arg(target)).trim().to_owned()
});

/// Runs a command in the root of the repository unless it has another folder, and returns its output. Panics if it fails.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    try_run(command).unwrap_or_else(|errors| panic!("{command:?}: {errors}"))
}

/// The output of a command, or else its errors.
fn try_run(command: &mut Command) -> Result<String, String> {
    if command.get_current_dir().is_none() {
        command.current_dir(repository_root());
    }
    let output = command.env("SOURCE_DATE_EPOCH", "1700000000").output().expect("running a command");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// A folder such as `packaging/build.sh` fills, with files that stand for the real ones.
pub(super) fn build_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["LICENSE", "THIRD-PARTY-NOTICES", "sbom.cdx.json"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    fs::write(folder.path().join(format!("terraform-provider-mesh_v{VERSION}")), "the provider").unwrap();
    folder
}

/// Packs the files of a folder for a platform, and returns the path of the archive.
pub(super) fn pack(folder: &TempDir, platform: &str, dist: &Path) -> PathBuf {
    run(Command::new("sh").arg("packaging/pack.sh").arg(folder.path()).arg(platform).arg(dist));
    dist.join(format!("{RELEASE}_{platform}.zip"))
}

/// Adds manifest, checksums and, with a key, their signature. Returns the errors of the script if it fails.
pub(super) fn write_checksums(dist: &Path, key: Option<&SigningKey>) -> Result<String, String> {
    let mut command = Command::new("sh");
    command.arg("packaging/checksums.sh").arg(dist);
    if let Some(key) = key {
        command.arg(key.file()).env("SIGNING_PASSPHRASE", PASSPHRASE);
    }
    try_run(&mut command)
}

/// The passphrase of every key.
const PASSPHRASE: &str = "correct horse";

/// An OpenPGP key, such as the one that signs releases.
pub(super) struct SigningKey {
    folder: TempDir,
    id: String,
    /// The public key, ASCII-armored, as registries give it to terraform.
    pub(super) public: String,
}

impl SigningKey {
    /// Makes a key for signatures with an algorithm of gpg, such as `rsa3072`.
    pub(super) fn generate(algorithm: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let gpg = |arguments: &[&str]| {
            let mut command = Command::new("gpg");
            command.args(["--batch", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]).args(arguments);
            run(command.env("GNUPGHOME", folder.path()))
        };
        gpg(&["--quick-generate-key", "Releases of the tests <releases@example.com>", algorithm, "sign", "never"]);
        let keys = gpg(&["--list-keys", "--with-colons"]);
        let id = keys.lines().find(|line| line.starts_with("pub:")).unwrap().split(':').nth(4).unwrap().to_owned();
        let private = folder.path().join("private.asc");
        gpg(&["--armor", "--output", private.to_str().unwrap(), "--export-secret-keys"]);
        let public = gpg(&["--armor", "--export"]);
        run(Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", folder.path()));
        Self { folder, id, public }
    }

    /// The id by which terraform and tofu name the key.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The private key, ASCII-armored.
    fn file(&self) -> PathBuf {
        self.folder.path().join("private.asc")
    }
}
