//! What the policies of a service share: the selector, and whether they are enforced.

use super::AuthorizationMode;
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, ExtensionProvider, Rule},
            policy_transition::UNITED,
        },
        manifest::manifest,
        service::{ServiceContext, origins},
        stage,
    },
    object::{Key, Object, Transition},
};

/// The action of a policy.
pub(super) enum Action {
    /// Admits matching requests.
    Allow,
    /// Refuses matching requests.
    Deny,
    /// Asks the named extension provider.
    Custom(String),
}

/// Renders a policy for the pods of the service. `rule_origins` are the arguments that rules come from, by the rules' paths.
pub(super) fn render_policy(
    context: &ServiceContext,
    key: Key,
    action: Action,
    rules: Vec<Rule>,
    rule_origins: impl IntoIterator<Item = (String, Path)>,
) -> Known<Object> {
    let mut metadata = context.metadata()?;
    let (action, provider, stage, transition) = match action {
        Action::Allow => ("ALLOW", None, stage::OPENING, Transition::InPlace),
        Action::Deny => ("DENY", None, stage::SUBTRACTING, UNITED),
        Action::Custom(name) => ("CUSTOM", Some(ExtensionProvider { name }), stage::SUBTRACTING, UNITED),
    };
    // Istio refuses the annotation on CUSTOM policies. On others it is set to "false" as well: so the provider owns it, and
    // drift shows when another tool switches enforcement off.
    if provider.is_none() {
        let dry_run = context.authorization_mode()? == AuthorizationMode::DryRun;
        metadata = metadata.with_annotation(DRY_RUN, dry_run.to_string());
    }
    let selector = Some(WorkloadSelector { match_labels: context.selector()? });
    let spec = AuthorizationPolicy { selector, action, provider, rules };
    let mut origins = origins(&[("spec.selector", Path::root().attribute("selector"))]);
    origins.extend(rule_origins);
    let body = manifest(&key, metadata, &spec);
    Ok(Object::whole(key, body, stage).with_transition(transition).with_origins(origins))
}
