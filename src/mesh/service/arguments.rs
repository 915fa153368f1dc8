//! The arguments and computed attributes of `mesh_service`. Methods give each argument its default. The larger parts
//! are in other files: [`super::access::arguments`], [`super::traffic::arguments`], [`super::ingress::arguments`] and
//! [`super::takeover`].

use super::{Authorization, Ingress, ServiceManagement, TakeoverArguments, Traffic};
use crate::{
    known::Known,
    mesh::{
        global_name::{GLOBAL_NAME, is_global_name},
        istio::sidecar::UnlistedCalls,
        labels::default_selector,
        manifest::StringMap,
        names,
        overrides::Override,
        port::{PortNumber, Protocol},
        reference::Destination,
        resiliency::Preset,
        timeouts::Timeouts,
    },
    model,
    schema::{
        At, Attr, Block, Blocks, Map, Set,
        model::{Flat, block, computed, flat, optional, required},
    },
};

model! {
    /// A service of an application team: the workloads that may call it, the destinations that it calls, and the
    /// timeouts, retries and routes of its callers.
    pub struct Service {
        /// Name of the Kubernetes Service.
        name: Attr<String> = required().replaces().text(names::SERVICE_NAME, names::is_service_name),
        /// Namespace of the service and of its Istio objects.
        namespace: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// Host name that stays the same when the service moves to another namespace (`ServiceEntry`). The
        /// namespaces of admitted callers, or those of `export_to`, can call it, on the ports of the `port` blocks
        /// and on port 80. Defaults to the name that the provider's `global_name_template` gives; without a
        /// template the service has no global name.
        global_name: Attr<String> = optional().text(GLOBAL_NAME, is_global_name),
        /// Labels of the service's pods. Defaults to `{ app = name }`.
        selector: Map<String> = optional().non_empty("At least one label."),
        /// Management of the Kubernetes Service. `existing`: another tool manages it, and only its annotation
        /// `networking.istio.io/exportTo` is set. `managed`: this resource creates it. `none`: the workload has
        /// no Service; it only calls others. Defaults to `existing`.
        service: Attr<ServiceManagement> = optional(),
        /// Service account of the pods, which is their identity in the mesh. Defaults to the service's `name`.
        service_account: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Whether this resource creates the ServiceAccount. Defaults to `true` with `service = "managed"`,
        /// otherwise to `false`.
        create_service_account: Attr<bool> = optional(),
        /// The workloads that may call.
        authorization: Flat<Authorization> = flat(),
        /// Destinations that the workload calls (`egress` of a `Sidecar`). Its proxies know these destinations
        /// only; `outbound_traffic_policy` decides about other calls. `[]`: only the service itself. Defaults to
        /// the Sidecar of the namespace or of the mesh.
        calls: Set<Destination> = optional(),
        /// Calls of hosts that `calls` doesn't list (`outboundTrafficPolicy` of the Sidecar). `registry_only`:
        /// they fail. `allow_any`: they leave the proxy unchanged, to services of the mesh in clear text.
        /// `inherit`: `meshConfig` decides, not the Sidecar of the namespace or of the mesh. Requires `calls`.
        /// Defaults to `registry_only`.
        outbound_traffic_policy: Attr<UnlistedCalls> = optional(),
        /// Routes, and the handling of failures.
        traffic: Flat<Traffic> = flat(),
        /// Name of the service's Istio objects; further objects have suffixes such as `-deny` and `-ingress`. Set
        /// it to keep the names of existing objects. After a change the objects with the new name are created
        /// first, then the old ones are deleted. Defaults to `<name>-<namespace>`.
        object_name: Attr<String> = optional()
            .text(names::SUBDOMAIN, names::is_subdomain)
            .text(OBJECT_NAME, is_object_name),
        /// Objects of other tools.
        takeover: Flat<TakeoverArguments> = flat(),
        /// Labels of every object of this resource, in addition to the provider's `labels`. Defaults to none.
        labels: Map<String> = optional(),
        /// Annotations of every object of this resource, in addition to the provider's `annotations`. Sensitive
        /// values are shown in clear text in `objects` and in the cluster. Defaults to none.
        annotations: Map<String> = optional(),
        /// Ports of the Service. Required, except with `service = "none"`.
        port: Blocks<Port> = block(),
        /// Traffic from outside the mesh: hosts and paths that an ingress gateway routes to the service, which then
        /// admits the gateway (see the guide "Global names and ingress"). Paths of a host must not overlap with those
        /// of another service.
        ingress: Blocks<Ingress> = block(),
        /// JSON merge patch of a rendered object, for an Istio field that no argument sets.
        r#override: Blocks<Override> = block(),
        /// Time limits of operations on this resource.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port of the Service.
    pub struct Port {
        /// Port of the Service, which callers connect to.
        number: Attr<PortNumber> = required(),
        /// Protocol that the workload speaks on the port. Timeouts, retries, methods and paths need `http`,
        /// `http2` or `grpc`.
        protocol: Attr<Protocol> = required(),
        /// Port on which the pods listen. Defaults to `number`.
        target_port: Attr<PortNumber> = optional(),
    }
}

model! {
    /// The computed attributes of a service.
    pub struct Outputs {
        /// Host name of the service, such as `payments.pci.svc.cluster.local`. Null with `service = "none"`.
        host: Attr<String> = computed(),
        /// Global name of the service, which callers can use instead of `host`. Null without a global name.
        global_host: Attr<String> = computed(),
        /// Identity of the workload, in the form that `from` accepts: `cluster.local/ns/pci/sa/payments`.
        principal: Attr<String> = computed(),
        /// The resiliency preset in effect: `resiliency`, or the provider's `defaults.resiliency`; null without either.
        effective_resiliency: Attr<Preset> = computed(),
        /// Callers that are admitted by `access`, `allow` and `ingress`, in the form that `from` accepts;
        /// `["anonymous"]` if the policies aren't enforced. Callers that `deny` refuses aren't left out. Null if
        /// an `override` patches an AuthorizationPolicy, because the patch decides then. Sensitive values of
        /// `from` are shown in clear text.
        effective_callers: Set<String> = computed(),
    }
}

impl Service {
    /// The name of the service.
    pub(super) fn name(&self) -> Known<&String> {
        self.name.required()
    }

    /// The namespace of the service.
    pub(super) fn namespace(&self) -> Known<&String> {
        self.namespace.required()
    }

    /// The labels of the pods.
    pub(super) fn selector(&self) -> Known<StringMap> {
        self.selector.elements()?.map_or_else(|| Ok(default_selector(self.name()?)), Ok)
    }

    /// Who manages the Kubernetes Service: another tool by default.
    pub(super) fn management(&self) -> Known<ServiceManagement> {
        self.service.or(ServiceManagement::Existing)
    }

    /// The service account of the pods: the name of the service by default.
    pub(super) fn service_account(&self) -> Known<&String> {
        self.service_account.known()?.map_or_else(|| self.name(), Ok)
    }

    /// Whether the ServiceAccount is created: by default where the Service is.
    pub(super) fn create_service_account(&self) -> Known<bool> {
        match self.create_service_account.copied()? {
            Some(create) => Ok(create),
            None => Ok(self.management()? == ServiceManagement::Managed),
        }
    }

    /// What the proxies do with calls that `calls` doesn't list: refuse them by default.
    pub(super) fn outbound_traffic_policy(&self) -> Known<UnlistedCalls> {
        self.outbound_traffic_policy.or(UnlistedCalls::RegistryOnly)
    }

    /// The ports of the Service, in the order in which they are written.
    pub(super) fn ports(&self) -> Known<&[At<Port>]> {
        self.port.known()
    }
}

impl Port {
    /// The port of the Service.
    pub(super) fn number(&self) -> Known<PortNumber> {
        self.number.required().copied()
    }

    /// The protocol of the port.
    pub(super) fn protocol(&self) -> Known<Protocol> {
        self.protocol.required().copied()
    }

    /// The port on which the pods listen: `number` by default.
    pub(super) fn target_port(&self) -> Known<PortNumber> {
        self.target_port.copied()?.map_or_else(|| self.number(), Ok)
    }
}

/// With the longest suffix, `-ingress-` and a label, a name stays within the 253 characters that Kubernetes allows.
const OBJECT_NAME: &str = "180 characters at most: names of further objects are longer.";

fn is_object_name(text: &str) -> bool {
    text.len() <= 180
}
