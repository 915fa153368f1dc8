//! The real terraform and the real tofu, in a folder of their own, with the provider that was just built.

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::control_plane::repository;

/// How long one command may take: far beyond any that goes well, and short enough to tell of one that hangs.
const LIMIT: Duration = Duration::from_mins(3);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// HashiCorp's Terraform, from the PATH.
    Terraform,
    /// OpenTofu, from `make tools`.
    Tofu,
}

impl Tool {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Terraform, Self::Tofu];

    fn program(self) -> PathBuf {
        match self {
            Self::Terraform => PathBuf::from("terraform"),
            Self::Tofu => repository().join("target/tools/tofu"),
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terraform => "terraform",
            Self::Tofu => "tofu",
        })
    }
}

/// The provider that was just built, or the one that `MESH_PROVIDER` names: a benchmark measures a release build, and the
/// tests themselves needn't be one.
pub(crate) fn provider() -> PathBuf {
    std::env::var_os("MESH_PROVIDER")
        .map_or_else(|| env!("CARGO_BIN_EXE_terraform-provider-mesh").into(), PathBuf::from)
}

/// A folder with one configuration and its state.
pub(crate) struct Workspace {
    tool: Tool,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What one command said.
pub(crate) struct Run {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote on stdout.
    pub(crate) stdout: String,
    /// What it wrote on stderr.
    pub(crate) stderr: String,
}

impl Run {
    /// Panics with all that was said unless the command went well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// The errors, unwrapped: words separated by single spaces, without the frame that is drawn around them.
    #[track_caller]
    pub(crate) fn errors(&self) -> String {
        assert_eq!(self.code, Some(1), "{self}");
        words(&self.stderr)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Text as words separated by single spaces, without the frame that is drawn around diagnostics.
fn words(text: &str) -> String {
    let framed = text.replace(['│', '╷', '╵'], " ");
    framed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a plan says.
pub(crate) struct Plan {
    /// Nothing would change.
    pub(crate) is_empty: bool,
    /// The plan as people read it, warnings included, as words separated by single spaces.
    pub(crate) text: String,
}

impl Workspace {
    /// An empty folder. The provider is found by `dev_overrides`, so no `init` is needed.
    pub(crate) fn new(tool: Tool) -> Self {
        let provider = provider();
        let bin = provider.parent().expect("it is in a folder").display();
        Self::finding(
            tool,
            &format!("  dev_overrides {{\n    \"mesh-provider/mesh\" = \"{bin}\"\n  }}\n  direct {{}}\n"),
        )
    }

    /// An empty folder. The provider is found where users have it: in a mirror, from which `init` installs it.
    pub(crate) fn with_mirror(tool: Tool) -> Self {
        let workspace = Self::finding(tool, "  filesystem_mirror {\n    path = \"plugins\"\n  }\n");
        let (mirror, built) = (workspace.path().join("plugins"), provider());
        let variables = [format!("MIRROR={}", mirror.display()), format!("built={}", built.display())];
        let made = Command::new("make").arg("mirror").args(variables).current_dir(repository()).output();
        assert!(made.expect("running make").status.success(), "make mirror");
        workspace
    }

    fn finding(tool: Tool, installation: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let settings = format!("provider_installation {{\n{installation}}}\n");
        std::fs::write(folder.path().join("cli.tfrc"), settings).expect("writing cli.tfrc");
        Self { tool, folder, environment: Vec::new() }
    }

    /// Sets a variable of the environment for every command.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the configuration is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file beside the configuration, and says where it is.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("writing a file");
        path.display().to_string()
    }

    /// Makes `hcl` the whole configuration, but for the line that says where the provider comes from.
    pub(crate) fn configure(&self, hcl: &str) {
        let source =
            "terraform {\n  required_providers {\n    mesh = {\n      source = \"mesh-provider/mesh\"\n    }\n  }\n}\n";
        self.file("main.tf", &format!("{source}\n{hcl}"));
    }

    /// Starts a command and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(self.tool.program());
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Nothing of the tester's own: no KUBE_*, no TF_*, no kubeconfig in the home folder.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        command
            .env("TF_CLI_CONFIG_FILE", self.path().join("cli.tfrc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .spawn()
            .unwrap_or_else(|e| panic!("running {}: {e}; is it installed, and `make tools` done?", self.tool))
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finish(self.spawn(arguments))
    }

    /// `plan`; panics if it fails.
    #[track_caller]
    pub(crate) fn plan(&self) -> Plan {
        let run = self.plan_run();
        assert!(matches!(run.code, Some(0 | 2)), "{run}");
        Plan { is_empty: run.code == Some(0), text: words(&run.stdout) }
    }

    /// `plan`, however it ends: 0 if it is empty, 1 on errors, 2 if something would change.
    #[track_caller]
    pub(crate) fn plan_run(&self) -> Run {
        self.run(&["plan", "-input=false", "-no-color", "-detailed-exitcode"])
    }

    /// `apply`, however it ends.
    #[track_caller]
    pub(crate) fn apply(&self) -> Run {
        self.run(&["apply", "-input=false", "-no-color", "-auto-approve"])
    }

    /// `destroy`, however it ends.
    #[track_caller]
    pub(crate) fn destroy(&self) -> Run {
        self.run(&["destroy", "-input=false", "-no-color", "-auto-approve"])
    }

    /// The addresses of the resources in the state, sorted, and their values.
    #[track_caller]
    pub(crate) fn resources(&self) -> Vec<(String, Json)> {
        let shown = self.run(&["show", "-json"]).succeeded().stdout;
        let state: Json = serde_json::from_str(&shown).expect("JSON");
        let resources = state.pointer("/values/root_module/resources").and_then(Json::as_array).cloned();
        let mut resources: Vec<_> = resources
            .unwrap_or_default()
            .into_iter()
            .map(|r| (r["address"].as_str().unwrap_or_default().to_owned(), r["values"].clone()))
            .collect();
        resources.sort_by(|a, b| a.0.cmp(&b.0));
        resources
    }
}

/// Waits for a command's end, within [`LIMIT`].
#[track_caller]
pub(crate) fn finish(mut child: Child) -> Run {
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("waiting for a child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("ending a child");
            panic!("a command took longer than {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("reading from a child");
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Reads to the end, beside the waiting, so that a full pipe stops nobody.
fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut pipe = pipe.expect("it is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("reading from a child");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
