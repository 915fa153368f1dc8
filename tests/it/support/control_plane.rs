//! One real control plane for the whole test run, and a separate namespace for each test.
//!
//! `tests/tools/control-plane.sh` starts the servers, and ends them when its standard input closes. This process holds that
//! pipe open for as long as it lives, so the servers end with it even if it is killed.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    api::Api,
    users::{Credential, Grant, User, UserAuthority, documented_manifests},
};

/// The audit log in the folder of a control plane.
const AUDIT_LOG: &str = "audit.log";

/// The control plane of this test run, which the first call starts.
pub(crate) fn control_plane() -> &'static ControlPlane {
    static PLANE: LazyLock<ControlPlane> = LazyLock::new(ControlPlane::start);
    &PLANE
}

/// A real API server with Istio's CustomResourceDefinitions and with RBAC.
pub(crate) struct ControlPlane {
    /// URL of the API server, for example `https://127.0.0.1:26443`.
    pub(crate) server: String,
    /// The CA certificate that signed the server's certificate, as PEM.
    pub(crate) certificate_authority: String,
    /// A user with all rights.
    pub(crate) admin: User,
    /// Signs client certificates that the server accepts.
    authority: UserAuthority,
    /// Number of namespaces so far, which makes their names unique.
    namespaces: AtomicU32,
    /// The script that runs the servers. They end when its standard input closes.
    _script: Child,
    /// Contains the authority's certificate, which the server re-reads from time to time, and the audit log.
    folder: TempDir,
    /// The end of the audit log as far as it was read.
    audit_position: Mutex<u64>,
}

impl ControlPlane {
    /// Starts a separate control plane, for tests whose objects would disturb other tests.
    pub(crate) fn start() -> Self {
        Self::start_with_environment(|_| Vec::new())
    }

    /// Starts a separate control plane that records all requests for [`Self::new_audit_events`].
    pub(crate) fn with_audit_log() -> Self {
        Self::start_with_environment(|folder| vec![("AUDIT_LOG", folder.join(AUDIT_LOG))])
    }

    /// Starts a control plane with further environment variables of its script. Their values may be paths in its folder.
    fn start_with_environment(environment: impl FnOnce(&Path) -> Vec<(&'static str, PathBuf)>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let authority = UserAuthority::new();
        let client_ca = folder.path().join("client-ca.pem");
        std::fs::write(&client_ca, authority.pem()).expect("writing the client CA");
        let mut script = Command::new(repository_root().join("tests/tools/control-plane.sh"))
            .env("CLIENT_CA", &client_ca)
            .envs(environment(folder.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("running tests/tools/control-plane.sh");
        let stdout = script.stdout.take().expect("it is piped");
        let mut kubeconfig = String::new();
        BufReader::new(stdout).read_line(&mut kubeconfig).expect("reading from tests/tools/control-plane.sh");
        assert!(!kubeconfig.is_empty(), "the control plane didn't start: run `make tools`, and see its output above");
        let config = parse_yaml(&std::fs::read_to_string(kubeconfig.trim()).expect("reading the kubeconfig")).remove(0);
        let text = |pointer: &str| config.pointer(pointer).and_then(Json::as_str).expect(pointer).to_owned();
        let certificate = text("/clusters/0/cluster/certificate-authority");
        let plane = Self {
            server: text("/clusters/0/cluster/server"),
            certificate_authority: std::fs::read_to_string(certificate).expect("reading the server's certificate"),
            admin: User { name: "admin".to_owned(), credential: Credential::Token(text("/users/0/user/token")) },
            authority,
            namespaces: AtomicU32::new(0),
            _script: script,
            folder,
            audit_position: Mutex::default(),
        };
        for name in ["cluster-identity", "app-team-role"] {
            for manifest in documented_manifests(name) {
                plane.api().apply(&manifest, "tests");
            }
        }
        plane
    }

    /// The audit events of requests of `user` since the last call. The server writes the event of a request right after its
    /// answer.
    pub(crate) fn new_audit_events(&self, user: &User) -> Vec<Json> {
        let path = self.folder.path().join(AUDIT_LOG);
        let mut position = self.audit_position.lock().expect("no thread panics while it holds the lock");
        let mut log = File::open(&path).expect("opening the audit log");
        log.seek(SeekFrom::Start(*position)).expect("going to the last position");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("reading the audit log");
        let whole_lines = text.rfind('\n').map_or("", |end| &text[..=end]);
        *position += whole_lines.len() as u64;
        let events = whole_lines.lines().map(|line| serde_json::from_str(line).expect("an audit event"));
        events.filter(|event: &Json| event["user"]["username"] == user.name).collect()
    }

    /// A client with all rights.
    pub(crate) fn api(&self) -> Api {
        Api::new(&self.kubeconfig(&self.admin))
    }

    /// Creates a namespace with a unique name that starts with `prefix`.
    pub(crate) fn namespace(&'static self, prefix: &str) -> Namespace {
        let name = format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.create_namespace(&name);
        Namespace { plane: self, name }
    }

    /// Creates a namespace of this name.
    pub(crate) fn create_namespace(&self, name: &str) {
        self.api().apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }), "tests");
    }

