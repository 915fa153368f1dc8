//! A service of an application team: who it is, who may call it, whom it calls, how failures are met.
//!
//! An intent is made of parts, each known or not: an object needs some of them, and is unknown where one of those is.
//!
//! | file | objects |
//! | --- | --- |
//! | [`workload`] | Service, ServiceAccount |
//! | [`traffic`] | DestinationRule, VirtualService |
//! | [`access`] | AuthorizationPolicies; who sees the rest |
//! | [`egress`] | Sidecar |
//! | [`global_name`] | ServiceEntry |
//! | [`ingress`] | VirtualServices of gateways |
//! | [`takeover`] | none: what is left to others, and taken from them |
//! | [`overrides`] | none: patches of the others |
//! | [`validate`] | none: what must hold across arguments |
//! | [`live`] | none: what the cluster shows to be wrong |

mod access;
mod egress;
mod global_name;
mod ingress;
mod live;
mod overrides;
mod takeover;
pub mod traffic;
mod validate;
mod workload;

use std::collections::BTreeSet;

pub use access::{Access, Authorization, AuthorizationMode, Calls, EndUser, ExternalAuthorization, RequireEndUser};
pub use ingress::Ingress;
pub use overrides::{Override, Patch};
pub use takeover::{Others, ReplacedObject, Unmanaged};
pub use traffic::Traffic;
pub(super) use validate::check_host_is_external;

use super::{
    Mesh, Rendered,
    manifest::{Metadata, StringMap},
    names,
    port::{PortNumber, Protocol},
    reference::{Caller, Destination},
    resiliency::Preset,
    stage,
    text::text_enum,
};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    object::{Key, Object, Stage, kind},
};

text_enum! {
    /// What the Kubernetes Service is to us.
    pub enum Management {
        /// Somebody else's: only the annotation that says who sees it is ours.
        Existing = "existing",
        /// Ours.
        Managed = "managed",
        /// There is none: the workload calls, and isn't called by a name.
        None = "none",
    }
}

/// The parts.
#[derive(Clone, Debug)]
pub struct Service {
    /// Of the Kubernetes Service.
    pub name: Known<String>,
    /// Where it is.
    pub namespace: Known<String>,
    /// What it is called everywhere, where that is written.
    pub global_name: Known<Option<String>>,
    /// What its objects are called, where that is written.
    pub object_name: Known<Option<String>>,
    /// The labels of its workloads.
    pub selector: Known<StringMap>,
    /// In the order in which they were declared.
    pub ports: Known<Vec<Port>>,
    /// What the Kubernetes Service is to us.
    pub management: Known<Management>,
    /// The identity.
    pub service_account: Known<String>,
    /// Whether the identity is ours.
    pub create_service_account: Known<bool>,
    /// Who may call.
    pub authorization: Authorization,
    /// Whom it calls; `None` inside: the namespace's rules hold.
    pub calls: Known<Option<Known<BTreeSet<Destination>>>>,
    /// Ways in from outside.
    pub ingress: Known<Vec<Ingress>>,
    /// How failures are met.
    pub traffic: Traffic,
    /// What is left to others, and what is taken from them.
    pub others: Others,
    /// Patches, in order.
    pub overrides: Known<Vec<Override>>,
    /// On every object that we create for it.
    pub labels: Known<StringMap>,
    /// On every object that we create for it.
    pub annotations: Known<StringMap>,
}

/// A port of the Service.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its block.
    pub at: Path,
    /// What is called.
    pub number: Known<PortNumber>,
    /// What is spoken.
    pub protocol: Known<Protocol>,
    /// Where the workload listens.
    pub target_port: Known<PortNumber>,
}

/// A service with the names that all its objects need.
#[derive(Clone, Copy, Debug)]
struct Site<'a> {
    service: &'a Service,
    name: &'a str,
    namespace: &'a str,
    mesh: &'a Mesh,
}

/// What makes an object, under its key.
type Render = fn(&Site, Key) -> Known<Object>;

impl Service {
    fn site<'a>(&'a self, mesh: &'a Mesh) -> Known<Site<'a>> {
        let (name, namespace) = (as_known(&self.name)?, as_known(&self.namespace)?);
        Ok(Site { service: self, name, namespace, mesh })
    }

    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let site = self.site(mesh)?;
        as_known(&self.object_name)?;
        let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
        let mut add = |key: Key, render: Render| {
            let object = render(&site, key.clone());
            objects.push((key, object));
        };

