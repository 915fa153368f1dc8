//! The AuthorizationPolicy for requests that no other policy allows.

use super::Namespace;
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        Mesh, Rendered,
        global_defaults::DenyAllMode,
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Rule},
            policy_transition::ENFORCED_UNTIL_THE_END,
        },
        manifest::manifest,
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the policy that marks requests for access logs.
pub(super) const AUDIT: &str = "deny-all-audit";
/// The name of the policy that denies requests.
pub(super) const DENY_ALL: &str = "deny-all";

/// Renders the policy of `authorization_mode`; none for `off`.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    let key = |object| Key::new(&kind::AUTHORIZATION_POLICY, name, object);
    let (key, object) = match namespace.authorization_mode()? {
        DenyAllMode::Off => return Ok(Vec::new()),
        DenyAllMode::Audit => (key(AUDIT), audit(namespace, mesh, key(AUDIT))),
        mode @ (DenyAllMode::DryRun | DenyAllMode::Enforce) => {
            (key(DENY_ALL), deny_all(namespace, mesh, key(DENY_ALL), mode == DenyAllMode::DryRun))
        }
    };
    Ok(vec![(key, object)])
}

/// Renders a policy that audits every request, which an empty rule matches. A policy without rules would match none.
fn audit(namespace: &Namespace, mesh: &Mesh, key: Key) -> Known<Object> {
    let spec = AuthorizationPolicy { selector: None, action: "AUDIT", provider: None, rules: vec![Rule::default()] };
    let body = manifest(&key, namespace.metadata(mesh)?, &spec);
    Ok(Object::whole(key, body, stage::OPENING).with_origins([origin()]))
}

/// Renders an ALLOW policy with the rules of `allow`. Without rules it matches no request, so that only the requests are allowed
/// that the policy of a service allows.
fn deny_all(namespace: &Namespace, mesh: &Mesh, key: Key, dry_run: bool) -> Known<Object> {
    let (home, blocks) = (namespace.name.required()?, namespace.allow.known()?);
    let rules = blocks.iter().map(|block| block.rule(home, mesh)).collect::<Known<_>>()?;
    let spec = AuthorizationPolicy { selector: None, action: "ALLOW", provider: None, rules };
    let body = manifest(&key, namespace.metadata(mesh)?.with_annotation(DRY_RUN, dry_run.to_string()), &spec);
    let rules = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    let origins = std::iter::once(origin()).map(|(field, at)| (field.to_owned(), at)).chain(rules);
    Ok(Object::whole(key, body, stage::CLOSING).with_transition(ENFORCED_UNTIL_THE_END).with_origins(origins))
}

fn origin() -> (&'static str, Path) {
    ("spec", Path::root().attribute("authorization_mode"))
}
