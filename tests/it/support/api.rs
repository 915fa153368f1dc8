//! A plain client of the API server, for what people and other tools do to objects besides the provider.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use http::{Method, Request};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{self, Key};
use tokio::{runtime::Runtime, task::JoinHandle};

use super::{polling::wait_until, watch::Watch};

/// Runs `future` to its end, so that tests needn't be async.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// Runs `future` in the background.
#[cfg(target_os = "linux")]
pub(super) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    RUNTIME.spawn(future)
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A client that acts as one user.
pub(crate) struct Api {
    client: Client,
}

/// The client configuration of `kubeconfig`, without retries.
pub(crate) fn config(kubeconfig: &str) -> Config {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let mut config = block_on(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()))
        .expect("a usable kubeconfig");
    // kube would retry on 429, 503 and 504, which tests need to see.
    config.default_retry = false;
    config
}

/// An error of a request.
#[derive(Debug)]
pub(crate) struct ApiError {
    /// The HTTP status, or 0 if there was no response.
    pub(crate) code: u16,
    /// The message of the server or of the client library.
    pub(crate) message: String,
}

impl ApiError {
    /// Whether the same request may succeed soon.
    fn is_temporary(&self) -> bool {
        matches!(self.code, 0 | 429 | 500 | 503 | 504)
    }
}

impl Api {
    /// A client that connects as `kubeconfig` says.
    pub(crate) fn new(kubeconfig: &str) -> Self {
        let config = config(kubeconfig);
        Self { client: block_on(async { Client::try_from(config).expect("a client") }) }
    }

