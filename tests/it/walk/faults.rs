//! What goes wrong at one request.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    object::{FIELD_MANAGER, Key, annotation, label},
    plugin::proto::tfplugin5::{provider_client::ProviderClient, stop},
};
use tonic::transport::Channel;

use crate::support::{
    api::{Api, block_on, path},
    proxy::{Action, Fault as ProxyFault, Moment, Proxy},
};

/// A fault at one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server answers 403.
    Refused,
    /// The request doesn't reach the server.
    LostRequest,
    /// The server does what was requested, and its answer doesn't arrive.
    LostAnswer,
    /// Terraform and the provider are killed before the server has the request.
    KilledBefore,
    /// The provider is killed after the server has done what was requested, and Terraform stores what it takes for the state.
    KilledAfter,
    /// Another owner of this provider writes the object first.
    OtherOwner,
    /// Argo CD writes the object first.
    ArgoCd,
    /// A user writes the object first with kubectl.
    Kubectl,
    /// A read gets the answer that the same URL had when it was first read.
    StaleAnswer,
    /// The server answers 401 once.
    TokenExpired,
    /// The server answers 429 once, with `Retry-After`.
    TooManyRequests,
    /// Terraform stops the provider, as on Ctrl-C.
    Stopped,
}

impl Fault {
    /// All faults with their names in identifiers of cases.
    pub(super) const ALL: [(Self, &'static str); 12] = [
        (Self::Refused, "refused"),
        (Self::LostRequest, "lost-request"),
        (Self::LostAnswer, "lost-answer"),
        (Self::KilledBefore, "killed-before"),
        (Self::KilledAfter, "killed-after"),
        (Self::OtherOwner, "other-owner"),
        (Self::ArgoCd, "argo-cd"),
        (Self::Kubectl, "kubectl"),
        (Self::StaleAnswer, "stale-answer"),
        (Self::TokenExpired, "token-expired"),
        (Self::TooManyRequests, "too-many-requests"),
        (Self::Stopped, "stopped"),
    ];

    /// The faults that `make test` puts into every write.
    pub(super) fn is_always_tested(self) -> bool {
        matches!(self, Self::Refused | Self::LostAnswer | Self::KilledAfter)
    }

    /// Whether the provider's process ends.
    pub(super) fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }

    /// Whether another client writes an object.
    pub(super) fn has_other_writer(self) -> bool {
        matches!(self, Self::OtherOwner | Self::ArgoCd | Self::Kubectl)
    }
}

/// What a fault acts on.
pub(super) struct Target {
    /// The provider's process.
    pub(super) process: u32,
    /// A connection to the provider.
    pub(super) client: ProviderClient<Channel>,
    /// The bodies of the resource's objects, of which another writer writes one.
    pub(super) bodies: Vec<(Key, Json)>,
    /// A client with all rights.
    pub(super) api: Arc<Api>,
}

/// Puts the fault into the request number `request`, counted from 0. The result is true once that request has come.
pub(super) fn inject(fault: Fault, request: usize, proxy: &Proxy, target: Target) -> Arc<AtomicBool> {
    let reached = Arc::new(AtomicBool::new(false));
    let (proxy_fault, moment) = match fault {
        Fault::Refused => (Some(ProxyFault::Status(403)), Moment::BeforeRequest),
        Fault::LostRequest | Fault::KilledBefore => (Some(ProxyFault::DropRequest), Moment::BeforeRequest),
        Fault::LostAnswer | Fault::KilledAfter => (Some(ProxyFault::DropResponse), Moment::BeforeResponse),
        Fault::StaleAnswer => (Some(ProxyFault::StaleAnswer), Moment::BeforeRequest),
        Fault::TokenExpired => (Some(ProxyFault::Status(401)), Moment::BeforeRequest),
        Fault::TooManyRequests => (Some(ProxyFault::TooManyRequests(1)), Moment::BeforeRequest),
        Fault::OtherOwner | Fault::ArgoCd | Fault::Kubectl | Fault::Stopped => (None, Moment::BeforeRequest),
    };
    let is_reached = reached.clone();
    let action: Action = Arc::new(move |request| {
        is_reached.store(true, Relaxed);
        match fault {
            Fault::KilledBefore | Fault::KilledAfter => {
                let killed = Command::new("kill").args(["-KILL", &target.process.to_string()]).status();
                assert!(killed.expect("running kill").success());
            }
            Fault::Stopped => {
                block_on(target.client.clone().stop(stop::Request {})).expect("an answer to Stop");
            }
            _ if fault.has_other_writer() => {
                let of_request = target.bodies.iter().find(|(key, _)| path(key) == request.path);
                if let Some((key, body)) = of_request.or(target.bodies.first()) {
                    write_as_other(fault, key, body, &target.api);
                }
            }
            _ => {}
        }
    });
    proxy.inject_action(request, proxy_fault, (moment, action), |_| true);
    reached
}

/// Applies the object as another writer. A failure is one more thing that can happen: its namespace may not be there yet.
fn write_as_other(fault: Fault, key: &Key, body: &Json, api: &Api) {
    let mut object = body.clone();
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    let manager = match fault {
        Fault::OtherOwner => {
            metadata.insert("labels".into(), json!({ (label::MANAGED): "true" }));
            let stamp = json!({
                (annotation::OWNER): "another/owner", (annotation::RESOURCE): "mesh_service/another/resource",
                (annotation::INSTANCE): "0123456789abcdef",
            });
            metadata.insert("annotations".into(), stamp);
            FIELD_MANAGER
        }
        Fault::ArgoCd => {
            metadata.insert("annotations".into(), json!({ "argocd.argoproj.io/tracking-id": "shop:all" }));
            "argocd-controller"
        }
        _ => {
            metadata.insert("annotations".into(), json!({ "example.com/written-by": "kubectl" }));
            "kubectl"
        }
    };
    let url = format!("{}?fieldManager={manager}&force=true", path(key));
    let _ = api.request(Method::PATCH, &url, Some(("application/apply-patch+yaml", &object)));
}
