//! `ingress` blocks: the VirtualServices that a gateway routes by, and the gateway as a caller.
//!
//! A gateway routes only by VirtualServices that name it, so the VirtualService for the mesh doesn't apply to it. The blocks of
//! one name make one VirtualService, in their order.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments |
//! | [`routes`] | the rules of a block for requests, and the `route` blocks that apply to them |
//! | [`connections`] | the rules of a block for connections |
//! | [`paths`] | patterns of paths |
//! | [`intersection`] | the paths that a block and a route have in common |
//! | [`validate`], [`validate_protocol`], [`validate_routes`] | rules across arguments |

mod arguments;
mod connections;
mod intersection;
mod paths;
mod routes;
mod validate;
mod validate_protocol;
mod validate_routes;

use std::collections::BTreeSet;

pub use self::arguments::{Ingress, IngressProtocol};
use self::paths::PathPattern;
pub(super) use self::routes::{RewrittenRequests, rewritten_requests};
use super::{Port, ServiceContext, origins, traffic};
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::{ExportTo, virtual_service::VirtualService},
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
            let fits = port.protocol()?.is_http() == (self.protocol()? == IngressProtocol::Http);
            if fits && (number.is_none() || Some(port.number()?) == number) {
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
    let mut origins =
        origins(&[("spec.hosts", first.at.attribute("hosts")), ("spec.gateways", first.at.attribute("gateway"))]);
    let (mut http, mut tls, mut tcp) = (Vec::new(), Vec::new(), Vec::new());
    for block in blocks {
        match block.protocol()? {
            IngressProtocol::Http => {
                for (rule, at) in routes::rules(context, block)? {
                    origins.push((format!("spec.http[{}]", http.len()), at));
                    http.push(rule);
                }
            }
            IngressProtocol::Tls => {
                origins.push((format!("spec.tls[{}]", tls.len()), block.at.clone()));
                tls.push(connections::tls(context, block)?);
            }
            IngressProtocol::Tcp => {
                origins.push((format!("spec.tcp[{}]", tcp.len()), block.at.clone()));
                tcp.push(connections::tcp(context, block)?);
            }
        }
    }
    let gateway_namespace = if account.namespace == context.namespace { "." } else { account.namespace.as_str() };
    let spec = VirtualService {
        hosts: hosts.iter().cloned().collect(),
        gateways: vec![gateway.to_string()],
        export_to: ExportTo::from([gateway_namespace.to_owned()]),
        http,
        tls,
        tcp,
    };
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(traffic::moving_in_steps(context, Object::whole(key, body, stage::ROUTES).with_origins(origins)))
}

/// The gateways, which may call the service.
pub(super) fn callers(context: &ServiceContext) -> Known<BTreeSet<Caller>> {
    context.service.ingress.known()?.iter().map(|block| block.caller()).collect()
}
