//! `mesh_service`: a service of an application team, its callers, its own calls and its traffic. An object is unknown where an
//! argument that it needs is.
//!
//! | file | objects |
//! | --- | --- |
//! | [`arguments`] | none: the arguments with their defaults |
//! | [`workload`] | Service, ServiceAccount |
//! | [`traffic`] | DestinationRule, VirtualService |
//! | [`access`] | AuthorizationPolicies, and the namespaces that see the other objects |
//! | [`egress`] | Sidecar |
//! | [`global_name`] | ServiceEntry |
//! | [`ingress`] | VirtualServices of gateways |
//! | [`takeover`] | none: kinds left to other tools, and objects taken over |
//! | [`validate`] | none: rules across arguments |
//! | [`live`] | none: live checks |
//! | [`change`] | none: checks of a change |

mod access;
mod arguments;
mod change;
mod egress;
mod global_name;
mod ingress;
mod live;
mod takeover;
pub mod traffic;
mod validate;
mod workload;

use std::collections::BTreeSet;

pub use access::{
    Access, AccessRule, AttributeCondition, Authorization, AuthorizationMode, EndUser, Exceptions,
    ExternalAuthorization, RequireEndUser,
};
pub use arguments::{Outputs, Port, Service};
pub use ingress::{Ingress, IngressProtocol};
pub use takeover::{ReplacedObject, TakeoverArguments, Unmanaged};
pub use traffic::Traffic;
pub(super) use validate::validate_host_is_external;

use super::{
    Mesh, Rendered,
    manifest::{Metadata, StringMap},
    names,
    overrides::{apply_overrides, suffix_after, validate_overrides},
    port::Protocol,
    reference::Caller,
    resiliency::Preset,
    stage,
    text::text_enum,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, any},
    object::{Key, Object, Stage, kind},
    schema::{At, Attr, Elements},
};

text_enum! {
    /// Who manages the Kubernetes Service.
    pub enum ServiceManagement {
        /// Another tool does; only its `networking.istio.io/exportTo` annotation is set.
        Existing = "existing",
        /// This resource creates it.
        Managed = "managed",
        /// The workload has no Service: it calls others, and no caller names it.
        None = "none",
    }
}

/// The arguments that all objects of a service need: the service, its name and namespace, and the mesh.
#[derive(Clone, Copy, Debug)]
struct ServiceContext<'a> {
    service: &'a Service,
    name: &'a str,
    namespace: &'a str,
    mesh: &'a Mesh,
}

/// Renders the object with the given key.
type Render = fn(&ServiceContext, Key) -> Known<Object>;

impl Service {
    fn context<'a>(&'a self, mesh: &'a Mesh) -> Known<ServiceContext<'a>> {
        let (name, namespace) = (self.name()?, self.namespace()?);
        Ok(ServiceContext { service: self, name, namespace, mesh })
    }

