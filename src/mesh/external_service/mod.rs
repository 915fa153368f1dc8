//! `mesh_external_service`: hosts outside the mesh, their ports, TLS origination, and the namespaces that can call them.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`host`], [`address`] | the types of hosts and addresses |
//! | [`ports`] | the ports, and which of them use TLS |
//! | [`resolution`] | the resolution of hosts to addresses |
//! | [`tls`] | TLS that the proxy originates |
//! | [`context`] | the values that all objects share |
//! | [`service_entry`], [`destination_rule`], [`virtual_service`] | the objects |
//! | [`egress_gateway`] | the objects of an egress gateway |
//! | [`traffic_policy`] | limits and outlier detection of the DestinationRules |
//! | [`propagation`] | waits between the writes |
//! | [`validate`] | rules across arguments |
//! | [`live`] | live checks |

mod address;
mod arguments;
mod context;
mod destination_rule;
mod egress_gateway;
mod host;
mod live;
mod ports;
mod propagation;
mod resolution;
mod service_entry;
mod tls;
mod traffic_policy;
mod validate;
mod virtual_service;

use std::collections::BTreeSet;

pub use address::{Address, EndpointAddress, IpAddress};
pub use arguments::{Endpoint, ExternalService, Outputs, Port, TlsSettings};
use context::{NamedHost, ObjectContext};
pub use egress_gateway::EgressGateway;
pub use host::Host;
pub use live::live_queries;
pub use ports::ClientTlsMode;
pub use resolution::Resolution;

use super::{
    Mesh, Rendered,
    overrides::{apply_overrides, suffix_after, validate_overrides},
    port::{PortNumber, Protocol},
    stage,
};
use crate::{
    diagnostics::Diagnostics,
    known::{Known, Unknown, any},
    object::{Key, Object, Stage, kind},
    schema::Attr,
};

/// The objects that some configuration of an external service renders, with their stages. Those of the single hosts of `hosts`
/// are missing, since the id doesn't tell the hosts.
pub fn possible_objects(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    let for_selected_workloads = destination_rule::selected_workloads_name(name);
    [
        (&kind::SERVICE_ENTRY, name, stage::TARGETS),
        (&kind::DESTINATION_RULE, name, stage::TARGETS),
        (&kind::DESTINATION_RULE, for_selected_workloads.as_str(), stage::TARGETS),
        (&kind::VIRTUAL_SERVICE, name, stage::ROUTES),
    ]
    .map(|(kind, name, stage)| (Key::new(kind, namespace, name), stage))
    .into()
}

/// Returns the objects if no two have the same key. Validation reports hosts whose objects would have the same name.
fn unique(objects: Vec<(Key, Known<Object>)>) -> Rendered {
    let keys: BTreeSet<&Key> = objects.iter().map(|(key, _)| key).collect();
    if keys.len() == objects.len() { Ok(objects) } else { Err(Unknown) }
}

impl ExternalService {
    /// The id, such as `istio-system/api-example-com`.
    pub fn id(&self, mesh: &Mesh) -> Known<String> {
        Ok(format!("{}/{}", self.namespace(mesh)?, self.object_name()?))
    }

    /// Renders the objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let (objects, name) = (self.unpatched_objects(mesh)?, self.object_name()?);
        Ok(apply_overrides(self.r#override.known()?, &|key| suffix_after(&name, key), objects))
    }

    /// Reports faults of `override` blocks.
    fn validate_overrides(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let (Ok([_, ..]), Ok(name)) = (self.r#override.known(), self.object_name()) {
            validate_overrides(&self.r#override, &|key| suffix_after(&name, key), &self.unpatched_objects(mesh), out);
        }
    }

    /// The objects without the patches of `override` blocks.
    fn unpatched_objects(&self, mesh: &Mesh) -> Rendered {
        let context = ObjectContext::new(self, mesh)?;
        let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
        let entry = context.key(&kind::SERVICE_ENTRY, &context.name);
        objects.push((entry.clone(), service_entry::service_entry(&context, entry)));
        let originates_tls = self.originations().map(|originations| !originations.is_empty());
        let (selects_workloads, is_routed) = (self.selects_workloads()?, self.is_routed()?);
        let has_rule = any([self.has_traffic_policy(), originates_tls])?;
        if let Some(gateway) = self.egress_gateway.known()? {
            objects.extend(egress_gateway::objects(&context, gateway, has_rule)?);
            for host in context.named_hosts()? {
                let route = context.key(&kind::VIRTUAL_SERVICE, &host.name);
                objects.push((route.clone(), egress_gateway::caller_route(&context, gateway, &host, route)));
            }
            return unique(objects);
        }
        for host in context.named_hosts()? {
            if has_rule {
                let rule = context.key(&kind::DESTINATION_RULE, &host.name);
                objects.push((rule.clone(), destination_rule::destination_rule(&context, &host, rule)));
            }
            if selects_workloads {
                let rule = context.key(&kind::DESTINATION_RULE, &destination_rule::selected_workloads_name(&host.name));
                objects.push((rule.clone(), destination_rule::for_selected_workloads(&context, &host, rule)));
            }
            if is_routed {
                let route = context.key(&kind::VIRTUAL_SERVICE, &host.name);
                objects.push((route.clone(), virtual_service::virtual_service(&context, &host, route)));
            }
        }
        unique(objects)
    }

    /// The computed attributes.
    pub fn outputs(&self) -> Outputs {
        Outputs { url: Attr::computed_option(self.url()) }
    }

    /// The URL at which applications call the first port; `None` for `hosts` and for a wildcard, which have no single one.
    fn url(&self) -> Known<Option<String>> {
        if self.hosts.elements()?.is_some() {
            return Ok(None);
        }
        let Some(host) = self.host.known()? else { return Ok(None) };
        let (number, protocol) = self.first_port()?;
        let url = |scheme: &str, default: PortNumber| {
            if number == default { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{number}") }
        };
        let url = match protocol {
            protocol if protocol.is_http() => url("http", PortNumber::HTTP),
            Protocol::Https => url("https", PortNumber::HTTPS),
            Protocol::Tls if number == PortNumber::HTTPS => url("https", PortNumber::HTTPS),
            _ => format!("{host}:{number}"),
        };
        Ok((!host.is_wildcard()).then_some(url))
    }

    /// Whether one of the hosts is a wildcard.
    fn has_wildcard(&self) -> Known<bool> {
        Ok(self.hosts()?.iter().any(Host::is_wildcard))
    }

    /// The name of the argument that sets the hosts.
    fn hosts_argument(&self) -> &'static str {
        if self.hosts.is_set() { "hosts" } else { "host" }
    }
}
