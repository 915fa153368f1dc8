//! `ingress` blocks: the VirtualServices that a gateway routes by, and the gateway as a caller.
//!
//! A gateway routes only by VirtualServices that name it, so the VirtualService for the mesh doesn't apply to it. The blocks of
//! one name make one VirtualService, in their order.

mod arguments;
mod paths;
mod validate;

use std::collections::BTreeSet;

pub use self::arguments::Ingress;
use self::paths::PathPattern;
use super::{Port, ServiceContext, origins, traffic};
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::{
            ExportTo,
            virtual_service::{HttpMatch, HttpRoute, Rewrite, VirtualService},
        },
        manifest::manifest,
        reference::{Caller, NamespacedName},
        stage,
    },
    object::{Key, Object, kind},
    schema::At,
};

/// The suffix of the VirtualService; the name of the blocks follows, where they have one.
pub(super) const SUFFIX: &str = "ingress";

impl Ingress {
    /// The gateway in the form in which `from` names callers.
    pub(super) fn caller(&self) -> Known<Caller> {
        let NamespacedName { namespace, name } = self.service_account()?.clone();
        Ok(Caller::Workload { namespace: Some(namespace), service_account: name })
    }

    /// The port of the Service that receives the requests. Validation reports blocks for which there is not exactly one.
    pub(super) fn target<'a>(&self, ports: &'a [At<Port>]) -> Known<&'a At<Port>> {
        let number = self.port.copied()?;
        let mut candidates = Vec::new();
        for port in ports {
            if port.protocol()?.is_http() && (number.is_none() || Some(port.number()?) == number) {
                candidates.push(port);
            }
        }
        match candidates.as_slice() {
            [one] => Ok(one),
            _ => Err(Unknown),
        }
    }

    /// The paths, the most specific first: of `/v1/*` and `/v1/charges/*`, the first that matches decides what is rewritten.
    fn patterns(&self) -> Known<Vec<PathPattern<'_>>> {
        let mut patterns: Vec<_> =
            self.paths.elements()?.into_iter().flatten().map(|path| PathPattern::parse(path)).collect();
        patterns.sort_by(|a, b| b.specificity().cmp(&a.specificity()));
        Ok(patterns)
    }

    /// The paths after the rewrite, which the pods and their policies see. No paths stand for all.
    pub(super) fn forwarded_paths(&self) -> Known<BTreeSet<String>> {
        let rewrite = self.rewrite.known()?.map(String::as_str);
        Ok(self.patterns()?.iter().map(|pattern| pattern.rewritten(rewrite)).collect())
    }
}

/// Renders the VirtualServices, one for each name of blocks.
pub(super) fn virtual_services(context: &ServiceContext) -> Known<Vec<(Key, Known<Object>)>> {
    let mut blocks_by_name: Vec<(Option<&str>, Vec<&At<Ingress>>)> = Vec::new();
    for block in context.service.ingress.known()? {
        let name = block.name.known()?.map(String::as_str);
        match blocks_by_name.iter_mut().find(|(other, _)| *other == name) {
            Some((_, blocks)) => blocks.push(block),
            None => blocks_by_name.push((name, vec![block])),
        }
    }
    let object = |(name, blocks): (Option<&str>, Vec<&At<Ingress>>)| {
        let suffix = name.map_or_else(|| SUFFIX.to_owned(), |name| format!("{SUFFIX}-{name}"));
        let key = context.key_with(&kind::VIRTUAL_SERVICE, &suffix);
        (key.clone(), virtual_service(context, key, &blocks))
    };
    Ok(blocks_by_name.into_iter().map(object).collect())
}

/// Only the gateway's proxies need to see the VirtualService. It has no hosts of the cluster.
fn virtual_service(context: &ServiceContext, key: Key, blocks: &[&At<Ingress>]) -> Known<Object> {
    let [first, rest @ ..] = blocks else { return Err(Unknown) };
    let (gateway, account, hosts) =
        (first.gateway.required()?, first.service_account()?, first.hosts.required_elements()?);
    for other in rest {
        // Validation reports blocks of one name that differ here: their hosts would be open at the other gateway as well.
        let same = other.gateway.required()? == gateway
            && other.service_account()? == account
            && other.hosts.required_elements()? == hosts;
        if !same {
            return Err(Unknown);
        }
    }
    let gateway_namespace = if account.namespace == context.namespace { "." } else { account.namespace.as_str() };
    let spec = VirtualService {
        hosts: hosts.iter().cloned().collect(),
        gateways: vec![gateway.to_string()],
        export_to: ExportTo::from([gateway_namespace.to_owned()]),
        http: blocks.iter().map(|block| route(context, block)).collect::<Known<_>>()?,
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    let mut origins =
        origins(&[("spec.hosts", first.at.attribute("hosts")), ("spec.gateways", first.at.attribute("gateway"))]);
    origins.extend(blocks.iter().enumerate().map(|(n, block)| (format!("spec.http[{n}]"), block.at.clone())));
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::ROUTES).with_settle_time(traffic::settle_time(context)).with_origins(origins))
}

/// The default route of the service, with the matches and the rewrite of the block.
fn route(context: &ServiceContext, block: &Ingress) -> Known<HttpRoute> {
    let matches = block.patterns()?.iter().map(|pattern| HttpMatch::path(pattern.string_match())).collect();
    let rewrite = block.rewrite.known()?.cloned().map(|uri| Rewrite { uri: Some(uri), authority: None });
    Ok(HttpRoute { matches, rewrite, ..traffic::default_route(context, block.target(context.service.ports()?)?)? })
}

/// The gateways, which may call the service.
pub(super) fn callers(context: &ServiceContext) -> Known<BTreeSet<Caller>> {
    context.service.ingress.known()?.iter().map(|block| block.caller()).collect()
}
