//! The global name: a host of the mesh without endpoints of its own. The VirtualService routes its requests to the Service, so
//! identity, policies, limits and versions are those of the Service. Without a VirtualService, requests to it fail.

use std::collections::BTreeSet;

use super::{Port, Service, ServiceContext, ServiceManagement, Unmanaged, access, origins, traffic};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh,
        global_name::{Template, is_global_name},
        istio::service_entry::{ServiceEntry, ServicePort, TRANSITION},
        manifest::manifest,
        names,
        port::{PortNumber, Protocol},
        reference::Destination,
        stage,
    },
    object::{Key, Object},
    schema::{At, Attr},
};

/// The suffix of a VirtualService for the global name alone.
pub(super) const SUFFIX: &str = "global";

/// Renders a ServiceEntry with the resolution `STATIC` and without endpoints: istiod allocates an address (in
/// `status.addresses`), which proxies answer DNS queries with, and Envoy never resolves the name.
pub(super) fn service_entry(context: &ServiceContext, key: Key) -> Known<Object> {
    let listeners = traffic::listeners(context, true)?;
    let spec = ServiceEntry {
        hosts: vec![context.global_name()?.ok_or(Unknown)?],
        addresses: Vec::new(),
        export_to: access::global_name_export_to(context)?,
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        ports: listeners.iter().map(|listener| service_port(listener.number?, listener.port)).collect::<Known<_>>()?,
        endpoints: Vec::new(),
    };
    let mut origins = origins(&[("spec.hosts", argument()), ("spec.exportTo", access::export_argument(context))]);
    origins.extend(listeners.iter().enumerate().map(|(n, to)| (format!("spec.ports[{n}]"), to.port.at.clone())));
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_transition(TRANSITION).with_origins(origins))
}

fn service_port(number: PortNumber, port: &At<Port>) -> Known<ServicePort> {
    let protocol = port.protocol()?;
    // There are no endpoints, so there is no target port.
    Ok(ServicePort { number, name: protocol.port_name(number), protocol: protocol.istio(), target_port: None })
}

/// The port that serves port 80 of the global name, for `http://payments.example.internal/`: the first HTTP port, or none where
/// the Service has a port 80 itself.
pub(super) fn port_serving_80(ports: &[At<Port>]) -> Known<Option<&At<Port>>> {
    for port in ports {
        if port.number()? == PortNumber::HTTP {
            return Ok(None);
        }
    }
    for port in ports {
        if port.protocol()?.is_http() {
            return Ok(Some(port));
        }
    }
    Ok(None)
}

impl Service {
    /// The global name; `None` where the service has none.
    pub(super) fn global_host(&self, mesh: &Mesh) -> Known<Option<String>> {
        self.context(mesh)?.global_name()
    }

    /// Reports a global name of a workload that has no Service.
    pub(super) fn validate_global_name(&self, out: &mut Diagnostics) {
        if self.global_name.is_set() && self.management() == Ok(ServiceManagement::None) {
            out.error(
                &argument(),
                "global_name without a Service",
                "With service = \"none\" the workload can't be called by any name. Remove global_name, or write \
                 service = \"existing\" or \"managed\".",
            );
        }
    }

    /// Reports global names that contradict the provider's arguments.
    pub(super) fn validate_global_name_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Attr::Known(name) = &self.global_name
            && names::is_cluster_host(name, &mesh.cluster_domain)
        {
            out.error(
                &argument(),
                "Global name in the cluster's domain",
                format!(
                    "{} is the cluster's own, where Kubernetes says which hosts there are. Write a name in a domain that nothing \
                     else answers for, like \"payments.example.internal\".",
                    mesh.cluster_domain
                ),
            );
        }
        let calls = self.calls.elements_or_empty().unwrap_or_default();
        if let Ok(context) = self.context(mesh) {
            validate_dns_capture(&context, out);
            validate_template(&context, &calls, out);
            validate_calls(&context, &calls, out);
        }
    }

    /// Whether the application starts TLS on some port.
    pub(super) fn speaks_tls(&self) -> Known<bool> {
        self.speaks(Protocol::is_tls)
    }
}

