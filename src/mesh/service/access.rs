//! Who may call, and who sees: one ALLOW policy, and the export that follows from it.

use std::collections::BTreeSet;

use super::{Port, Site, origins};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, part},
    mesh::{
        istio::{
            DRY_RUN, ExportTo, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, From, Operation, Rule, Source, To},
        },
        manifest::manifest,
        names,
        port::PortNumber,
        reference::Caller,
        stage,
        text::words,
    },
    object::{Holding, Key, Object, Transition},
};

words! {
    /// Who may call where `allow` doesn't say it.
    pub enum Access {
        /// The workloads of the service's namespace.
        Namespace = "namespace",
        /// Nobody.
        None = "none",
        /// Every workload of the mesh.
        Mesh = "mesh",
    }

    /// How far the rules of who may call hold.
    pub enum AuthorizationMode {
        /// Others are refused.
        Enforce = "enforce",
        /// Others are counted.
        DryRun = "dry_run",
        /// There are no rules.
        Off = "off",
    }
}

/// Who may call.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Who may call, in order.
    pub allow: Known<Vec<Allow>>,
    /// Who may call beside, where it is written.
    pub access: Known<Option<Access>>,
    /// How far the above holds, where it is written.
    pub mode: Known<Option<AuthorizationMode>>,
}

/// A rule of who may call.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Its block.
    pub at: Path,
    /// Who.
    pub from: Known<BTreeSet<Caller>>,
    /// HTTP methods; `None`: any.
    pub methods: Known<Option<BTreeSet<String>>>,
    /// HTTP paths; `None`: any.
    pub paths: Known<Option<BTreeSet<String>>>,
    /// The Service's ports; `None`: any.
    pub ports: Known<Option<BTreeSet<PortNumber>>>,
}

/// The ALLOW policy: the blocks in their order, then what `access` adds.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let allow = site.service.allow()?;
    let mut rules = allow.iter().map(|block| rule(site, block)).collect::<Known<Vec<_>>>()?;
    let access: BTreeSet<Caller> = access_caller(site)?.into_iter().collect();
    if !access.is_empty() {
        rules.push(Rule { from: sources(site, &access), to: Vec::new() });
    }
    let spec = AuthorizationPolicy {
        selector: Some(WorkloadSelector { match_labels: site.selector()? }),
        action: "ALLOW",
        rules,
    };
    // Written when false too: so it is ours, and nobody can switch enforcement off unseen.
    let dry_run = site.authorization_mode()? == AuthorizationMode::DryRun;
    let metadata = site.metadata()?.annotated(DRY_RUN, dry_run.to_string());
    let mut origins = origins(&[
        ("spec.selector", Path::root().attribute("selector")),
        ("spec.rules", Path::root().attribute("access")),
    ]);
    origins.extend(allow.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone())));
    Ok(Object {
        body: manifest(&key, metadata, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::OPENING,
        transition: Transition::InPlace,
        origins,
    })
}

fn rule(site: &Site, block: &Allow) -> Known<Rule> {
    let callers = resolved(site, block)?;
    if callers.is_empty() {
        // To Istio, no source is every source: the argument's own rule has told it.
        return Err(Unknown);
    }
    let operation = operation(site.service.ports()?, block)?;
    let anything = operation == Operation::default();
    Ok(Rule { from: sources(site, &callers), to: if anything { Vec::new() } else { vec![To { operation }] } })
}

/// What a block governs. With HTTP attributes, HTTP ports only; without, whatever ports it names, or all.
fn operation(ports: &[Port], block: &Allow) -> Known<Operation> {
    let methods = block.methods.clone()?.unwrap_or_default();
    let paths = block.paths.clone()?.unwrap_or_default();
    let http_only = !methods.is_empty() || !paths.is_empty();
    let governed = match part(&block.ports)? {
        None if !http_only => return Ok(Operation::default()),
        None => target_ports(ports, |port| Ok(port.protocol?.is_http()))?,
        Some(numbers) => {
            for number in numbers {
                known_port(ports, *number)?;
            }
            target_ports(ports, |port| Ok(numbers.contains(&port.number?) && (!http_only || port.protocol?.is_http())))?
        }
    };
    // No port at all would mean every port: the rule on such blocks has told it.
    if governed.is_empty() { Err(Unknown) } else { Ok(Operation { methods, paths, ports: governed }) }
}

