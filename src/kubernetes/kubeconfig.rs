//! Reads kubeconfig files and selects a cluster and a user in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};

use super::{connection::Connection, error::Error};

/// The cluster and the user of the context that `connection` names or, if it names none, of the current context. A cluster or
/// user that `connection` names itself takes precedence over the context's.
pub(super) fn cluster_and_user(connection: &Connection) -> Result<(Cluster, AuthInfo), Error> {
    let kubeconfig = read_files(&connection.config_paths)?;
    let files = connection.config_paths.join(", ");
    let current_context = kubeconfig.current_context.as_ref().filter(|name| !name.is_empty());
    let context = connection.config_context.as_ref().or(current_context).map(|name| {
        let check = "config_context (or KUBE_CTX), or the file's current-context";
        let contexts = kubeconfig.contexts.iter().map(|entry| (&*entry.name, entry.context.as_ref()));
        find(contexts, name).map_err(|names| missing_entry(&files, "context", name, &names, check))
    });
    let context = context.transpose()?;
    let Some(name) = connection.config_context_cluster.as_ref().or(context.map(|context| &context.cluster)) else {
        return Err(Error::InvalidConnection(format!(
            "The kubeconfig {files} has no current-context. Set config_context (or KUBE_CTX)."
        )));
    };
    let clusters = kubeconfig.clusters.iter().map(|entry| (&*entry.name, entry.cluster.as_ref()));
    let cluster = find(clusters, name).map_err(|names| {
        let check = "config_context_cluster (or KUBE_CTX_CLUSTER), or the context";
        missing_entry(&files, "cluster", name, &names, check)
    })?;
    let user_name = connection.config_context_auth_info.as_ref().or(context.and_then(|context| context.user.as_ref()));
    let Some(name) = user_name.filter(|name| !name.is_empty()) else {
        return Ok((cluster.clone(), AuthInfo::default()));
    };
    let users = kubeconfig.auth_infos.iter().map(|entry| (&*entry.name, Some(&entry.auth_info)));
    let user = find(users, name).map_err(|names| {
        let check = "config_context_auth_info (or KUBE_CTX_AUTH_INFO), or the context";
        missing_entry(&files, "user", name, &names, check)
    })?;
    Ok((cluster.clone(), user.clone().unwrap_or_default()))
}

/// Reads the files and merges them as kubectl does. Errors don't quote the content, which may contain a token.
fn read_files(paths: &[String]) -> Result<Kubeconfig, Error> {
    paths.iter().try_fold(Kubeconfig::default(), |merged, path| {
        let merged = read_file(&expand_home(path)).and_then(|file| {
            merged.merge(file).map_err(|_| "is of another kind or apiVersion than the one before it".to_owned())
        });
        merged.map_err(|why| {
            Error::InvalidConnection(format!("The kubeconfig {path} {why}. Check config_path (or KUBE_CONFIG_PATH)."))
        })
    })
}

/// Reads a file. Paths in it become absolute. The error says what the file is or does.
fn read_file(path: &Path) -> Result<Kubeconfig, String> {
    // A pipe can be read only once.
    if path.is_file() && fs::read(path).is_ok_and(|content| is_cut_utf_16(&content)) {
        return Err("ends with half a character of UTF-16".to_owned());
    }
    Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(io, _) => format!("can't be read: {io}"),
        _ => "isn't a kubeconfig in YAML".to_owned(),
    })
}

/// Whether UTF-16, which a byte order mark announces, ends within a pair of bytes. kube (5.0) panics on it.
fn is_cut_utf_16(content: &[u8]) -> bool {
    let is_utf_16 = content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]);
    is_utf_16 && !content.len().is_multiple_of(2)
}

/// The value of the first entry with a name, or the names of all entries if there is none.
fn find<'a, T>(entries: impl Iterator<Item = (&'a str, Option<&'a T>)>, name: &str) -> Result<&'a T, Vec<&'a str>> {
    let entries: Vec<_> = entries.collect();
    let entry = entries.iter().find(|(entry_name, _)| *entry_name == name);
    entry.and_then(|(_, value)| *value).ok_or_else(|| entries.iter().map(|(name, _)| *name).collect())
}

