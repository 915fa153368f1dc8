//! The global name: a host of the mesh that has no endpoints of its own. The VirtualService sends what calls it to the
//! Service, so identity, policies, limits and versions are those of the Service. Where there is no VirtualService, calls fail.

use std::collections::BTreeSet;

use super::{Management, Port, Service, Site, Unmanaged, access, origins, traffic};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown, as_known},
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
    object::{Key, ManagementScope, Object},
};

/// Of the VirtualService of the global name alone.
pub(super) const SUFFIX: &str = "global";

/// STATIC without endpoints: istiod gives it an address, which proxies answer DNS with, and Envoy never resolves anything.
/// `status.addresses` is istiod's.
pub(super) fn service_entry(site: &Site, key: Key) -> Known<Object> {
    let listeners = traffic::listeners(site, true)?;
    let spec = ServiceEntry {
        hosts: vec![site.global_name()?.ok_or(Unknown)?],
        addresses: Vec::new(),
        export_to: access::export_to(site)?,
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        ports: listeners.iter().map(|listener| service_port(listener.number?, listener.port)).collect::<Known<_>>()?,
        endpoints: Vec::new(),
    };
    let mut origins = origins(&[("spec.hosts", argument()), ("spec.exportTo", access::export_argument(site))]);
    origins.extend(listeners.iter().enumerate().map(|(n, to)| (format!("spec.ports[{n}]"), to.port.at.clone())));
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::TARGETS,
        transition: TRANSITION,
        origins,
    })
}

fn service_port(number: PortNumber, port: &Port) -> Known<ServicePort> {
    let protocol = port.protocol?;
    // No target port: there are no endpoints.
    Ok(ServicePort { number, name: protocol.port_name(number), protocol: protocol.istio(), target_port: None })
}

/// Port 80 for `http://payments.example.internal/`, where it isn't the Service's: it leads to the first HTTP port.
pub(super) fn port_80(ports: &[Port]) -> Known<Option<&Port>> {
    for port in ports {
        if port.number? == PortNumber::HTTP {
            return Ok(None);
        }
    }
    for port in ports {
        if port.protocol?.is_http() {
            return Ok(Some(port));
        }
    }
    Ok(None)
}

impl Service {
    /// The global name; `None` where the service has none.
    pub fn global_host(&self, mesh: &Mesh) -> Known<Option<String>> {
        self.site(mesh)?.global_name()
    }

    pub(super) fn check_global_name(&self, out: &mut Diagnostics) {
        if matches!(self.global_name, Ok(Some(_))) && self.management == Ok(Management::None) {
            out.error(
                &argument(),
                "A name without a Service",
                "With service = \"none\" nothing answers, by whatever name. Remove global_name, or say what the Service is.",
            );
        }
    }

    pub(super) fn check_global_name_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok(Some(written)) = &self.global_name
            && names::is_in_cluster(written, &mesh.cluster_domain)
        {
            out.error(
                &argument(),
                "A global name in the cluster's domain",
                format!(
                    "{} is the cluster's own, where Kubernetes says which hosts there are. Write a name in a domain that nothing \
                     else answers for, like \"payments.example.internal\".",
                    mesh.cluster_domain
                ),
            );
        }
        let calls = match &self.calls {
            Ok(Some(Ok(calls))) => calls,
            _ => &BTreeSet::new(),
        };
        if let Ok(site) = self.site(mesh) {
            check_filled(&site, calls, out);
            check_called(&site, calls, out);
        }
    }

    /// Whether some port speaks TLS of the application.
    pub(super) fn speaks_tls(&self) -> Known<bool> {
        self.speaks(Protocol::is_tls)
    }
}

impl Site<'_> {
    /// Whether there is a global name: with a template there is one, whatever is written.
    pub(super) fn has_global_name(&self) -> Known<bool> {
        match &self.service.global_name {
            _ if self.service.management? == Management::None => Ok(false),
            _ if self.template()?.is_some() => Ok(true),
            Ok(written) => Ok(written.is_some()),
            Err(unknown) => Err(*unknown),
        }
    }

    /// The global name: as written, or by the template. What the template can't make was told.
    pub(super) fn global_name(&self) -> Known<Option<String>> {
        if self.service.management? == Management::None {
            return Ok(None);
        }
        match (as_known(&self.service.global_name)?, self.template()?) {
            (Some(written), _) => Ok(Some(written.clone())),
            (None, Some(template)) => template.global_name(self.name, self.namespace).map(Some).ok_or(Unknown),
            (None, None) => Ok(None),
        }
    }

    /// What gives the service its name. None where the VirtualService is somebody else's: a name that the template gave would
    /// lead nowhere, and one that is written is theirs to route.
    fn template(&self) -> Known<Option<&Template>> {
        let left = self.service.others.leaves(Unmanaged::VirtualService)?;
        Ok(self.mesh.global_name_template.as_ref().filter(|_| self.mesh.global_names && !left))
    }
}

fn argument() -> Path {
    Path::root().attribute("global_name")
}

/// Names that the template makes too long, of this service and of those that it calls.
fn check_filled(site: &Site, calls: &BTreeSet<Destination>, out: &mut Diagnostics) {
    let mut check = |template: &Template, name: &str, namespace: &str, at: &str, remedy: &str| {
        let filled = template.filled(name, namespace);
        if !is_global_name(&filled) {
            out.error(
                &Path::root().attribute(at),
                "The template makes no DNS name",
                format!(
                    "By the provider's global_name_template {template}, it is {filled:?}: {} {remedy}",
                    names::SUBDOMAIN
                ),
            );
        }
    };
    let named = site.service.management == Ok(Management::None) || site.service.global_name != Ok(None);
    if let Ok(Some(template)) = site.template()
        && !named
    {
        check(template, site.name, site.namespace, "global_name", "Write global_name.");
    }
    for destination in calls {
        if let (Destination::Service { namespace, name }, Some(template)) =
            (destination, &site.mesh.global_name_template)
        {
            let namespace = namespace.as_deref().unwrap_or(site.namespace);
            check(template, name, namespace, "calls", "Write another template.");
        }
    }
}

/// A host has one place where it is declared; for this one it is this service's namespace.
fn check_called(site: &Site, calls: &BTreeSet<Destination>, out: &mut Diagnostics) {
    let Ok(Some(name)) = site.global_name() else { return };
    for destination in calls {
        if let Destination::Host { namespace, host } = destination
            && *host == name
            && namespace.as_deref().unwrap_or(&site.mesh.root_namespace) != site.namespace
        {
            out.error(
                &Path::root().attribute("calls"),
                "The service's own global name",
                format!(
                    "{name} is this service, and calls looks for it in another namespace. Remove {destination} from calls: a \
                     service always reaches itself, by each of its names."
                ),
            );
        }
    }
}
