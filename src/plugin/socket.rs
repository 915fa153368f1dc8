//! The unix socket that the host connects to, in a folder of its own that others can't enter; both go when we do.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use super::handshake::Host;

/// The longest path of a socket on all systems (macOS has 104 bytes with the closing zero, Linux 108).
const LONGEST_PATH: usize = 103;

/// A folder with a socket in it; dropping it removes both.
#[derive(Debug)]
pub(super) struct Socket {
    folder: PathBuf,
    path: PathBuf,
}

impl Socket {
    /// Makes the folder and listens. Must be called inside a tokio runtime.
    pub(super) fn bind(host: &Host) -> io::Result<(Self, UnixListener)> {
        let name = format!("mesh-{:016x}", fastrand::u64(..));
        let folder = match &host.folder {
            Some(folder) => folder.join(name),
            None => temporary(&std::env::temp_dir(), &name),
        };
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| at(&folder, &error))?;
        let socket = Self { path: folder.join("socket"), folder };
        let listener = UnixListener::bind(&socket.path).map_err(|error| at(&socket.path, &error))?;
        fs::set_permissions(&socket.path, fs::Permissions::from_mode(0o600))?;
        if let Some(group) = &host.group {
            socket.admit(group_id(group)?)?;
        }
        Ok((socket, listener))
    }

    /// Where the host connects.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets a group through the folder and to the socket.
    fn admit(&self, group: u32) -> io::Result<()> {
        for (path, mode) in [(&self.folder, 0o710), (&self.path, 0o660)] {
            chown(path, None, Some(group))?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Best effort: the process is ending, and nobody is left to tell.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The error with the path that it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The folder in the system's temporary folder, or in /tmp where that makes the path too long for a socket.
fn temporary(system: &Path, name: &str) -> PathBuf {
    let folder = system.join(name);
    let fits = folder.join("socket").as_os_str().len() <= LONGEST_PATH;
    if fits { folder } else { Path::new("/tmp").join(name) }
}

/// A group's number, or the number of the group that the system's table has under the name.
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
    async fn nobody_else_gets_in_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host { folder: Some(folder.path().into()), ..Host::default() };
        let (socket, _listener) = Socket::bind(&host).unwrap();
        assert!(socket.path().starts_with(folder.path()));
        assert_eq!((mode(&socket.folder), mode(socket.path())), (0o700, 0o600));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_group_gets_in_if_the_host_says_so() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let own = fs::metadata(folder.path()).unwrap().gid();
        let host = Host { folder: Some(folder.path().into()), group: Some(own.to_string()), ..Host::default() };
        let (socket, _listener) = Socket::bind(&host).unwrap();
        assert_eq!((mode(&socket.folder), mode(socket.path())), (0o710, 0o660));
        assert_eq!(fs::metadata(socket.path()).unwrap().gid(), own);
    }

    #[test]
    fn a_long_temporary_folder_is_left_for_a_short_one() {
        let long = "/x".repeat(60);
        assert_eq!(temporary(Path::new(&long), "mesh-1"), Path::new("/tmp/mesh-1"));
        assert_eq!(temporary(Path::new("/var/tmp"), "mesh-1"), Path::new("/var/tmp/mesh-1"));
    }

    #[test]
    fn groups_are_found_by_name() {
        let table = "root:x:0:\nusers:x:100:a,b\n";
        assert_eq!(find_group(table, "users"), Some(100));
        assert_eq!(find_group(table, "user"), None);
    }
}
