//! What the policies of a service share: the workloads that they are for, and how far they hold.

use super::AuthorizationMode;
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, Provider, Rule},
        },
        manifest::manifest,
        service::{Site, origins},
        stage,
    },
    object::{Key, ManagementScope, Object, Transition},
};

/// What a policy does.
pub(super) enum Action {
    /// Lets in.
    Allow,
    /// Refuses.
    Deny,
    /// Asks this provider.
    Custom(String),
}

/// A policy for the service's workloads; `places` say which argument a rule comes from, by the rule's path.
pub(super) fn policy(
    site: &Site,
    key: Key,
    action: Action,
    rules: Vec<Rule>,
    places: impl IntoIterator<Item = (String, Path)>,
) -> Known<Object> {
    let mut metadata = site.metadata()?;
    let (action, provider, stage) = match action {
        Action::Allow => ("ALLOW", None, stage::OPENING),
        Action::Deny => ("DENY", None, stage::CLOSING),
        Action::Custom(name) => ("CUSTOM", Some(Provider { name }), stage::CLOSING),
    };
    // Istio refuses the annotation on CUSTOM policies, whatever it says. On others it is written when false too: so it is
    // ours, and nobody can switch enforcement off unseen.
    if provider.is_none() {
        let dry_run = site.authorization_mode()? == AuthorizationMode::DryRun;
        metadata = metadata.annotated(DRY_RUN, dry_run.to_string());
    }
    let selector = Some(WorkloadSelector { match_labels: site.selector()? });
    let spec = AuthorizationPolicy { selector, action, provider, rules };
    let mut origins = origins(&[("spec.selector", Path::root().attribute("selector"))]);
    origins.extend(places);
    Ok(Object {
        body: manifest(&key, metadata, &spec),
        key,
        scope: ManagementScope::Whole,
        stage,
        transition: Transition::InPlace,
        origins,
    })
}
