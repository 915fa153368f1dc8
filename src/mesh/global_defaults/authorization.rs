//! What happens to calls that no policy allows: deny-all, its trials, and who keeps a way in.
//!
//! deny-all is an ALLOW policy for every workload. Its rules are the calls that every workload takes (scrapers, health
//! checks): rules of the same object, so that there is no moment in which the one holds without the other. A policy of their
//! own would by itself deny everything else.
//!
//! A gateway of somebody else has a policy of its own, in its namespace. It is there before deny-all holds and goes after it,
//! and runs dry exactly while deny-all does: where nothing is denied, it alone would close the gateway's other ports.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value as Json, json};

use super::{Site, object};
use crate::{
    diagnostics::Path,
    json_path::{at, set},
    known::{Known, Unknown, as_known},
    mesh::{
        Rendered,
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, Operation, Rule, To},
        },
        manifest::Texts,
        names,
        port::PortNumber,
        reference::Caller,
        sources::sources,
        stage,
        text::text_enum,
    },
    object::{Key, Object, Transition, UpdateStrategy, kind},
};

/// The name of what refuses, or counts.
pub(super) const DENY_ALL: &str = "deny-all";
/// The name of what marks for access logs.
pub(super) const AUDIT: &str = "deny-all-audit";

text_enum! {
    /// What happens to calls that no policy allows.
    pub enum Mode {
        /// Nothing; workloads without a policy take every call.
        Off = "off",
        /// They are marked for access logs.
        Audit = "audit",
        /// They are counted.
        DryRun = "dry_run",
        /// They are refused.
        Enforce = "enforce",
    }
}

/// What happens to calls that no policy allows.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// It.
    pub mode: Known<Mode>,
    /// Calls that every workload takes.
    pub allow: Known<Vec<Allow>>,
}

/// Calls that every workload takes. What is `None` is any.
#[derive(Clone, Debug)]
pub struct Allow {
    /// The block.
    pub at: Path,
    /// Who.
    pub from: Known<BTreeSet<Caller>>,
    /// HTTP methods.
    pub methods: Known<Option<BTreeSet<String>>>,
    /// HTTP paths.
    pub paths: Known<Option<BTreeSet<String>>>,
    /// Where workloads listen.
    pub ports: Known<Option<BTreeSet<PortNumber>>>,
    /// Where connections come from.
    pub ip_blocks: Known<Option<BTreeSet<String>>>,
}

/// A gateway of somebody else, which keeps its way in.
#[derive(Clone, Debug)]
pub struct GatewayAccess {
    /// The block.
    pub at: Path,
    /// Where its pods are.
    pub namespace: Known<String>,
    /// Their labels.
    pub selector: Known<Texts>,
    /// Where they listen.
    pub ports: Known<BTreeSet<PortNumber>>,
}

pub(super) fn objects(site: &Site) -> Rendered {
    let Some(authorization) = as_known(&site.defaults.authorization)? else { return Ok(Vec::new()) };
    let policy = |name| site.key(&kind::AUTHORIZATION_POLICY, name);
    let dry_run = match authorization.mode? {
        Mode::Off => return Ok(Vec::new()),
        Mode::Audit => return Ok(vec![(policy(AUDIT), audit(site, policy(AUDIT)))]),
        mode => mode == Mode::DryRun,
    };
    let mut objects = vec![(policy(DENY_ALL), deny_all(site, policy(DENY_ALL), authorization, dry_run))];
    for gateway in as_known(&site.defaults.gateway_access)? {
        let name = format!("gateway-access-{}", names::digest(as_known(&gateway.selector)?));
        let key = Key::new(&kind::AUTHORIZATION_POLICY, as_known(&gateway.namespace)?, &name);
        // The rule on blocks that mean the same gateway has told it.
        if objects.iter().all(|(known, _)| *known != key) {
            objects.push((key.clone(), door(site, key, gateway, dry_run)));
        }
    }
    Ok(objects)
}

/// AUDIT with a rule that matches everything; with none it would match nothing.
fn audit(site: &Site, key: Key) -> Known<Object> {
    let spec = AuthorizationPolicy { selector: None, action: "AUDIT", provider: None, rules: vec![Rule::default()] };
    site.object(key, &spec, stage::OPENING, &[("spec", "authorization")])
}

/// ALLOW: other policies add to it. Everything is written, so that everything is ours.
fn deny_all(site: &Site, key: Key, authorization: &Authorization, dry_run: bool) -> Known<Object> {
    let allow = as_known(&authorization.allow)?;
    let rules = allow.iter().map(|block| rule(site, block)).collect::<Known<_>>()?;
    let mut object = allowing(site, key, None, rules, dry_run, &[("spec", "authorization")])?;
    object.stage = stage::CLOSING;
    object.origins.extend(allow.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone())));
    Ok(object)
}

/// What a gateway takes from outside, where nobody has an identity.
fn door(site: &Site, key: Key, gateway: &GatewayAccess, dry_run: bool) -> Known<Object> {
    let operation = Operation { ports: gateway.ports.clone()?, ..Operation::default() };
    if operation == Operation::default() {
        // No port would be every port: the argument's own rule has told it.
        return Err(Unknown);
    }
    let selector = Some(WorkloadSelector { match_labels: gateway.selector.clone()? });
    let rules = vec![Rule { to: vec![To { operation }], ..Rule::default() }];
    let mut object = allowing(site, key, selector, rules, dry_run, &[("spec", "gateway_access")])?;
    object.transition = Transition::Computed { strategy: dry_last, propagation_delay: Duration::ZERO };
    Ok(object)
}

fn allowing(
    site: &Site,
    key: Key,
    selector: Option<WorkloadSelector>,
    rules: Vec<Rule>,
    dry_run: bool,
    origins: &[(&str, &str)],
) -> Known<Object> {
    let spec = AuthorizationPolicy { selector, action: "ALLOW", provider: None, rules };
    let metadata = site.metadata()?.annotated(DRY_RUN, dry_run.to_string());
    Ok(object(key, metadata, &spec, stage::OPENING, origins))
}

/// A gateway's policy that will only run dry holds until deny-all runs dry too.
fn dry_last(live: &Json, wanted: &Json) -> UpdateStrategy {
    let dry = |body: &Json| at(body, &["metadata", "annotations", DRY_RUN]) == "true";
    if dry(live) || !dry(wanted) {
        return UpdateStrategy::InPlace;
    }
    let mut first = wanted.clone();
    set(&mut first, &["metadata", "annotations", DRY_RUN], json!("false"));
    UpdateStrategy::TwoStep { intermediate: first }
}

fn rule(site: &Site, block: &Allow) -> Known<Rule> {
    let callers: BTreeSet<Caller> =
        as_known(&block.from)?.iter().map(|caller| caller.resolved(site.root(), site.mesh)).collect();
    let ip_blocks = block.ip_blocks.clone()?.unwrap_or_default();
    let operation = Operation {
        methods: block.methods.clone()?.unwrap_or_default(),
        paths: block.paths.clone()?.unwrap_or_default(),
        ports: block.ports.clone()?.unwrap_or_default(),
        ..Operation::default()
    };
    let to = if operation == Operation::default() { Vec::new() } else { vec![To { operation }] };
    let rule = Rule { from: sources(&callers, &ip_blocks, site.root(), site.mesh), to, when: Vec::new() };
    // A rule that matches everything would allow everything; an empty set is any. Rules have told both.
    if rule == Rule::default() || callers.is_empty() { Err(Unknown) } else { Ok(rule) }
}