        let service = Key::new(&kind::SERVICE, site.namespace, site.name);
        let management = self.management?;
        match management {
            Management::Managed => add(service, workload::service),
            Management::Existing => add(service, workload::visibility),
            Management::None => {}
        }
        if self.create_service_account? {
            let account = as_known(&self.service_account)?;
            add(Key::new(&kind::SERVICE_ACCOUNT, site.namespace, account), workload::service_account);
        }
        if management != Management::None {
            let global = site.has_global_name()?;
            if global {
                add(site.key(&kind::SERVICE_ENTRY), global_name::service_entry);
            }
            if !self.others.leaves(Unmanaged::DestinationRule)? {
                add(site.key(&kind::DESTINATION_RULE), traffic::destination_rule);
            }
            if !self.others.leaves(Unmanaged::VirtualService)? {
                let apart = global && self.speaks_tls()?;
                if global && !apart || self.is_routed()? {
                    add(site.key(&kind::VIRTUAL_SERVICE), traffic::virtual_service);
                }
                if apart {
                    add(site.key_with(&kind::VIRTUAL_SERVICE, global_name::SUFFIX), traffic::global_virtual_service);
                }
            }
        }
        for (key, policy) in access::policies(&site)? {
            add(key, policy);
        }
        if as_known(&self.calls)?.is_some() {
            add(site.key(&kind::SIDECAR), egress::sidecar);
        }
        objects.extend(ingress::virtual_services(&site)?);
        Ok(overrides::overridden(as_known(&self.overrides)?, &site.object_name(), objects))
    }

    /// The cluster host; `None` where there is no Service.
    pub fn host(&self, mesh: &Mesh) -> Known<Option<String>> {
        let site = self.site(mesh)?;
        Ok((self.management? != Management::None).then(|| site.host()))
    }

    /// The identity, as `from` takes it.
    pub fn principal(&self, mesh: &Mesh) -> Known<String> {
        Ok(names::principal(&mesh.trust_domain, as_known(&self.namespace)?, as_known(&self.service_account)?))
    }

    /// The preset in effect.
    pub fn effective_resiliency(&self, mesh: &Mesh) -> Known<Preset> {
        Ok(self.traffic.resiliency?.unwrap_or(mesh.defaults.resiliency))
    }

    /// Everybody who may call: those of the ALLOW policy, or `anonymous` where nothing is enforced. What a DENY policy refuses
    /// isn't taken away: it may refuse some of their requests only.
    pub fn callers(&self, mesh: &Mesh) -> Known<BTreeSet<Caller>> {
        access::callers(&self.site(mesh)?)
    }

    /// Whether proxies see requests on some port.
    fn speaks_http(&self) -> Known<bool> {
        self.speaks(Protocol::is_http)
    }

    /// Whether some port speaks such a protocol: one that is known to suffices.
    fn speaks(&self, such: fn(Protocol) -> bool) -> Known<bool> {
        let ports = self.ports()?;
        if ports.iter().any(|port| port.protocol.is_ok_and(such)) {
            return Ok(true);
        }
        ports.iter().find_map(|port| port.protocol.err()).map_or(Ok(false), Err)
    }

    fn ports(&self) -> Known<&[Port]> {
        Ok(as_known(&self.ports)?)
    }

    fn allow(&self) -> Known<&[Calls]> {
        Ok(as_known(&self.authorization.allow)?)
    }
}

impl Site<'_> {
    /// The object of `kind` that configures the service.
    fn key(&self, kind: &'static crate::object::Kind) -> Key {
        self.key_with(kind, "")
    }

    /// One of several objects of `kind`: `suffix` says what for, and is empty for the first.
    fn key_with(&self, kind: &'static crate::object::Kind, suffix: &str) -> Key {
        Key::new(kind, self.namespace, &suffixed(self.object_name(), suffix))
    }

    /// The name of the objects that configure the service. While it comes at apply, nothing is rendered.
    fn object_name(&self) -> String {
        match &self.service.object_name {
            Ok(Some(written)) => written.clone(),
            _ => names::object_name(self.name, self.namespace),
        }
    }

    fn host(&self) -> String {
        names::service_host(self.name, self.namespace, &self.mesh.cluster_domain)
    }

    fn selector(&self) -> Known<StringMap> {
        self.service.selector.clone()
    }

    fn authorization_mode(&self) -> Known<AuthorizationMode> {
        Ok(self.service.authorization.mode?.unwrap_or(self.mesh.defaults.authorization_mode))
    }

    fn resiliency(&self) -> Known<Preset> {
        self.service.effective_resiliency(self.mesh)
    }

    fn metadata(&self) -> Known<Metadata> {
        Ok(Metadata::from_mesh(self.mesh)
            .merged_with(as_known(&self.service.labels)?, as_known(&self.service.annotations)?))
    }
}

/// Every object of the service's usual name that some configuration of it renders. What another `object_name` or the name of an `ingress` gave, an id
/// can't tell.
pub fn could_render(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    let key = |kind, suffix| Key::new(kind, namespace, &suffixed(names::object_name(name, namespace), suffix));
    let policies = access::could_render().map(|(suffix, stage)| (&kind::AUTHORIZATION_POLICY, suffix, stage));
    [
        (&kind::SERVICE_ENTRY, "", stage::TARGETS),
        (&kind::DESTINATION_RULE, "", stage::TARGETS),
        (&kind::VIRTUAL_SERVICE, global_name::SUFFIX, stage::ALIASES),
        (&kind::VIRTUAL_SERVICE, "", stage::ROUTES),
        (&kind::VIRTUAL_SERVICE, ingress::SUFFIX, stage::ROUTES),
        (&kind::SIDECAR, "", stage::ROUTES),
    ]
    .into_iter()
    .chain(policies)
    .map(|(kind, suffix, stage)| (key(kind, suffix), stage))
    .collect()
}

/// A name with what says what for: `payments-pci-deny`.
fn suffixed(name: String, suffix: &str) -> String {
    if suffix.is_empty() { name } else { format!("{name}-{suffix}") }
}

/// Where the server's errors on the fields that every object shares go.
fn origins(own: &[(&str, Path)]) -> Vec<(String, Path)> {
    let shared = [
        ("metadata.name", "name"),
        ("metadata.namespace", "namespace"),
        ("metadata.labels", "labels"),
        ("metadata.annotations", "annotations"),
    ];
    shared
        .into_iter()
        .map(|(field, argument)| (field.to_owned(), Path::root().attribute(argument)))
        .chain(own.iter().map(|(field, path)| ((*field).to_owned(), path.clone())))
        .collect()
}
