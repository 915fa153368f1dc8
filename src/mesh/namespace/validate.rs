//! What must hold across arguments. Each rule runs when what *it* needs is known, so that one validation tells all mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Exception, Mtls, Namespace, Team, namespace_object};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::as_known,
    mesh::{Mesh, global_defaults::DenyAllMode, service::validate_host_is_external},
};

impl Namespace {
    /// Rules that need no provider arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        if self.injection.is_ok_and(|injection| injection.is_some()) && matches!(&self.revision, Ok(Some(_))) {
            out.error(
                &Path::root().attribute("revision"),
                "Two ways of injection",
                "injection and revision exclude each other: where both labels stand, Istio goes by istio-injection and ignores \
                 the revision. Remove one of them. (IST0123)",
            );
        }
        self.check_labels(out);
        if self.says_nothing() {
            out.error(
                &Path::root().attribute("create"),
                "The resource says nothing",
                "With create = false only what is written here is ours: write team, injection, revision, labels, annotations, \
                 calls, authorization_mode, mtls or rbac, or remove the resource.",
            );
        }
        if let Ok(Some(team)) = &self.team_rights {
            check_subjects(team, out);
        }
        if let Ok(Some(Mtls { exceptions: Ok(exceptions), .. })) = &self.mtls {
            check_exceptions(exceptions, out);
        }
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok(Some(Ok(calls))) = &self.calls {
            for to in calls {
                validate_host_is_external(to, mesh, out);
            }
        }
        if self.name.as_ref() != Ok(&mesh.root_namespace) {
            return;
        }
        let written = [
            ("calls", matches!(self.calls, Ok(Some(_)))),
            ("authorization_mode", self.authorization.is_ok_and(|mode| mode != DenyAllMode::Off)),
            ("mtls", matches!(self.mtls, Ok(Some(_)))),
        ];
        for (argument, _) in written.iter().filter(|(_, written)| *written) {
            out.error(
                &Path::root().attribute(argument),
                "This would hold for the whole mesh",
                format!(
                    "What stands in the root namespace {} holds for every namespace. Say it in mesh_global_defaults, and remove \
                     {argument} here.",
                    mesh.root_namespace
                ),
            );
        }
    }

    fn check_labels(&self, out: &mut Diagnostics) {
        let Ok(labels) = &self.labels else { return };
        let at = |key: &str| Path::root().attribute("labels").key(key);
        if labels.contains_key(namespace_object::INJECTION) {
            out.error(
                &at(namespace_object::INJECTION),
                "Reserved key",
                "istio-injection decides whether pods get a sidecar. Remove it, and write injection or revision.",
            );
        }
        if labels.contains_key(namespace_object::TEAM) && matches!(&self.team, Ok(Some(_))) {
            out.error(
                &at(namespace_object::TEAM),
                "Two teams",
                "The argument team writes the label of the same name. Remove one of them.",
            );
        }
    }

    fn says_nothing(&self) -> bool {
        self.create == Ok(false)
            && self.has_place() == Ok(false)
            && matches!(self.calls, Ok(None))
            && self.authorization == Ok(DenyAllMode::Off)
            && matches!(self.mtls, Ok(None))
            && matches!(self.team_rights, Ok(None))
    }
}

/// A binding without a subject gives nobody anything.
fn check_subjects(team: &Team, out: &mut Diagnostics) {
    let nobody = [
        as_known(&team.groups).map(BTreeSet::is_empty),
        as_known(&team.users).map(BTreeSet::is_empty),
        as_known(&team.service_accounts).map(BTreeSet::is_empty),
    ];
    if nobody.iter().all(|nobody| *nobody == Ok(true)) {
        out.error(
            &Path::root().attribute("rbac"),
            "Rights for nobody",
            "Write groups, users or service_accounts: who works in the namespace. Without them, remove the block.",
        );
    }
}

/// Ports that two blocks name, and services of which two blocks have their own idea.
fn check_exceptions(exceptions: &[Exception], out: &mut Diagnostics) {
    let (mut ports, mut selectors) = (BTreeSet::new(), BTreeMap::new());
    for exception in exceptions {
        let Ok(service) = &exception.service else { continue };
        if let Ok(port) = exception.target_port
            && !ports.insert((service, port))
        {
            out.error(
                &exception.at.attribute("port"),
                "The same port twice",
                format!(
                    "Another exception of {service} is for target port {port}, too. Say what holds there in one of them."
                ),
            );
        }
        if let Ok(selector) = &exception.selector
            && selectors.entry(service).or_insert(selector) != &selector
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
