//! Runs the real `terraform` and `tofu` with the provider that was just built, each in a temporary folder.

use std::{
    fmt,
    fs::Permissions,
    io::Read,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::{control_plane::repository_root, other_provider};

/// Time after which a command counts as hanging, far more than any successful one of a test takes.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(3);

/// The command line tool that runs the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// HashiCorp's Terraform, from the PATH.
    Terraform,
    /// OpenTofu, from `make tools`.
    Tofu,
}

impl Tool {
    /// All tools.
    pub(crate) const ALL: [Self; 2] = [Self::Terraform, Self::Tofu];

    fn program(self) -> PathBuf {
        match self {
            Self::Terraform => PathBuf::from("terraform"),
            Self::Tofu => repository_root().join("target/tools/tofu"),
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

/// Path of the provider that was just built, or of the one that `MESH_PROVIDER` names: benchmarks measure a release
/// build, although the test binary itself isn't one.
pub(crate) fn provider() -> PathBuf {
    std::env::var_os("MESH_PROVIDER")
        .map_or_else(|| env!("CARGO_BIN_EXE_terraform-provider-mesh").into(), PathBuf::from)
}

/// A temporary folder with a configuration and its state.
pub(crate) struct Workspace {
    tool: Tool,
    folder: TempDir,
    environment: Vec<(String, String)>,
    time_limit: Duration,
}

/// The result of a command.
pub(crate) struct CommandOutput {
    /// Exit code, or `None` if a signal ended the command.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// Panics with the whole output unless the command succeeded.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// The error output of a command that must have failed, as words separated by single spaces, without frames.
    #[track_caller]
    pub(crate) fn errors(&self) -> String {
        assert_eq!(self.code, Some(1), "{self}");
        unframe(&self.stderr)
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Removes the frames and line breaks of diagnostics: words separated by single spaces remain.
pub(crate) fn unframe(text: &str) -> String {
    let text = text.replace(['│', '╷', '╵'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The result of a successful plan.
pub(crate) struct Plan {
    /// Whether an apply would change nothing.
    pub(crate) is_empty: bool,
    /// The human-readable plan with its warnings, as words separated by single spaces.
    pub(crate) text: String,
}

impl Workspace {
    /// An empty folder. The provider is found through `dev_overrides`, so no `init` is needed.
    pub(crate) fn new(tool: Tool) -> Self {
        let provider = provider();
        let bin = provider.parent().expect("it is in a folder").display();
        Self::with_installation(
            tool,
            &format!("  dev_overrides {{\n    \"mesh-provider/mesh\" = \"{bin}\"\n  }}\n  direct {{}}\n"),
        )
    }

    /// Like [`Self::new`], but the tool starts the provider with `argument`.
    pub(crate) fn with_provider_argument(tool: Tool, argument: &str) -> Self {
        let workspace = Self::new(tool);
        let folder = workspace.path().join("provider");
        std::fs::create_dir(&folder).expect("making a folder");
        let program = folder.join("terraform-provider-mesh");
        let script = format!("#!/bin/sh\nexec '{}' {argument}\n", provider().display());
        std::fs::write(&program, script).expect("writing a script");
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("making it executable");
        let built = provider().parent().expect("it is in a folder").display().to_string();
        workspace
            .write_file("cli.tfrc", &workspace.read_file("cli.tfrc").replace(&built, &folder.display().to_string()));
        workspace
    }

    /// An empty folder, in which the provider `source` is found too: [`other_provider`] serves it. Terraform core needs
    /// that provider in order to move or forget a resource of it.
    pub(crate) fn with_other_provider(tool: Tool, source: &str) -> Self {
        let name = source.rsplit('/').next().expect("a source has a type");
        let workspace = Self::new(tool);
        let folder = workspace.path().join("other-provider");
        std::fs::create_dir(&folder).expect("making a folder");
        let program = folder.join(format!("terraform-provider-{name}"));
        std::fs::write(&program, other_provider::script()).expect("writing a script");
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("making it executable");
        let settings = workspace.read_file("cli.tfrc");
        let overrides = format!("dev_overrides {{\n    \"{source}\" = \"{}\"\n", folder.display());
        workspace.write_file("cli.tfrc", &settings.replace("dev_overrides {\n", &overrides));
        workspace
    }

    /// An empty folder. The provider is in a filesystem mirror, from which `init` installs it, as users have it.
    pub(crate) fn with_mirror(tool: Tool) -> Self {
        let workspace = Self::with_installation(tool, "  filesystem_mirror {\n    path = \"plugins\"\n  }\n");
        let (mirror, built) = (workspace.path().join("plugins"), provider());
        let variables = [format!("MIRROR={}", mirror.display()), format!("built={}", built.display())];
        let output = Command::new("make").arg("mirror").args(variables).current_dir(repository_root()).output();
        assert!(output.expect("running make").status.success(), "make mirror");
        workspace
    }

    /// An empty folder with a CLI configuration whose `provider_installation` block contains `installation`.
    pub(crate) fn with_installation(tool: Tool, installation: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let settings = format!("provider_installation {{\n{installation}}}\n");
        std::fs::write(folder.path().join("cli.tfrc"), settings).expect("writing cli.tfrc");
        Self { tool, folder, environment: Vec::new(), time_limit: COMMAND_TIMEOUT }
    }

    /// Sets an environment variable for every command.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the time after which a command counts as hanging.
    pub(crate) fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Path of the folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder, and returns its path.
    pub(crate) fn write_file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("writing a file");
        path.display().to_string()
    }

    /// Copies the configuration of examples/`folder`, without its `import` blocks, whose objects aren't there.
    pub(crate) fn copy_example(&self, folder: &str) {
        let example = repository_root().join("examples").join(folder);
        for entry in std::fs::read_dir(example).expect("the example is there") {
            let path = entry.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if path.extension().is_some_and(|extension| extension == "tf") && !name.starts_with("import-by-") {
                self.write_file(name, &std::fs::read_to_string(&path).expect("reading an example"));
            }
        }
    }

    /// Reads a file of the folder.
    #[track_caller]
    pub(crate) fn read_file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Replaces the configuration by `hcl` and a `required_providers` block.
    pub(crate) fn configure(&self, hcl: &str) {
        let source =
            "terraform {\n  required_providers {\n    mesh = {\n      source = \"mesh-provider/mesh\"\n    }\n  }\n}\n";
        self.write_file("main.tf", &format!("{source}\n{hcl}"));
    }

    /// Starts a command without waiting for it.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(self.tool.program());
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // The environment of the user who runs the tests must not matter: no KUBE_*, no TF_*, no kubeconfig at home.
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

    /// Runs a command and waits for its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        wait_for_exit_within(self.time_limit, self.spawn(arguments))
    }

    /// Runs `plan`, and panics if it fails.
    #[track_caller]
    pub(crate) fn plan(&self) -> Plan {
        let output = self.try_plan();
        assert!(matches!(output.code, Some(0 | 2)), "{output}");
        Plan { is_empty: output.code == Some(0), text: unframe(&output.stdout) }
    }

    /// Runs `plan`, and panics if it fails or would change anything.
    #[track_caller]
    pub(crate) fn assert_empty_plan(&self) -> Plan {
        let plan = self.plan();
        assert!(plan.is_empty, "{}: {}", self.tool, plan.text);
        plan
    }

    /// Runs `apply`, and checks that the next plan is empty.
    #[track_caller]
    pub(crate) fn converge(&self) {
        self.apply().expect_success();
        self.assert_empty_plan();
    }

    /// Runs `plan`, which may fail. The exit code is 0 if the plan is empty, 1 on errors, and 2 if something would
    /// change.
    #[track_caller]
    pub(crate) fn try_plan(&self) -> CommandOutput {
        self.run(&["plan", "-input=false", "-no-color", "-detailed-exitcode"])
    }

    /// Runs `apply`, which may fail.
    #[track_caller]
    pub(crate) fn apply(&self) -> CommandOutput {
        self.run(&["apply", "-input=false", "-no-color", "-auto-approve"])
    }

    /// Runs `destroy`, which may fail.
    #[track_caller]
    pub(crate) fn destroy(&self) -> CommandOutput {
        self.run(&["destroy", "-input=false", "-no-color", "-auto-approve"])
    }

    /// Runs `import`, which may fail.
    #[track_caller]
    pub(crate) fn import(&self, address: &str, id: &str) -> CommandOutput {
        self.run(&["import", "-input=false", "-no-color", address, id])
    }

    /// Removes a resource from the state, and leaves its objects as they are.
    #[track_caller]
    pub(crate) fn remove_from_state(&self, address: &str) {
        self.run(&["state", "rm", address]).expect_success();
    }

    /// The resources of the state, sorted by address: each address with the values of its attributes.
    #[track_caller]
    pub(crate) fn resources(&self) -> Vec<(String, Json)> {
        let shown = self.run(&["show", "-json"]).expect_success().stdout;
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

/// The children of a process: the provider is one of Terraform.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let output = Command::new("pgrep").args(["-P", &process.to_string()]).output().expect("running pgrep");
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(|id| id.parse().expect("a process")).collect()
}

/// Kills a process. One that has ended by itself stays so.
pub(crate) fn kill(process: u32) {
    let _ = Command::new("kill").args(["-KILL", &process.to_string()]).output();
}

/// Waits for the end of a command, for at most [`COMMAND_TIMEOUT`].
#[track_caller]
pub(crate) fn wait_for_exit(child: Child) -> CommandOutput {
    wait_for_exit_within(COMMAND_TIMEOUT, child)
}

#[track_caller]
fn wait_for_exit_within(limit: Duration, mut child: Child) -> CommandOutput {
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("waiting for a child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("ending a child");
            panic!("a command took longer than {limit:?}");
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("reading from a child");
    CommandOutput { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Reads a pipe in a thread of its own, so that the command doesn't block on a full pipe.
fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut pipe = pipe.expect("it is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("reading from a child");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
