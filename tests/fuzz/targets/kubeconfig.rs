//! Kubeconfig files: any bytes make a connection or an error, and no error shows the file's content. No plugin is run.
#![no_main]

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;
use terraform_provider_mesh::kubernetes::{Connection, fuzzing};

static FILE: LazyLock<NamedTempFile> = LazyLock::new(|| NamedTempFile::new().expect("a file"));

fuzz_target!(|bytes: &[u8]| {
    fs::write(FILE.path(), bytes).expect("writing");
    let config_paths = vec![FILE.path().to_string_lossy().into_owned()];
    fuzzing::resolve(&Connection { config_paths, ..Connection::default() });
});
