//! Whom proxies ask about requests, before any other policy is looked at.

use std::collections::BTreeSet;

use super::Site;
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        Rendered,
        istio::{
            WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, ExtensionProvider, Operation, Rule, To},
        },
        manifest::StringMap,
        port::PortNumber,
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the policy.
pub(super) const NAME: &str = "external-authorization";

/// Whom proxies ask.
#[derive(Clone, Debug)]
pub struct ExternalAuthorization {
    /// Its name in the mesh's configuration.
    pub provider: Known<String>,
    /// The labels of the workloads that ask; `None`: every workload.
    pub selector: Known<Option<StringMap>>,
    /// For these paths; `None`: for any.
    pub paths: Known<Option<BTreeSet<String>>>,
    /// But for these paths.
    pub except_paths: Known<Option<BTreeSet<String>>>,
    /// But on these ports, where workloads listen.
    pub except_ports: Known<Option<BTreeSet<PortNumber>>>,
}

pub(super) fn objects(site: &Site) -> Rendered {
    if as_known(&site.defaults.external_authorization)?.is_none() {
        return Ok(Vec::new());
    }
    let key = site.key(&kind::AUTHORIZATION_POLICY, NAME);
    Ok(vec![(key.clone(), policy(site, key))])
}

/// CUSTOM. Istio refuses the annotation for trials on it, whatever it says.
fn policy(site: &Site, key: Key) -> Known<Object> {
    let asked = as_known(&site.defaults.external_authorization)?.as_ref().ok_or(Unknown)?;
    let operation = Operation {
        paths: asked.paths.clone()?.unwrap_or_default(),
        not_paths: asked.except_paths.clone()?.unwrap_or_default(),
        not_ports: asked.except_ports.clone()?.unwrap_or_default(),
        ..Operation::default()
    };
    let to = if operation == Operation::default() { Vec::new() } else { vec![To { operation }] };
    let spec = AuthorizationPolicy {
        selector: asked.selector.clone()?.map(|match_labels| WorkloadSelector { match_labels }),
        action: "CUSTOM",
        provider: Some(ExtensionProvider { name: asked.provider.clone()? }),
        rules: vec![Rule { to, ..Rule::default() }],
    };
    site.object(key, &spec, stage::CLOSING, &[("spec", "external_authorization")])
}