    /// Renders the objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let objects = self.unpatched_objects(mesh)?;
        let context = self.context(mesh)?;
        Ok(apply_overrides(self.r#override.known()?, &|key| context.override_suffix(key), objects))
    }

    /// The objects without the patches of `override` blocks.
    fn unpatched_objects(&self, mesh: &Mesh) -> Rendered {
        let context = self.context(mesh)?;
        self.object_name.known()?;
        let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
        let mut add = |key: Key, render: Render| {
            let object = render(&context, key.clone());
            objects.push((key, object));
        };

        let management = self.management()?;
        if self.create_service_account()? {
            let account = self.service_account()?;
            add(Key::new(&kind::SERVICE_ACCOUNT, context.namespace, account), workload::service_account);
        }
        if management != ServiceManagement::None {
            let has_global_name = context.has_global_name()?;
            if has_global_name {
                add(context.key(&kind::SERVICE_ENTRY), global_name::service_entry);
            }
            if !self.takeover.is_unmanaged(Unmanaged::DestinationRule)? && self.has_traffic_policy(mesh)? {
                add(context.key(&kind::DESTINATION_RULE), traffic::destination_rule);
            }
            if !self.takeover.is_unmanaged(Unmanaged::VirtualService)? {
                let is_separate = has_global_name && self.speaks_tls()?;
                if has_global_name && !is_separate || self.is_routed(mesh)? {
                    add(context.key(&kind::VIRTUAL_SERVICE), traffic::virtual_service);
                }
                if is_separate {
                    add(context.key_with(&kind::VIRTUAL_SERVICE, global_name::SUFFIX), traffic::global_virtual_service);
                }
            }
        }
        for (key, policy) in access::policies(&context)? {
            add(key, policy);
        }
        if self.calls.known()?.is_some() {
            add(context.key(&kind::SIDECAR), egress::sidecar);
        }
        objects.extend(ingress::virtual_services(&context)?);
        let is_route = |(key, _): &(Key, _)| [&kind::VIRTUAL_SERVICE, &kind::DESTINATION_RULE].contains(&key.kind);
        let render_service: Option<Render> = match management {
            ServiceManagement::Managed => Some(workload::service),
            ServiceManagement::Existing if access::sets_annotation(&context, objects.iter().any(is_route))? => {
                Some(workload::export_annotation)
            }
            ServiceManagement::Existing | ServiceManagement::None => None,
        };
        if let Some(render) = render_service {
            let key = Key::new(&kind::SERVICE, context.namespace, context.name);
            objects.insert(0, (key.clone(), render(&context, key)));
        }
        Ok(objects)
    }

    /// The computed attributes.
    pub fn outputs(&self, mesh: &Mesh) -> Outputs {
        let callers = self
            .callers(mesh)
            .map(|callers| callers.map(|callers| callers.iter().map(Caller::to_string).collect::<Elements<_>>()));
        Outputs {
            host: Attr::computed_option(self.host(mesh)),
            global_host: Attr::computed_option(self.global_host(mesh)),
            principal: Attr::computed(self.principal(mesh)),
            effective_resiliency: Attr::computed_option(self.effective_resiliency(mesh)),
            effective_callers: Attr::computed_option(callers),
        }
    }

    /// Reports faults of `override` blocks.
    fn validate_overrides(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let (Ok([_, ..]), Ok(context)) = (self.r#override.known(), self.context(mesh)) {
            let objects = self.unpatched_objects(mesh);
            validate_overrides(&self.r#override, &|key| context.override_suffix(key), &objects, out);
        }
    }

    /// The cluster host; `None` where there is no Service.
    fn host(&self, mesh: &Mesh) -> Known<Option<String>> {
        let context = self.context(mesh)?;
        Ok((self.management()? != ServiceManagement::None).then(|| context.host()))
    }

    /// The principal of the pods, in the form that `from` accepts.
    fn principal(&self, mesh: &Mesh) -> Known<String> {
        Ok(names::principal(&mesh.trust_domain, self.namespace()?, self.service_account()?))
    }

    /// The resiliency preset in effect; `None` where neither the service nor the provider sets one.
    fn effective_resiliency(&self, mesh: &Mesh) -> Known<Option<Preset>> {
        Ok(self.traffic.resiliency.copied()?.or(mesh.defaults.resiliency))
    }

    /// The callers that the ALLOW policy admits, or `anonymous` where nothing is enforced. Callers that a DENY policy refuses
    /// are among them, since it may refuse only some of their requests. `None` where a patch of a policy decides.
    fn callers(&self, mesh: &Mesh) -> Known<Option<BTreeSet<Caller>>> {
        if self.overrides_policies()? {
            return Ok(None);
        }
        access::callers(&self.context(mesh)?).map(Some)
    }

    /// Whether some port speaks HTTP, so that proxies see requests there.
    fn speaks_http(&self) -> Known<bool> {
        self.speaks(Protocol::is_http)
    }

    /// Whether some port has a protocol that `matches`. The result is known as soon as one such port is.
    fn speaks(&self, matches: fn(Protocol) -> bool) -> Known<bool> {
        any(self.ports()?.iter().map(|port| port.protocol().map(matches)))
    }

    fn allow(&self) -> Known<&[At<AccessRule>]> {
        self.authorization.allow.known()
    }
}

impl ServiceContext<'_> {
    /// The key of the object of `kind` that configures the service.
    fn key(&self, kind: &'static crate::object::Kind) -> Key {
        self.key_with(kind, "")
    }

    /// The key of an object of `kind` whose name ends with `suffix`, for kinds of which a service has several objects. Without
    /// a suffix it is that of [`key`](Self::key).
    fn key_with(&self, kind: &'static crate::object::Kind, suffix: &str) -> Key {
        Key::new(kind, self.namespace, &with_suffix(self.object_name(), suffix))
    }

    /// The name of the objects that configure the service. No object is rendered while the argument `object_name` is unknown.
    fn object_name(&self) -> String {
        match &self.service.object_name {
            Attr::Known(name) => name.clone(),
            _ => names::object_name(self.name, self.namespace),
        }
    }

    /// The suffix by which an `override` block chooses the object. The Service has a name of its own, and there is only one.
    fn override_suffix(&self, key: &Key) -> Option<String> {
        if *key.kind == kind::SERVICE { Some(String::new()) } else { suffix_after(&self.object_name(), key) }
    }

    fn host(&self) -> String {
        names::service_host(self.name, self.namespace, &self.mesh.cluster_domain)
    }

    fn selector(&self) -> Known<StringMap> {
        self.service.selector()
    }

    fn authorization_mode(&self) -> Known<AuthorizationMode> {
        self.service.authorization.authorization_mode.or(self.mesh.defaults.authorization_mode)
    }

    fn resiliency(&self) -> Known<Option<Preset>> {
        self.service.effective_resiliency(self.mesh)
    }

    fn metadata(&self) -> Known<Metadata> {
        Ok(Metadata::from_mesh(self.mesh)
            .merged_with(&self.service.labels.elements_or_empty()?, &self.service.annotations.elements_or_empty()?))
    }
}

/// The objects that some configuration of a service renders under their default names, with their stages. An id doesn't
/// include the names that `object_name` or the name of an `ingress` block gives.
pub fn possible_objects(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    let key = |kind, suffix| Key::new(kind, namespace, &with_suffix(names::object_name(name, namespace), suffix));
    let policies = access::possible_objects().map(|(suffix, stage)| (&kind::AUTHORIZATION_POLICY, suffix, stage));
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

/// Appends a suffix to the name of an object: `payments-pci-deny`.
fn with_suffix(name: String, suffix: &str) -> String {
    if suffix.is_empty() { name } else { format!("{name}-{suffix}") }
}

/// The arguments that set the fields of an object, as pairs of a field and the path of an argument: those of the fields that
/// all objects have, and `own` ones.
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