fn missing_entry(files: &str, entry: &str, name: &str, existing: &[&str], arguments: &str) -> Error {
    let existing = if existing.is_empty() { "none".to_owned() } else { existing.join(", ") };
    Error::InvalidConnection(format!(
        "The kubeconfig {files} has no {entry} {name:?}; it has: {existing}. Check {arguments}."
    ))
}

/// Replaces `~/` by the home directory.
fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tempfile::TempDir;

    use super::*;

    const KUBECONFIG: &str = r#"{
        "current-context": "eu",
        "clusters": [{ "name": "eu", "cluster": { "server": "https://eu:6443", "proxy-url": "http://proxy:1" } },
                     { "name": "us", "cluster": { "server": "us" } },
                     { "name": "lab", "cluster": { "server": "https://lab:6443", "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "me", "user": { "exec": { "command": "./plugin" } } },
                  { "name": "old", "user": { "auth-provider": { "name": "gcp" } } },
                  { "name": "half", "user": { "client-key": "key.pem" } }],
        "contexts": [{ "name": "eu", "context": { "cluster": "eu", "user": "me" } },
                     { "name": "us", "context": { "cluster": "us", "user": "me" } },
                     { "name": "unverified", "context": { "cluster": "lab", "user": "me" } },
                     { "name": "lost", "context": { "cluster": "eu", "user": "missing" } },
                     { "name": "old", "context": { "cluster": "eu", "user": "old" } },
                     { "name": "half", "context": { "cluster": "eu", "user": "half" } }]
    }"#;

    /// Writes a kubeconfig to a temporary directory, and returns a connection that names it.
    pub(in crate::kubernetes) fn write_kubeconfig() -> (TempDir, Connection) {
        write_file(KUBECONFIG)
    }

    fn write_file(content: impl AsRef<[u8]>) -> (TempDir, Connection) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("config");
        fs::write(&path, content).unwrap();
        (directory, Connection { config_paths: vec![path.to_string_lossy().into_owned()], ..Connection::default() })
    }

    fn error(connection: &Connection) -> String {
        cluster_and_user(connection).err().unwrap().to_string()
    }

    #[test]
    fn context_selects_cluster_and_user() {
        let (directory, connection) = write_kubeconfig();
        let (cluster, user) = cluster_and_user(&connection).unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://eu:6443"));
        let command = user.exec.unwrap().command.unwrap();
        // Relative to the kubeconfig, as in kubectl.
        assert_eq!(PathBuf::from(command), directory.path().join("./plugin"));
    }

    #[test]
    fn missing_entry_is_reported_with_the_existing_ones() {
        let (_directory, connection) = write_kubeconfig();
        let with_context = |context: &str| Connection { config_context: Some(context.into()), ..connection.clone() };
        for (connection, expected) in [
            (with_context("asia"), ["no context \"asia\"; it has: eu, us, unverified, lost", "config_context"]),
            (with_context("lost"), ["no user \"missing\"; it has: me, old, half", "config_context_auth_info"]),
            (
                Connection { config_context_cluster: Some("asia".into()), ..connection.clone() },
                ["no cluster \"asia\"; it has: eu, us, lab", "config_context_cluster"],
            ),
        ] {
            let message = error(&connection);
            assert!(expected.iter().all(|text| message.contains(text)), "{expected:?} isn't in: {message}");
        }
        let (_directory, connection) = write_file("clusters: []");
        assert!(error(&connection).contains("no current-context"));
    }

    #[test]
    fn unreadable_file_is_reported_without_its_content() {
        let missing = Connection { config_paths: vec!["/nowhere/config".into()], ..Connection::default() };
        let message = error(&missing);
        assert!(message.contains("/nowhere/config can't be read") && message.contains("config_path"), "{message}");
        let (_directory, connection) = write_file("users: [hunter2: {hunter2");
        let message = error(&connection);
        assert!(message.contains("isn't a kubeconfig in YAML") && !message.contains("hunter2"), "{message}");
    }

    /// Found by fuzzing: kube panics on such a file.
    #[test]
    fn half_a_character_of_utf_16_is_an_error() {
        for content in [[0xfe, 0xff, b'a'], [0xff, 0xfe, b'a']] {
            let (_directory, connection) = write_file(content);
            assert!(error(&connection).contains("ends with half a character of UTF-16"), "{}", error(&connection));
        }
    }
}