/// A port that the service hasn't was told, and counts as unknown.
fn known_port(ports: &[Port], number: PortNumber) -> Known<()> {
    ports.iter().any(|port| port.number == Ok(number)).then_some(()).ok_or(Unknown)
}

/// Policies are held at the workload, which knows only where it listens.
fn target_ports(ports: &[Port], governs: impl Fn(&Port) -> Known<bool>) -> Known<BTreeSet<PortNumber>> {
    let mut targets = BTreeSet::new();
    for port in ports {
        if governs(port)? {
            targets.insert(port.target_port?);
        }
    }
    Ok(targets)
}

/// Callers as sources. None for `anonymous`, which a rule says by naming no source.
fn sources(site: &Site, callers: &BTreeSet<Caller>) -> Vec<From> {
    if callers.contains(&Caller::Anonymous) {
        return Vec::new();
    }
    let (mut principals, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for caller in callers {
        match caller {
            Caller::Anonymous => {}
            Caller::Any => {
                principals.insert("*".to_owned());
            }
            Caller::Namespace(namespace) => {
                namespaces.insert(namespace.clone());
            }
            Caller::Workload { namespace, service_account } => {
                let namespace = namespace.as_deref().unwrap_or(site.namespace);
                principals.insert(names::principal(&site.mesh.trust_domain, namespace, service_account));
            }
            Caller::Principal { trust_domain, namespace, service_account } => {
                principals.insert(names::principal(trust_domain, namespace, service_account));
            }
        }
    }
    let principals = (!principals.is_empty()).then_some(Source::Principals(principals));
    let namespaces = (!namespaces.is_empty()).then_some(Source::Namespaces(namespaces));
    principals.into_iter().chain(namespaces).map(|source| From { source }).collect()
}

/// Whom `access` lets in: where it is written, or where no block replaces its default.
fn access_caller(site: &Site) -> Known<Option<Caller>> {
    let access = match site.service.authorization.access? {
        Some(written) => written,
        None if site.service.allow()?.is_empty() => Access::Namespace,
        None => Access::None,
    };
    Ok(match access {
        Access::Namespace => Some(Caller::Namespace(site.namespace.to_owned())),
        Access::None => None,
        Access::Mesh => Some(Caller::Any),
    })
}

fn resolved(site: &Site, block: &Allow) -> Known<BTreeSet<Caller>> {
    let from = part(&block.from)?;
    Ok(from.iter().map(|caller| caller.resolved(site.namespace, site.mesh)).collect())
}

/// Everybody who may call.
pub(super) fn callers(site: &Site) -> Known<BTreeSet<Caller>> {
    if site.authorization_mode()? != AuthorizationMode::Enforce {
        return Ok(BTreeSet::from([Caller::Anonymous]));
    }
    let mut callers: BTreeSet<Caller> = access_caller(site)?.into_iter().collect();
    for block in site.service.allow()? {
        callers.extend(resolved(site, block)?);
    }
    Ok(callers)
}

/// The namespaces that see the service: its own, its callers', the gateways'. All, where anybody may call or nothing is
/// enforced yet: whoever calls today without being named still does tomorrow.
pub(super) fn export_to(site: &Site) -> Known<ExportTo> {
    let callers = callers(site)?;
    if callers.contains(&Caller::Any) || callers.contains(&Caller::Anonymous) {
        return Ok(ExportTo::from(["*".to_owned()]));
    }
    let namespaces = callers.iter().filter_map(|caller| match caller {
        Caller::Anonymous | Caller::Any => None,
        Caller::Namespace(namespace) | Caller::Principal { namespace, .. } => Some(namespace.as_str()),
        Caller::Workload { namespace, .. } => namespace.as_deref(),
    });
    let gateways = site.mesh.gateway_namespaces.iter().map(String::as_str);
    let others = namespaces.chain(gateways).filter(|namespace| *namespace != site.namespace);
    Ok(std::iter::once(".").chain(others).map(str::to_owned).collect())
}
