//! The API server as another client sees it: what an operator with kubectl does behind the provider's back.

use std::{future::Future, sync::LazyLock};

use http::{Method, Request};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{self, Key};
use tokio::runtime::Runtime;

use super::watch::Watch;

/// Blocks on `work`, so that tests stay ordinary functions.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    RUNTIME.block_on(work)
}

/// One user's way to the API server.
pub(crate) struct Api {
    client: Client,
}

/// What `kubeconfig` says, and nothing else.
pub(crate) fn config(kubeconfig: &str) -> Config {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let mut config =
        wait(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())).expect("a usable kubeconfig");
    // kube would try 429, 503 and 504 again by itself; a test wants to see them.
    config.default_retry = false;
    config
}

/// What the server refused, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The HTTP status; 0 where no answer came.
    pub(crate) code: u16,
    /// The server's words.
    pub(crate) message: String,
}

impl Api {
    /// As `kubeconfig` says.
    pub(crate) fn new(kubeconfig: &str) -> Self {
        let config = config(kubeconfig);
        Self { client: wait(async { Client::try_from(config).expect("a client") }) }
    }

    /// Any request; `content` is the body and its type.
    pub(crate) fn request(&self, method: Method, path: &str, content: Option<(&str, &Json)>) -> Result<Json, Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((kind, _)) = content {
            request = request.header("content-type", kind);
        }
        let body = content.map(|(_, body)| body.to_string().into_bytes()).unwrap_or_default();
        wait(self.client.request(request.body(body).expect("a request"))).map_err(|e| match e {
            kube::Error::Api(status) => Refusal { code: status.code, message: status.message.clone() },
            other => Refusal { code: 0, message: other.to_string() },
        })
    }

    /// The object, if there is one.
    pub(crate) fn get(&self, key: &Key) -> Option<Json> {
        match self.request(Method::GET, &path(key), None) {
            Ok(object) => Some(object),
            Err(refusal) if refusal.code == 404 => None,
            Err(refusal) => panic!("{key}: {refusal:?}"),
        }
    }

    /// Server-side apply by `manager`, of any object; a field that the server does not know is refused.
    pub(crate) fn apply(&self, object: &Json, manager: &str) {
        let path = format!("{}?fieldManager={manager}&force=true&fieldValidation=Strict", path_of(object));
        let done = self.request(Method::PATCH, &path, Some(("application/apply-patch+yaml", object)));
        done.unwrap_or_else(|refusal| panic!("applying {object}: {refusal:?}"));
    }

    /// What [`Self::apply`] would leave there; nothing is written.
    pub(crate) fn dry_run(&self, object: &Json, manager: &str) -> Result<Json, Refusal> {
        let path = format!("{}?fieldManager={manager}&force=true&fieldValidation=Strict&dryRun=All", path_of(object));
        self.request(Method::PATCH, &path, Some(("application/apply-patch+yaml", object)))
    }

    /// What `kubectl patch --type merge` does.
    pub(crate) fn patch(&self, key: &Key, change: &Json) {
        let path = format!("{}?fieldManager=kubectl-patch", path(key));
        let done = self.request(Method::PATCH, &path, Some(("application/merge-patch+json", change)));
        done.unwrap_or_else(|refusal| panic!("patching {key}: {refusal:?}"));
    }

    /// Deletes the object, which is there.
    pub(crate) fn delete(&self, key: &Key) {
        let done = self.request(Method::DELETE, &path(key), None);
        done.unwrap_or_else(|refusal| panic!("deleting {key}: {refusal:?}"));
    }

    /// Every object in `namespace` of a kind that the provider writes, sorted.
    pub(crate) fn objects(&self, namespace: &str) -> Vec<String> {
        let kinds = object::kind::MANAGED.iter().filter(|kind| kind.namespaced);
        let mut keys: Vec<String> = kinds
            .flat_map(|kind| {
                let list = self.request(Method::GET, &collection(&kind.api_version(), namespace, kind.plural), None);
                let items = list.expect("a list")["items"].as_array().cloned().unwrap_or_default();
                // The rights of the tests' users aren't the test's.
                let of_users = move |item: &Json| {
                    kind.group == "rbac.authorization.k8s.io"
                        && item["metadata"]["labels"][object::label::MANAGED].is_null()
                };
                items.into_iter().filter(move |item| !of_users(item)).map(|item| {
                    let name = item["metadata"]["name"].as_str().expect("a name").to_owned();
                    Key::new(kind, namespace, &name).to_string()
                })
            })
            .collect();
        keys.sort();
        keys
    }

    /// What happens from now on to the objects of these kinds.
    pub(crate) fn watch(&self, kinds: &[&'static object::Kind], namespace: &str) -> Watch {
        Watch::start(&self.client, kinds, namespace)
    }

    /// May this user do it?
    pub(crate) fn can(&self, verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> bool {
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

    /// A token of a ServiceAccount.
    pub(crate) fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let answer = self.request(Method::POST, &path, Some(("application/json", &request))).expect("a token");
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }
}

pub(super) fn collection(api_version: &str, namespace: &str, plural: &str) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    if namespace.is_empty() {
        format!("/{root}/{api_version}/{plural}")
    } else {
        format!("/{root}/{api_version}/namespaces/{namespace}/{plural}")
    }
}

fn path(key: &Key) -> String {
    let namespace = key.namespace.as_deref().unwrap_or_default();
    format!("{}/{}", collection(&key.kind.api_version(), namespace, key.kind.plural), key.name)
}

/// The URL of an object of any kind.
fn path_of(object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let kind = text("/kind");
    let plural = match object::kind::by_name(kind) {
        Some(kind) => kind.plural.to_owned(),
        None => format!("{}s", kind.to_lowercase()),
    };
    format!("{}/{}", collection(text("/apiVersion"), text("/metadata/namespace"), &plural), text("/metadata/name"))
}
