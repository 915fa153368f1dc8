//! Traffic from outside: what a gateway sends to the service, and that the gateway may call.
//!
//! A gateway takes what is called and routes it by VirtualServices that name it, so it needs one of its own; that of the mesh
//! doesn't hold there. Blocks of one name are one VirtualService, tried in their order.

mod paths;
mod validate;

use std::collections::BTreeSet;

use self::paths::Pattern;
use super::{Port, Service, Site, origins, traffic};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        istio::{
            ExportTo,
            virtual_service::{HttpMatch, HttpRoute, Rewrite, VirtualService},
        },
        manifest::manifest,
        port::PortNumber,
        reference::{Caller, NamespacedName},
        stage,
    },
    object::{Key, ManagementScope, Object, Transition, kind},
};

/// The suffix of the VirtualService; the name of the blocks follows, where they have one.
pub(super) const SUFFIX: &str = "ingress";

/// A way in.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Its block.
    pub at: Path,
    /// What tells it from other ways in, where that is written.
    pub name: Known<Option<String>>,
    /// The Gateway.
    pub gateway: Known<NamespacedName>,
    /// The gateway's identity, where it isn't called like the Gateway.
    pub service_account: Known<Option<NamespacedName>>,
    /// Hosts that are called from outside.
    pub hosts: Known<BTreeSet<String>>,
    /// `None`: all.
    pub paths: Known<Option<BTreeSet<String>>>,
    /// The port of the Service, where that is written.
    pub port: Known<Option<PortNumber>>,
    /// What takes the place of the matched path, or of its part before `*`.
    pub rewrite: Known<Option<String>>,
}

impl Ingress {
    /// Ownership requests they are.
    fn account(&self) -> Known<NamespacedName> {
        match as_known(&self.service_account)? {
            Some(written) => Ok(written.clone()),
            None => self.gateway.clone(),
        }
    }

    /// The gateway, as `from` names callers.
    pub(super) fn caller(&self) -> Known<Caller> {
        let NamespacedName { namespace, name } = self.account()?;
        Ok(Caller::Workload { namespace: Some(namespace), service_account: name })
    }

    /// The one port that takes it. Where it isn't clear which, a check has told it.
    pub(super) fn port<'a>(&self, ports: &'a [Port]) -> Known<&'a Port> {
        let written = self.port?;
        let mut candidates = Vec::new();
        for port in ports {
            if port.protocol?.is_http() && (written.is_none() || Some(port.number?) == written) {
                candidates.push(port);
            }
        }
        match candidates.as_slice() {
            [one] => Ok(one),
            _ => Err(Unknown),
        }
    }

    /// The paths, the most specific first: of `/v1/*` and `/v1/charges/*` the first to match says what is rewritten.
    fn patterns(&self) -> Known<Vec<Pattern<'_>>> {
        let mut patterns: Vec<_> = as_known(&self.paths)?.iter().flatten().map(|path| Pattern::of(path)).collect();
        patterns.sort_by(|a, b| b.specificity().cmp(&a.specificity()));
        Ok(patterns)
    }

    /// The paths that the workload, and so its policies, see; none: all.
    pub(super) fn seen_paths(&self) -> Known<BTreeSet<String>> {
        let rewrite = as_known(&self.rewrite)?.as_deref();
        Ok(self.patterns()?.iter().map(|pattern| pattern.rewritten(rewrite)).collect())
    }
}

/// The VirtualServices: one for each name.
pub(super) fn virtual_services(site: &Site) -> Known<Vec<(Key, Known<Object>)>> {
    let mut named: Vec<(Option<&str>, Vec<&Ingress>)> = Vec::new();
    for block in site.service.ingress()? {
        let name = as_known(&block.name)?.as_deref();
        match named.iter_mut().find(|(other, _)| *other == name) {
            Some((_, blocks)) => blocks.push(block),
            None => named.push((name, vec![block])),
        }
    }
    let object = |(name, blocks): (Option<&str>, Vec<&Ingress>)| {
        let suffix = name.map_or_else(|| SUFFIX.to_owned(), |name| format!("{SUFFIX}-{name}"));
        let key = site.key_with(&kind::VIRTUAL_SERVICE, &suffix);
        (key.clone(), virtual_service(site, key, &blocks))
    };
    Ok(named.into_iter().map(object).collect())
}

/// Only the gateway's proxies need to see it. Unlike the mesh's, it has no hosts of the cluster.
fn virtual_service(site: &Site, key: Key, blocks: &[&Ingress]) -> Known<Object> {
    let [first, others @ ..] = blocks else { return Err(Unknown) };
    let (gateway, account, hosts) = (as_known(&first.gateway)?, first.account()?, as_known(&first.hosts)?);
    for other in others {
        // Hosts at a gateway that another block names would be open there: a check has told it.
        if as_known(&other.gateway)? != gateway || other.account()? != account || as_known(&other.hosts)? != hosts {
            return Err(Unknown);
        }
    }
    let seen_by = if account.namespace == site.namespace { "." } else { account.namespace.as_str() };
    let spec = VirtualService {
        hosts: hosts.iter().cloned().collect(),
        gateways: vec![gateway.to_string()],
        export_to: ExportTo::from([seen_by.to_owned()]),
        http: blocks.iter().map(|block| route(site, block)).collect::<Known<_>>()?,
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    let mut origins =
        origins(&[("spec.hosts", first.at.attribute("hosts")), ("spec.gateways", first.at.attribute("gateway"))]);
    origins.extend(blocks.iter().enumerate().map(|(n, block)| (format!("spec.http[{n}]"), block.at.clone())));
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins,
    })
}

/// As the requests that no `route` takes, but for what is called.
fn route(site: &Site, block: &Ingress) -> Known<HttpRoute> {
    let matches = block.patterns()?.iter().map(|pattern| HttpMatch::path(pattern.matched())).collect();
    let rewrite = block.rewrite.clone()?.map(|uri| Rewrite { uri: Some(uri), authority: None });
    Ok(HttpRoute { matches, rewrite, ..traffic::usual(site, block.port(site.service.ports()?)?)? })
}

impl Service {
    pub(super) fn ingress(&self) -> Known<&[Ingress]> {
        Ok(as_known(&self.ingress)?)
    }
}

/// The gateways that may call.
pub(super) fn callers(site: &Site) -> Known<BTreeSet<Caller>> {
    site.service.ingress()?.iter().map(Ingress::caller).collect()
}
