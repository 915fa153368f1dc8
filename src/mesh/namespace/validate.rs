//! Rules across arguments. Each runs as soon as the values that it needs are known, so that one validation reports all
//! mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{MtlsException, Namespace, Rbac, namespace_object, rate_limit};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{
        Mesh, global_defaults::DenyAllMode, istio, labels, reference::Caller, service::validate_host_is_external,
        telemetry, unlisted_calls,
    },
    schema::At,
};

impl Namespace {
    /// Reports violations of rules that need no provider arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        unlisted_calls::validate(&self.outbound_traffic_policy, &self.calls, out);
        let exceptions = self.mtls_exceptions();
        for exception in exceptions {
            labels::validate_selector(&exception.selector, &exception.at.attribute("selector"), out);
        }
        if self.injection.is_set() && self.revision.is_set() {
            out.error(
                &Path::root().attribute("revision"),
                "injection combined with revision",
                "injection and revision conflict: with both labels Istio goes by istio-injection and ignores \
                 the revision. Remove one of them. (IST0123)",
            );
        }
        self.validate_label_keys(out);
        self.validate_pod_security(out);
        self.validate_allow(out);
        if let Ok(blocks) = self.rate_limit.known() {
            rate_limit::validate(blocks, out);
        }
        if let Ok(blocks) = self.telemetry.known() {
            telemetry::validate(blocks, out);
        }
        if self.renders_no_objects() {
            out.error(
                &Path::root().attribute("create"),
                "No objects to create: set at least one argument",
                "With create = false only what is set here is managed: write team, injection, revision, labels, annotations, \
                 pod_security, calls, authorization_mode, rate_limit, telemetry, mtls or rbac, or remove the resource.",
            );
        }
        if let Ok(Some(rbac)) = self.rbac.known() {
            validate_subjects(rbac, out);
        }
        validate_exceptions(exceptions, out);
    }

    /// Reports violations of rules that need the provider's arguments.
    pub fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok(Some(calls)) = self.calls.elements() {
            for destination in calls {
                validate_host_is_external(destination, mesh, out);
            }
        }
        unlisted_calls::validate_in_mesh(&self.outbound_traffic_policy, &self.calls, mesh, out);
        self.validate_overrides(mesh, out);
        if self.name.required() == Ok(&mesh.root_namespace) {
            self.validate_root_namespace(mesh, out);
        }
    }

    /// Reports arguments that would apply to the whole mesh, since Istio applies objects in the root namespace to all
    /// namespaces. `mesh_global_defaults` configures these.
    fn validate_root_namespace(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let mesh_wide = [
            ("calls", self.calls.is_set()),
            ("authorization_mode", self.authorization_mode().is_ok_and(|mode| mode != DenyAllMode::Off)),
            ("rate_limit", self.rate_limit.known().is_ok_and(|blocks| !blocks.is_empty())),
            ("telemetry", self.telemetry.known().is_ok_and(|blocks| !blocks.is_empty())),
            ("mtls", self.mtls.is_set()),
        ];
        for (argument, _) in mesh_wide.iter().filter(|(_, is_set)| *is_set) {
            out.error(
                &Path::root().attribute(argument),
                "Namespace objects would apply to the whole mesh",
                format!(
                    "Configuration in the root namespace {} applies to every namespace. Configure it in mesh_global_defaults, and remove \
                     {argument} here.",
                    mesh.root_namespace
                ),
            );
        }
    }

    /// Reports `allow` blocks that admit every request, and those without a deny-all whose rules they would be.
    fn validate_allow(&self, out: &mut Diagnostics) {
        let Ok(blocks) = self.allow.known() else { return };
        for block in blocks {
            if block.from.required_elements().is_ok_and(|from| from.contains(&Caller::Anonymous)) {
                // While mutual TLS and deny-all change in one apply, the rule would admit clear text that strict mutual TLS refuses.
                out.error(
                    &block.at.attribute("from"),
                    "anonymous in allow of a namespace",
                    "The block is for callers with an identity: an account, a namespace or \"*\". Clients without one are let in \
                     service by service: write allow { from = [\"anonymous\"] } in the mesh_service, and an exception block of mtls for \
                     its port where mutual TLS is strict.",
                );
            } else {
                block.validate(out);
            }
        }
        if !blocks.is_empty() && matches!(self.authorization_mode(), Ok(DenyAllMode::Off | DenyAllMode::Audit)) {
            out.error(
                &Path::root().attribute("allow"),
                "allow without deny-all",
                "allow adds rules to the deny-all policy of the namespace, which isn't written with this \
                 authorization_mode. Without that policy the rules alone would refuse all other requests. Write \
                 authorization_mode = \"dry_run\" or \"enforce\", or remove the allow blocks.",
            );
        }
    }

    /// Reports labels that an argument sets.
    fn validate_label_keys(&self, out: &mut Diagnostics) {
        let Ok(labels) = self.labels.elements_or_empty() else { return };
        let at = |key: &str| Path::root().attribute("labels").key(key);
        if labels.contains_key(istio::INJECTION) {
            out.error(
                &at(istio::INJECTION),
                "Reserved key",
                "istio-injection decides whether pods get a sidecar. Remove it, and write injection or revision.",
            );
        }
        if labels.contains_key(namespace_object::TEAM) && self.team.is_set() {
            out.error(
                &at(namespace_object::TEAM),
                "team combined with a label team",
                "The argument team writes the label of the same name. Remove one of them.",
            );
        }
    }

    /// Whether it is known that no argument renders an object.
    fn renders_no_objects(&self) -> bool {
        self.create() == Ok(false)
            && self.sets_namespace_fields() == Ok(false)
            && self.calls.known() == Ok(None)
            && self.authorization_mode() == Ok(DenyAllMode::Off)
            && self.rate_limit.known() == Ok(&[])
            && self.telemetry.known() == Ok(&[])
            && self.mtls.known() == Ok(None)
            && self.rbac.known() == Ok(None)
    }

    /// Returns the exceptions of the `mtls` block; none while the blocks are unknown.
    pub(super) fn mtls_exceptions(&self) -> &[At<MtlsException>] {
        match self.mtls.known() {
            Ok(Some(mtls)) => mtls.exception.known().unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Reports an `rbac` block without a subject, which grants no rights.
fn validate_subjects(rbac: &At<Rbac>, out: &mut Diagnostics) {
    let is_empty = [
        rbac.groups.elements_or_empty().map(|groups| groups.is_empty()),
        rbac.users.elements_or_empty().map(|users| users.is_empty()),
        rbac.service_accounts.elements_or_empty().map(|accounts| accounts.is_empty()),
    ];
    if is_empty.iter().all(|is_empty| *is_empty == Ok(true)) {
        out.error(
            &rbac.at,
            "rbac without groups, users or service_accounts",
            "Write groups, users or service_accounts: who works in the namespace. Without them, remove the block.",
        );
    }
}

/// Reports two exceptions for one port, exceptions of one service that select different pods, and exceptions of two services
/// that select the same pods.
fn validate_exceptions(exceptions: &[At<MtlsException>], out: &mut Diagnostics) {
    let (mut ports, mut selectors) = (BTreeSet::new(), BTreeMap::new());
    for exception in exceptions {
        let Ok(service) = exception.service.required() else { continue };
        if let Ok(port) = exception.target_port()
            && !ports.insert((service, port))
        {
            out.error(
                &exception.at.attribute("port"),
                "Duplicate port",
                format!("Another exception of {service} is for target port {port}, too. Set its mode in one of them."),
            );
        }
        if let Ok(selector) = exception.selector()
            && let Some((other, _)) = selectors.iter().find(|(other, known)| **other != service && **known == selector)
        {
            out.error(
                &exception.at.attribute("service"),
                "Two services of the same pods",
                format!(
                    "Exceptions of {other} are for the same pods, and Istio applies only one PeerAuthentication to a pod, the \
                     oldest. Write service = \"{other}\" here, too, and the port by its target_port."
                ),
            );
        } else if let Ok(selector) = exception.selector()
            && *selectors.entry(service).or_insert_with(|| selector.clone()) != selector
        {
            out.error(
                &exception.at.attribute("selector"),
                "Two selectors of one service",
                format!(
                    "The exceptions of {service} share one PeerAuthentication, since Istio merges no two for one workload. Write \
                     the same selector in each."
                ),
            );
        }
    }
}
