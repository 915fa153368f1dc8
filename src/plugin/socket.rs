//! The Unix socket that the host connects to. It is in a directory of its own that only the user can enter. Both are
//! removed when the plugin ends.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use super::handshake::HostSettings;

/// Maximum length in bytes of a socket's path on every system. With the terminating zero macOS has 104 bytes, and Linux
/// 108.
const MAX_PATH_BYTES: usize = 103;

/// A directory with a socket in it. Dropping the value removes both.
#[derive(Debug)]
pub(super) struct Socket {
    folder: PathBuf,
    path: PathBuf,
}

impl Socket {
    /// Creates the directory and listens on the socket. Must be called inside a tokio runtime.
    pub(super) fn bind(host: &HostSettings) -> io::Result<(Self, UnixListener)> {
        let name = format!("mesh-{:016x}", fastrand::u64(..));
        let folder = match &host.folder {
            Some(folder) => folder.join(name),
            None => temporary_folder(&std::env::temp_dir(), &name),
        };
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| with_path(&folder, &error))?;
        let socket = Self { path: folder.join("socket"), folder };
        let listener = UnixListener::bind(&socket.path).map_err(|error| with_path(&socket.path, &error))?;
        fs::set_permissions(&socket.path, fs::Permissions::from_mode(0o600))?;
        if let Some(group) = &host.group {
            socket.grant_access(group_id(group)?)?;
        }
        Ok((socket, listener))
    }

    /// Path of the socket.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives a group access to the directory and the socket.
    fn grant_access(&self, group: u32) -> io::Result<()> {
        for (path, mode) in [(&self.folder, 0o710), (&self.path, 0o660)] {
            chown(path, None, Some(group))?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The process is ending, so an error has nowhere to go.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Adds the path to the text of an error.
fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Returns the directory `name` in the system's temporary directory, or in /tmp if the path would be too long for a
/// socket.
fn temporary_folder(system: &Path, name: &str) -> PathBuf {
    let folder = system.join(name);
    let fits = folder.join("socket").as_os_str().len() <= MAX_PATH_BYTES;
    if fits { folder } else { Path::new("/tmp").join(name) }
}

/// Returns the number of a group that is given by its number, or by its name in /etc/group.
fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let table = fs::read_to_string("/etc/group")?;
    find_group(&table, group).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no group {group:?}")))
}

fn find_group(table: &str, group: &str) -> Option<u32> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn socket_is_private_and_removed_on_drop() {
        let folder = tempfile::tempdir().unwrap();
        let host = HostSettings { folder: Some(folder.path().into()), ..HostSettings::default() };
        let (socket, _listener) = Socket::bind(&host).unwrap();
        assert!(socket.path().starts_with(folder.path()));
        assert_eq!((mode(&socket.folder), mode(socket.path())), (0o700, 0o600));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn group_of_the_host_gets_access() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let own = fs::metadata(folder.path()).unwrap().gid();
        let host = HostSettings {
            folder: Some(folder.path().into()),
            group: Some(own.to_string()),
            ..HostSettings::default()
        };
        let (socket, _listener) = Socket::bind(&host).unwrap();
        assert_eq!((mode(&socket.folder), mode(socket.path())), (0o710, 0o660));
        assert_eq!(fs::metadata(socket.path()).unwrap().gid(), own);
    }

    #[test]
    fn long_temporary_folder_falls_back_to_tmp() {
        let long = "/x".repeat(60);
        assert_eq!(temporary_folder(Path::new(&long), "mesh-1"), Path::new("/tmp/mesh-1"));
        assert_eq!(temporary_folder(Path::new("/var/tmp"), "mesh-1"), Path::new("/var/tmp/mesh-1"));
    }

    #[test]
    fn groups_are_found_by_name() {
        let table = "root:x:0:\nusers:x:100:a,b\n";
        assert_eq!(find_group(table, "users"), Some(100));
        assert_eq!(find_group(table, "user"), None);
    }
}
