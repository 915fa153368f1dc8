//! Processes in namespaces of their own, which end with the test process.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A shell script in its own PID namespace, and optionally in its own network and mount namespaces.
///
/// The script's shell is the first process of the PID namespace, and the kernel kills the other ones when it ends. It
/// ends when its standard input closes: when this value is dropped, or when the test process dies.
pub(super) struct Sandbox {
    shell: Child,
    has_network: bool,
}

impl Sandbox {
    /// Runs `preparation`, then waits until standard input closes, and then runs `cleanup`. The preparation reads
    /// `arguments` as `$1`, `$2` and so on.
    pub(super) fn start(preparation: &str, cleanup: &str, arguments: &[&Path], has_network: bool) -> Self {
        let script =
            format!("set -e\n{preparation}\necho ready\ncat >/dev/null\nkill -9 -1 2>/dev/null || :\n{cleanup}");
        let namespaces: &[&str] = if has_network { &["--net", "--mount"] } else { &[] };
        let mut shell = Command::new("unshare")
            .args(namespaces)
            .args(["--pid", "--fork", "--kill-child", "sh", "-c", &script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("running unshare: `make tools` says what the mesh needs");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("it is piped")).read_line(&mut line).expect("reading from a shell");
        assert_eq!(line, "ready\n", "a sandbox didn't start: see its output above");
        Self { shell, has_network }
    }

    /// A command in the namespaces of the sandbox, in the folder `directory` and without the environment of the tests.
    pub(super) fn command(&self, directory: &Path) -> Command {
        let mut command = self.enter();
        command.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(directory);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command
    }

    /// Runs a command in the namespaces of the sandbox, and returns its standard output.
    #[track_caller]
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let output = self.enter().args(arguments).stdin(Stdio::null()).output().expect("running nsenter");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The file that stands for the network namespace.
    pub(super) fn network_namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.id()).into()
    }

    /// Process id of `unshare`, which is in the network namespace itself.
    pub(super) fn id(&self) -> u32 {
        self.shell.id()
    }

    fn enter(&self) -> Command {
        let folder = format!("/proc/{}/ns", self.id());
        let mut command = Command::new("nsenter");
        command.arg(format!("--pid={folder}/pid_for_children"));
        if self.has_network {
            command.args([format!("--net={folder}/net"), format!("--mount={folder}/mnt")]);
        }
        command
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
