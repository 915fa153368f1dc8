//! The Unix socket that the host connects to. It is in a directory of its own that only the user can enter. Both are
//! removed when the plugin ends. What a killed plugin leaves is removed by the next one.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::UnixListener;

use super::handshake::HostSettings;

/// Maximum length in bytes of a socket's path on every system. With the terminating zero macOS has 104 bytes, and Linux
/// 108.
const MAX_PATH_BYTES: usize = 103;

/// The start of the name of every directory.
const PREFIX: &str = "mesh-";

/// Younger directories are never removed: their plugin may not listen yet.
const MIN_ABANDONED_AGE: Duration = Duration::from_mins(1);

/// A directory with a socket in it. Dropping the value removes both.
#[derive(Debug)]
pub(super) struct Socket {
    folder: PathBuf,
    path: PathBuf,
}

impl Socket {
    /// Creates the directory and listens on the socket. Must be called inside a tokio runtime.
    pub(super) fn bind(host: &HostSettings) -> io::Result<(Self, UnixListener)> {
        let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
        let folder = match &host.folder {
            Some(folder) => folder.join(name),
            None => temporary_folder(&runtime_folder(), &name),
        };
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| with_path(&folder, &error))?;
        remove_abandoned(&folder, MIN_ABANDONED_AGE);
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

/// Returns the user's runtime directory (`XDG_RUNTIME_DIR`), which the system empties when the user logs out, or the system's
/// temporary directory.
fn runtime_folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    runtime.filter(|folder| folder.is_absolute() && folder.is_dir()).unwrap_or_else(std::env::temp_dir)
}

/// Removes the directories beside `own` that plugins of the same user have left because they were killed: those with a socket
/// on which no process listens. Errors don't matter, since another plugin may do the same at this moment.
fn remove_abandoned(own: &Path, min_age: Duration) {
    let Some(entries) = own.parent().and_then(|parent| fs::read_dir(parent).ok()) else { return };
    let Ok(user) = fs::metadata(own).map(|metadata| metadata.uid()) else { return };
    for entry in entries.flatten() {
        let (folder, name) = (entry.path(), entry.file_name());
        let is_named_like_ours = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(is_random);
        // Of the entry itself: a symbolic link is no directory.
        let is_old = |metadata: &fs::Metadata| {
            metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age >= min_age)
        };
        let is_ours = |metadata: fs::Metadata| metadata.is_dir() && metadata.uid() == user && is_old(&metadata);
        if folder == own || !is_named_like_ours || !entry.metadata().is_ok_and(is_ours) {
            continue;
        }
        let socket = folder.join("socket");
        let answer = UnixStream::connect(&socket);
        if answer.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = fs::remove_file(&socket);
            let _ = fs::remove_dir(&folder);
        }
    }
}

/// Whether `text` has the form of the random part of a directory's name.
fn is_random(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
    async fn abandoned_directories_are_removed_and_others_stay() {
        let parent = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = parent.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let own = folder("mesh-0000000000000000");
        let [abandoned, used, other] =
            [1, 2, 3].map(|n| folder(&format!("{}-{n:016x}", if n == 3 { "other" } else { "mesh" })));
        let empty = folder("mesh-0000000000000004");
        for folder in [&abandoned, &other] {
            // A listener that is dropped leaves its socket, as a killed process does.
            drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
        }
        let _listener = std::os::unix::net::UnixListener::bind(used.join("socket")).unwrap();
        remove_abandoned(&own, Duration::from_hours(1));
        assert!(abandoned.exists());
        remove_abandoned(&own, Duration::ZERO);
        let exist = [&own, &abandoned, &used, &other, &empty].map(|folder| folder.exists());
        assert_eq!(exist, [true, false, true, true, true]);
    }

    #[tokio::test]
    async fn group_of_the_host_gets_access() {
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