impl ServiceContext<'_> {
    /// Whether there is a global name. With a template there always is one.
    pub(super) fn has_global_name(&self) -> Known<bool> {
        if self.service.management()? == ServiceManagement::None {
            return Ok(false);
        }
        Ok(self.template()?.is_some() || self.service.global_name.known()?.is_some())
    }

    /// The global name: that of the argument, or else of the template. Validation reports names that the template makes too
    /// long.
    pub(super) fn global_name(&self) -> Known<Option<String>> {
        if self.service.management()? == ServiceManagement::None {
            return Ok(None);
        }
        match (self.service.global_name.known()?, self.template()?) {
            (Some(name), _) => Ok(Some(name.clone())),
            (None, Some(template)) => template.global_name(self.name, self.namespace).map(Some).ok_or(Unknown),
            (None, None) => Ok(None),
        }
    }

    /// The template that gives the service its global name. It isn't used where another tool manages the VirtualService, which
    /// would not route that name. A `global_name` that is set must be routed by that tool.
    fn template(&self) -> Known<Option<&Template>> {
        let unmanaged = self.service.takeover.is_unmanaged(Unmanaged::VirtualService)?;
        Ok(self.mesh.global_name_template.as_ref().filter(|_| self.mesh.global_names && !unmanaged))
    }
}

fn argument() -> Path {
    Path::root().attribute("global_name")
}

/// Reports a global name with a TCP port where proxies don't answer DNS queries. Without an address of its own, the port of the
/// ServiceEntry would take the connections of all destinations on that port.
fn validate_dns_capture(context: &ServiceContext, out: &mut Diagnostics) {
    if context.mesh.installed.dns_capture || context.has_global_name() != Ok(true) {
        return;
    }
    let Ok(ports) = context.service.ports() else { return };
    let is_tcp = |port: &&At<Port>| port.protocol().is_ok_and(|protocol| !protocol.is_http() && !protocol.is_tls());
    for port in ports.iter().filter(is_tcp) {
        let (Ok(number), Ok(protocol)) = (port.number(), port.protocol()) else { continue };
        let (at, remedy) = if context.service.global_name.is_set() {
            (argument(), "or remove global_name")
        } else {
            (port.at.clone(), "or write global_names = false there, which leaves the names of the template to others")
        };
        out.error(
            &at,
            "Global name of a TCP port without DNS capture",
            format!(
                "Port {number} speaks {protocol}, which carries no host name: proxies tell the global name from other \
                 destinations by its address alone, and it has one only where they answer DNS queries. Without that, the port \
                 takes the connections to port {number} of every destination. Switch DNS capture on \
                 (ISTIO_META_DNS_CAPTURE = \"true\" of proxyMetadata) and write in the provider block: installed {{ dns_capture = \
                 true }}; {remedy}."
            ),
        );
    }
}

/// Reports names that the template makes too long, of this service and of those that it calls.
fn validate_template(context: &ServiceContext, calls: &BTreeSet<Destination>, out: &mut Diagnostics) {
    let mut check = |template: &Template, name: &str, namespace: &str, at: &str, remedy: &str| {
        let expanded = template.expand(name, namespace);
        if !is_global_name(&expanded) {
            out.error(
                &Path::root().attribute(at),
                "Template doesn't give a DNS name",
                format!(
                    "By the provider's global_name_template {template}, it is {expanded:?}: {} {remedy}",
                    names::SUBDOMAIN
                ),
            );
        }
    };
    let has_other_name =
        context.service.management() == Ok(ServiceManagement::None) || context.service.global_name != Attr::Null;
    if let Ok(Some(template)) = context.template()
        && !has_other_name
    {
        check(template, context.name, context.namespace, "global_name", "Write global_name.");
    }
    for destination in calls {
        if let (Destination::Service { namespace, name }, Some(template)) =
            (destination, &context.mesh.global_name_template)
        {
            let namespace = namespace.as_deref().unwrap_or(context.namespace);
            check(template, name, namespace, "calls", "Write another template.");
        }
    }
}

/// Reports calls of the service's own global name in another namespace than its own, where the name is declared.
fn validate_calls(context: &ServiceContext, calls: &BTreeSet<Destination>, out: &mut Diagnostics) {
    let Ok(Some(name)) = context.global_name() else { return };
    for destination in calls {
        if let Destination::Host { namespace, host } = destination
            && *host == name
            && namespace.as_deref().unwrap_or(&context.mesh.root_namespace) != context.namespace
        {
            out.error(
                &Path::root().attribute("calls"),
                "Service calls its own global name",
                format!(
                    "{name} is this service, and calls looks for it in another namespace. Remove {destination} from calls: a \
                     service always reaches itself, by each of its names."
                ),
            );
        }
    }
}