    /// Sends any request. `content` is the content type and the body.
    pub(crate) fn request(&self, method: Method, path: &str, content: Option<(&str, &Json)>) -> Result<Json, ApiError> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((content_type, _)) = content {
            request = request.header("content-type", content_type);
        }
        let body = content.map(|(_, body)| body.to_string().into_bytes()).unwrap_or_default();
        self.send(request.body(body).expect("a request"))
    }

    fn send(&self, request: Request<Vec<u8>>) -> Result<Json, ApiError> {
        block_on(self.client.request(request)).map_err(|e| match e {
            kube::Error::Api(status) => ApiError { code: status.code, message: status.message.clone() },
            other => ApiError { code: 0, message: other.to_string() },
        })
    }

    /// Reads the object; `None` if it doesn't exist.
    pub(crate) fn get(&self, key: &Key) -> Option<Json> {
        match self.request(Method::GET, &path(key), None) {
            Ok(object) => Some(object),
            Err(error) if error.code == 404 => None,
            Err(error) => panic!("{key}: {error:?}"),
        }
    }

    /// Reads the object, which must exist.
    #[track_caller]
    pub(crate) fn get_existing(&self, key: &Key) -> Json {
        self.get(key).unwrap_or_else(|| panic!("{key} doesn't exist"))
    }

    /// Applies any object server-side as `manager`. Fields that the server doesn't know are an error.
    ///
    /// An overloaded server may answer 429, 500, 503 or 504, or close the connection; because the write can be repeated,
    /// these answers don't fail the test before 10 seconds of them.
    pub(crate) fn apply(&self, object: &Json, manager: &str) {
        let path = format!("{}?fieldManager={manager}&force=true&fieldValidation=Strict", path_of(object));
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match self.request(Method::PATCH, &path, Some(("application/apply-patch+yaml", object))) {
                Ok(_) => return,
                Err(error) if error.is_temporary() && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(200));
                }
                Err(error) => panic!("applying {object}: {error:?}"),
            }
        }
    }

    /// A dry run of [`Self::apply`]: the object as it would be afterwards.
    pub(crate) fn dry_run(&self, object: &Json, manager: &str) -> Result<Json, ApiError> {
        let path = format!("{}?fieldManager={manager}&force=true&fieldValidation=Strict&dryRun=All", path_of(object));
        self.request(Method::PATCH, &path, Some(("application/apply-patch+yaml", object)))
    }

    /// Applies a merge patch, as `kubectl patch --type merge` does.
    pub(crate) fn patch(&self, key: &Key, change: &Json) {
        let path = format!("{}?fieldManager=kubectl-patch", path(key));
        let done = self.request(Method::PATCH, &path, Some(("application/merge-patch+json", change)));
        done.unwrap_or_else(|error| panic!("patching {key}: {error:?}"));
    }

    /// Deletes the object, which must exist.
    pub(crate) fn delete(&self, key: &Key) {
        let done = self.request(Method::DELETE, &path(key), None);
        done.unwrap_or_else(|error| panic!("deleting {key}: {error:?}"));
    }

    /// The keys of all objects in `namespace` of kinds that the provider writes, sorted.
    pub(crate) fn objects(&self, namespace: &str) -> Vec<String> {
        self.live_objects(namespace).keys().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All objects in `namespace` of kinds that the provider writes.
    pub(crate) fn live_objects(&self, namespace: &str) -> BTreeMap<Key, Json> {
        let kinds = object::kind::MANAGED.iter().filter(|kind| kind.namespaced);
        kinds
            .flat_map(|kind| {
                let list = self.request(Method::GET, &collection(&kind.api_version(), namespace, kind.plural), None);
                let items = list.expect("a list")["items"].as_array().cloned().unwrap_or_default();
                // Roles and RoleBindings of the tests' users aren't objects under test.
                let is_of_test_users = move |item: &Json| {
                    kind.group == "rbac.authorization.k8s.io"
                        && item["metadata"]["managedFields"][0]["manager"] == "tests"
                };
                items.into_iter().filter(move |item| !is_of_test_users(item)).map(|mut item| {
                    // A list says once for all of its objects what they are.
                    item["apiVersion"] = kind.api_version().into();
                    item["kind"] = kind.kind.into();
                    let name = item["metadata"]["name"].as_str().expect("a name").to_owned();
                    (Key::new(kind, namespace, &name), item)
                })
            })
            .collect()
    }

    /// Watches the objects of these kinds from now on.
    pub(crate) fn watch(&self, kinds: &[&'static object::Kind], namespace: &str) -> Watch {
        Watch::start(&self.client, kinds, namespace)
    }

    /// Whether RBAC allows this user the request.
    pub(crate) fn is_allowed(&self, verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> bool {
        let attributes =
            json!({ "verb": verb, "group": group, "resource": resource, "namespace": namespace, "name": name });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.request(Method::POST, path, Some(("application/json", &review))).expect("a review");
        answer["status"]["allowed"] == true
    }

    /// Applies Roles and bindings of `user`, and waits until the API server grants the user all of their rules in
    /// `namespace`: its authorizer hears of them some time after they are written.
    pub(crate) fn grant(&self, manifests: &[Json], user: &str, namespace: &str) {
        for manifest in manifests {
            self.apply(manifest, "tests");
        }
        let rules: Vec<&Json> =
            manifests.iter().filter_map(|manifest| manifest["rules"].as_array()).flatten().collect();
        wait_until(Duration::from_secs(30), &format!("{user} has its rights in {namespace}"), || {
            let granted = self.rules_of(user, namespace);
            rules.iter().all(|rule| granted.contains(rule))
        });
    }

    /// The rules of RBAC that `user` has in `namespace`. This client must have the right to impersonate the user.
    fn rules_of(&self, user: &str, namespace: &str) -> Vec<Json> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": { "namespace": namespace },
        });
        let request = Request::post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews")
            .header("content-type", "application/json")
            .header("impersonate-user", user)
            .body(review.to_string().into_bytes());
        let answer = self.send(request.expect("a request")).expect("a review");
        answer["status"]["resourceRules"].as_array().cloned().unwrap_or_default()
    }

    /// Requests a token of a ServiceAccount.
    pub(crate) fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let answer = self.request(Method::POST, &path, Some(("application/json", &request))).expect("a token");
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }
}

/// The URL path of a collection. An empty namespace stands for kinds of the whole cluster.
pub(super) fn collection(api_version: &str, namespace: &str, plural: &str) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    if namespace.is_empty() {
        format!("/{root}/{api_version}/{plural}")
    } else {
        format!("/{root}/{api_version}/namespaces/{namespace}/{plural}")
    }
}

/// The URL path of an object.
pub(crate) fn path(key: &Key) -> String {
    let namespace = key.namespace.as_deref().unwrap_or_default();
    format!("{}/{}", collection(&key.kind.api_version(), namespace, key.kind.plural), key.name)
}

/// The URL path of an object of any kind.
pub(crate) fn path_of(object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let kind = text("/kind");
    let plural = match object::kind::by_name(kind) {
        Some(kind) => kind.plural.to_owned(),
        None => format!("{}s", kind.to_lowercase()),
    };
    format!("{}/{}", collection(text("/apiVersion"), text("/metadata/namespace"), &plural), text("/metadata/name"))
}
