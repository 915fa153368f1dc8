//! One real control plane for the whole test run, and a namespace of its own for each test.
//!
//! `tests/tools/control-plane.sh` starts the servers and ends them when its stdin does: the pipe that this process holds for
//! as long as it lives, however it dies.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    api::Api,
    users::{Authority, Credential, Grant, User, documented},
};

/// The control plane of this test run, started by whoever asks first.
pub(crate) fn control_plane() -> &'static ControlPlane {
    static PLANE: LazyLock<ControlPlane> = LazyLock::new(ControlPlane::start);
    &PLANE
}

/// A real API server with Istio's kinds, and RBAC on.
pub(crate) struct ControlPlane {
    /// `https://127.0.0.1:26443`
    pub(crate) server: String,
    /// Whom the server's certificate is signed by, as PEM.
    pub(crate) certificate_authority: String,
    /// May do everything.
    pub(crate) admin: User,
    /// Signs client certificates that the server takes for users.
    authority: Authority,
    namespaces: AtomicU32,
    /// Holds the servers: they end with its stdin.
    _supervisor: Child,
    /// The authority's certificate, which the server reads again now and then.
    _folder: TempDir,
}

impl ControlPlane {
    /// One more, for what would be in the way of other tests.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let authority = Authority::new();
        let client_ca = folder.path().join("client-ca.pem");
        std::fs::write(&client_ca, authority.pem()).expect("writing the client CA");
        let mut supervisor = Command::new(repository().join("tests/tools/control-plane.sh"))
            .env("CLIENT_CA", &client_ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("running tests/tools/control-plane.sh");
        let stdout = supervisor.stdout.take().expect("it is piped");
        let mut kubeconfig = String::new();
        BufReader::new(stdout).read_line(&mut kubeconfig).expect("reading from tests/tools/control-plane.sh");
        assert!(!kubeconfig.is_empty(), "the control plane is not there: run `make tools`, and see the lines above");
        let config = yaml(&std::fs::read_to_string(kubeconfig.trim()).expect("reading the kubeconfig")).remove(0);
        let text = |pointer: &str| config.pointer(pointer).and_then(Json::as_str).expect(pointer).to_owned();
        let certificate = text("/clusters/0/cluster/certificate-authority");
        let plane = Self {
            server: text("/clusters/0/cluster/server"),
            certificate_authority: std::fs::read_to_string(certificate).expect("reading the server's certificate"),
            admin: User { name: "admin".to_owned(), credential: Credential::Token(text("/users/0/user/token")) },
            authority,
            namespaces: AtomicU32::new(0),
            _supervisor: supervisor,
            _folder: folder,
        };
        for manifest in documented("cluster-identity") {
            plane.api().apply(&manifest, "tests");
        }
        plane
    }

    /// The administrator's way to the server.
    pub(crate) fn api(&self) -> Api {
        Api::new(&self.kubeconfig(&self.admin))
    }

    /// A new namespace, `what` in its name.
    pub(crate) fn namespace(&'static self, what: &str) -> Namespace {
        let name = format!("{what}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.make_namespace(&name);
        Namespace { plane: self, name }
    }

    /// A namespace of this name.
    pub(crate) fn make_namespace(&self, name: &str) {
        self.api().apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }), "tests");
    }

    /// A ServiceAccount, which is how pipelines are known to a cluster, with no rights of its own.
    pub(crate) fn account(&self, home: &str, name: &str) -> User {
        let api = self.api();
        let account =
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": home } });
        api.apply(&account, "tests");
        User {
            credential: Credential::Token(api.token(home, name)),
            name: format!("system:serviceaccount:{home}:{name}"),
        }
    }

    /// A user who holds what the grants document, each in its namespace, and nothing else. It lives elsewhere, so that a
    /// namespace holds what the test put there alone.
    pub(crate) fn pipeline(&self, name: &str, grants: &[(Grant, &str)]) -> User {
        let user = self.account("default", name);
        for (grant, namespace) in grants {
            self.admit(&user, *grant, namespace);
        }
        user
    }

    /// Gives a user what `grant` documents in `namespace`, beside what it has.
    fn admit(&self, user: &User, grant: Grant, namespace: &str) {
        let subject = json!({ "kind": "User", "name": user.name, "apiGroup": "rbac.authorization.k8s.io" });
        for manifest in grant.manifests(namespace, &subject) {
            self.api().apply(&manifest, "tests");
        }
    }

    /// A user known by a client certificate, with `groups` and no other rights.
    pub(crate) fn certificate_user(&self, name: &str, groups: &[&str]) -> User {
        self.authority.user(name, groups)
    }

    /// The kubeconfig of `user`.
    pub(crate) fn kubeconfig(&self, user: &User) -> String {
        user.kubeconfig(&self.server, Some(&self.certificate_authority))
    }
}

/// A namespace of one test's own.
pub(crate) struct Namespace {
    plane: &'static ControlPlane,
    /// Unique in the test run.
    pub(crate) name: String,
}

impl Namespace {
    /// A user who holds what `grant` documents in this namespace, and nothing else.
    pub(crate) fn user(&self, grant: Grant) -> User {
        self.plane.pipeline(&format!("{}-{grant}", self.name), &[(grant, &self.name)])
    }

    /// Gives a user what `grant` documents in this namespace, beside what it has.
    pub(crate) fn admit(&self, user: &User, grant: Grant) {
        self.plane.admit(user, grant, &self.name);
    }
}

/// Where Cargo.toml is.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The documents of a YAML file.
pub(crate) fn yaml(text: &str) -> Vec<Json> {
    serde_saphyr::from_multiple(text).expect("YAML")
}