    /// Creates a ServiceAccount without any rights, which is how CI pipelines usually authenticate.
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> User {
        let api = self.api();
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace } });
        api.apply(&account, "tests");
        User {
            credential: Credential::Token(api.token(namespace, name)),
            name: format!("system:serviceaccount:{namespace}:{name}"),
        }
    }

    /// A user with exactly the rights of `grants`, each in its namespace. Its ServiceAccount is in the namespace
    /// `default`, so that the test's namespace contains only the objects under test.
    pub(crate) fn user_with_grants(&self, name: &str, grants: &[(Grant, &str)]) -> User {
        let user = self.service_account("default", name);
        for (grant, namespace) in grants {
            self.grant(&user, *grant, namespace);
        }
        user
    }

    /// Adds the rights of `grant` in `namespace` to the user's rights.
    fn grant(&self, user: &User, grant: Grant, namespace: &str) {
        let subject = json!({ "kind": "User", "name": user.name, "apiGroup": "rbac.authorization.k8s.io" });
        self.api().grant(&grant.manifests(namespace, &subject), &user.name, namespace);
    }

    /// A user with a client certificate, who belongs to `groups` and has no other rights.
    pub(crate) fn certificate_user(&self, name: &str, groups: &[&str]) -> User {
        self.authority.user(name, groups)
    }

    /// A kubeconfig for `user`.
    pub(crate) fn kubeconfig(&self, user: &User) -> String {
        user.kubeconfig(&self.server, Some(&self.certificate_authority))
    }
}

/// A namespace that belongs to one test.
pub(crate) struct Namespace {
    plane: &'static ControlPlane,
    /// Name of the namespace, unique in the test run.
    pub(crate) name: String,
}

impl Namespace {
    /// A user with exactly the rights of `grant` in this namespace.
    pub(crate) fn user(&self, grant: Grant) -> User {
        self.plane.user_with_grants(&format!("{}-{grant}", self.name), &[(grant, &self.name)])
    }

    /// Panics if the namespace contains any object of a kind that the provider writes.
    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.plane.api().objects(&self.name), Vec::<String>::new());
    }

    /// Adds the rights of `grant` in this namespace to the user's rights.
    pub(crate) fn grant(&self, user: &User, grant: Grant) {
        self.plane.grant(user, grant, &self.name);
    }
}

/// Path of the repository, which contains Cargo.toml.
pub(crate) fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The folder of the servers and of Istio: that of `make tools`, or `MESH_TOOLS`, which has another Istio.
pub(crate) fn tools_folder() -> PathBuf {
    env::var_os("MESH_TOOLS").map_or_else(|| repository_root().join("target/tools"), PathBuf::from)
}

/// Parses all documents of a YAML file.
pub(crate) fn parse_yaml(text: &str) -> Vec<Json> {
    serde_saphyr::from_multiple(text).expect("YAML")
}
