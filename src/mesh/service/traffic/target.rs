//! The targets of routes: versions of the service, other Services, and hosts outside the mesh.

use super::super::{Port, ServiceContext};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        istio::{PortSelector, virtual_service::Destination},
        names,
        patterns::is_external_host,
        port::PortNumber,
        reference::ServiceReference,
    },
    model,
    schema::{Attr, model::optional},
};

model! {
    /// The destination of a route, or of its copies of requests. Exactly one of `version`, `service` and `host`
    /// is set.
    pub struct RouteTarget {
        /// Name of a `version` block. Conflicts with `service` and `host`.
        version: Attr<String> = optional(),
        /// Another Kubernetes Service, as `catalog` or `shop/catalog` (`destination.host`). Callers connect to
        /// its pods directly, so its authorization must admit the callers of this service, and it must be visible
        /// to them. Conflicts with `version` and `host`.
        service: Attr<ServiceReference> = optional(),
        /// Host of a `mesh_external_service`, without wildcard (`destination.host`). The request keeps the host
        /// that the caller asked for, so most external hosts need `rewrite { host }` as well. Conflicts with
        /// `version` and `service`.
        host: Attr<String> = optional().text(HOST, is_host),
        /// Port of `service` or `host` (`destination.port`). Defaults to the port of this service that the caller
        /// called.
        port: Attr<PortNumber> = optional(),
    }
}

const HOST: &str =
    "A host outside the mesh without wildcard, like `api.example.com`; a Service of the mesh is `service`.";

fn is_host(text: &str) -> bool {
    is_external_host(text) && !text.starts_with('*')
}

/// The target of a share of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Target<'a> {
    /// The pods of a version of the service.
    Version(&'a str),
    /// Another Service, or the service itself with all its pods.
    Service(&'a ServiceReference, Option<PortNumber>),
    /// A host outside the mesh.
    Host(&'a str, Option<PortNumber>),
}

impl RouteTarget {
    /// The target that is set. It is unknown where none or several are, which validation reports.
    pub(in super::super) fn target(&self) -> Known<Target<'_>> {
        let port = self.port.copied()?;
        match (self.version.known()?, self.service.known()?, self.host.known()?) {
            (Some(version), None, None) => Ok(Target::Version(version)),
            (None, Some(service), None) => Ok(Target::Service(service, port)),
            (None, None, Some(host)) => Ok(Target::Host(host, port)),
            _ => Err(Unknown),
        }
    }

    /// Reports targets that are missing, given twice, or have a port of their own where they can't.
    pub(super) fn validate(&self, at: &Path, out: &mut Diagnostics) {
        let targets = [
            ("version", self.version.is_set(), self.version == Attr::Null),
            ("service", self.service.is_set(), self.service == Attr::Null),
            ("host", self.host.is_set(), self.host == Attr::Null),
        ];
        if targets.iter().all(|(_, _, is_null)| *is_null) {
            out.error(
                at,
                "Route destination without a target",
                "The block doesn't say where requests go. Write version (of this service), service (another Service), or host \
                 (outside the mesh).",
            );
        }
        let mut set = targets.iter().filter(|(_, is_set, _)| *is_set).map(|(name, ..)| *name);
        if let (Some(first), Some(second)) = (set.next(), set.next()) {
            out.error(
                &at.attribute(second),
                "Several targets in one block",
                format!("{first} says already where requests go. Remove one of them, or write a block for each."),
            );
        }
        if self.version.is_set() && self.port.is_set() {
            out.error(
                &at.attribute("port"),
                "Port of a version",
                "A version is part of this service, whose requests keep the port that was called. Remove port, or write service \
                 instead of version.",
            );
        }
    }
}

impl Target<'_> {
    /// Renders the target for requests that came to `port` of the service. A version must be among those that are declared.
    pub(super) fn destination(self, context: &ServiceContext, port: &Port) -> Known<Destination> {
        let on = |host: String, number: PortNumber, subset: Option<String>| Destination {
            host,
            subset,
            port: PortSelector { number },
        };
        let called = port.number()?;
        Ok(match self {
            Self::Version(name) => {
                let mut versions = context.service.versions()?.iter();
                versions.find(|version| version.name.required().is_ok_and(|other| other == name)).ok_or(Unknown)?;
                on(context.host(), called, Some(name.to_owned()))
            }
            Self::Service(service, port) => {
                let namespace = service.namespace.as_deref().unwrap_or(context.namespace);
                let host = names::service_host(&service.name, namespace, &context.mesh.cluster_domain);
                on(host, port.unwrap_or(called), None)
            }
            Self::Host(host, port) => on(host.to_owned(), port.unwrap_or(called), None),
        })
    }
}
