//! The arguments and computed attributes of `mesh_service`. Methods give each argument its default. The larger parts
//! are in other files: [`super::access::arguments`], [`super::traffic::arguments`], [`super::ingress::arguments`] and
//! [`super::takeover`].

use super::{Authorization, Ingress, ServiceManagement, TakeoverArguments, Traffic};
use crate::{
    known::Known,
    mesh::{
        global_name::{GLOBAL_NAME, is_global_name},
        istio::sidecar::UnlistedCalls,
        labels::StringMap,
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
    /// A service of an application team: who may call it, whom it calls, how failures are met.
    pub struct Service {
        /// The Kubernetes Service.
        name: Attr<String> = required().replaces().text(names::SERVICE_NAME, names::is_service_name),
        /// Its namespace.
        namespace: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// A name for the service that stays when it moves: callers call it everywhere in the mesh, on the ports of the
        /// Service, and on port 80. By the provider's `global_name_template` unless written.
        global_name: Attr<String> = optional().text(GLOBAL_NAME, is_global_name),
        /// The labels of its workloads; `{ app = name }` unless written.
        selector: Map<String> = optional().non_empty("At least one label."),
        /// What the Kubernetes Service is: `existing` (the default; somebody else's, of which only the annotation that says
        /// who sees it is written here), `managed` (made here), or `none` (a workload that calls, and isn't called by name).
        service: Attr<ServiceManagement> = optional(),
        /// The identity of its workloads; the service's name unless written.
        service_account: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Whether the ServiceAccount is made here; true with `service = "managed"` unless written, else false.
        create_service_account: Attr<bool> = optional(),
        /// Who may call.
        authorization: Flat<Authorization> = flat(),
        /// Whom it calls: its proxies know these destinations, and refuse others. Absent: what the namespace's Sidecar says;
        /// `[]`: only itself.
        calls: Set<Destination> = optional(),
        /// What its proxies do with calls of hosts that `calls` doesn't list (`outboundTrafficPolicy` of the Sidecar):
        /// `registry_only` (the calls fail), `allow_any` (they leave as they are: to services of the mesh as clear text) or
        /// `inherit` (as `meshConfig` says, and not the Sidecar of the namespace or the mesh). Defaults to `registry_only`. Needs
        /// `calls`.
        outbound_traffic_policy: Attr<UnlistedCalls> = optional(),
        /// How requests are routed, and how failures are met.
        traffic: Flat<Traffic> = flat(),
        /// The name of the Istio objects that configure the service, where they have another one than `<name>-<namespace>`
        /// already; further ones end in `-deny`, `-ingress` and so on. When it changes, objects of the new name are made first,
        /// then those of the old one go.
        object_name: Attr<String> = optional()
            .text(names::SUBDOMAIN, names::is_subdomain)
            .text(OBJECT_NAME, is_object_name),
        /// What is left to other tools, and taken over from them.
        takeover: Flat<TakeoverArguments> = flat(),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        /// Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// The ports of the Service; required but with `service = "none"`.
        port: Blocks<Port> = block(),
        /// Traffic from outside, through gateways.
        ingress: Blocks<Ingress> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port.
    pub struct Port {
        /// The port of the Service, which callers call.
        number: Attr<PortNumber> = required(),
        /// What is spoken there.
        protocol: Attr<Protocol> = required(),
        /// The port on which the workload listens; `number` unless written.
        target_port: Attr<PortNumber> = optional(),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// The host that callers call, `payments.pci.svc.cluster.local`; null with `service = "none"`.
        host: Attr<String> = computed(),
        /// The global name, which callers call in place of `host`; null without one.
        global_host: Attr<String> = computed(),
        /// The identity, as `from` takes it: `cluster.local/ns/pci/sa/payments`.
        principal: Attr<String> = computed(),
        /// The resiliency preset in effect: `resiliency`, or the provider's `defaults.resiliency`; null without either.
        effective_resiliency: Attr<Preset> = computed(),
        /// Everybody who may call, as `from` takes them; `anonymous` alone where nothing is enforced. What `deny` refuses isn't
        /// taken away. Null where an `override` patches an AuthorizationPolicy, since the patch then decides.
        /// Sensitive values of `from` show here in clear.
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
        self.selector.elements()?.map_or_else(|| self.default_selector(), Ok)
    }

    /// The labels of the pods without a `selector`: `app` with the name of the service.
    pub(super) fn default_selector(&self) -> Known<StringMap> {
        Ok(StringMap::from([("app".to_owned(), self.name()?.clone())]))
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
