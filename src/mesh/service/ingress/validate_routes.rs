//! Rules across `ingress` blocks and the `route` blocks that apply to them.

use super::{Ingress, IngressProtocol, intersection::BlockPath, routes::has_common_requests};
use crate::{
    diagnostics::Diagnostics,
    mesh::{
        reference::ServiceReference,
        service::{
            Service,
            traffic::{Route, RouteScope, Target},
        },
    },
    schema::At,
};

impl Service {
    /// Reports routes that have nothing in common with an `ingress` block, and those of which it isn't known.
    pub(super) fn validate_ingress_routes(&self, out: &mut Diagnostics) {
        let (Ok(routes), Ok(blocks)) = (self.routes_for(RouteScope::Ingress), self.ingress.known()) else { return };
        let mut for_requests = Vec::new();
        for block in blocks {
            match block.protocol() {
                Ok(IngressProtocol::Http) => for_requests.push(block),
                Ok(IngressProtocol::Tls | IngressProtocol::Tcp) => {}
                Err(_) => return,
            }
        }
        for route in routes {
            validate_route(route, &for_requests, out);
            self.validate_gateway_targets(route, out);
        }
    }
}

impl Service {
    /// Reports targets outside the namespace. Many services let gateways in, so a namespace's routes must not send their requests
    /// to others: guardrails refuse such VirtualServices.
    fn validate_gateway_targets(&self, route: &At<Route>, out: &mut Diagnostics) {
        let to = route.to.known().unwrap_or_default().iter().map(|block| (&block.at, &block.target));
        let mirrors = route.mirror.known().unwrap_or_default().iter().map(|block| (&block.at, &block.target));
        for (at, target) in to.chain(mirrors) {
            let argument = match target.target() {
                Ok(Target::Service(ServiceReference { namespace: Some(namespace), .. }, _))
                    if self.namespace().is_ok_and(|own| own != namespace) =>
                {
                    "service"
                }
                Ok(Target::Host(..)) => "host",
                _ => continue,
            };
            out.error(
                &at.attribute(argument),
                "Requests of a gateway leave the namespace",
                "With \"ingress\" in applies_to the gateway itself connects to the target, and its identity is one that many services let \
                 in. So its requests go to Services of this namespace alone. Write an ingress block in the service that is meant, or \
                 leave \"ingress\" out of applies_to.",
            );
        }
    }
}

fn validate_route(route: &At<Route>, blocks: &[&At<Ingress>], out: &mut Diagnostics) {
    if blocks.is_empty() {
        out.error(
            &route.at.attribute("applies_to"),
            "Route for ingress without an ingress block",
            "The service has no ingress block with protocol = \"http\", so no request from a gateway could match the \
             route. Write an ingress block, or remove \"ingress\" from applies_to.",
        );
        return;
    }
    let count = out.iter().count();
    for condition in route.r#match.known().into_iter().flatten() {
        if condition.from.is_set() {
            out.error(
                &condition.at.attribute("from"),
                "Callers in the mesh at a gateway",
                "from is about workloads that call, and at a gateway this is the gateway itself. Write the route twice: once with from, \
                 and once without, with applies_to = [\"ingress\"].",
            );
        }
        let Ok(conditions) = condition.conditions() else { continue };
        for block in blocks {
            let (Ok(patterns), Ok(rewrite)) = (block.patterns(), block.rewrite.known()) else { continue };
            let rewrite = rewrite.map(String::as_str);
            let undecidable = patterns.into_iter().find(|pattern| {
                BlockPath { pattern: Some(*pattern), rewrite }.intersect(conditions.path(), None).is_err()
            });
            if let Some(pattern) = undecidable {
                let (path, reason) = match rewrite {
                    Some(_) => ("path", "path_regex would have to match paths before the rewrite of the ingress"),
                    None => (
                        "path_regex or path",
                        "path_regex may match other paths as well, which the route must not open",
                    ),
                };
                out.error(
                    &condition.at.attribute("path_regex"),
                    "Regular expression beside paths of an ingress",
                    format!(
                        "{} admits {:?}, and {reason}. An Istio route can only have one condition on the path, so the two \
                         can't be combined. Write {path} with a value that begins like the paths of that ingress block, or \
                         remove paths and rewrite from the block.",
                        block.at,
                        pattern.to_string()
                    ),
                );
                break;
            }
        }
    }
    let is_elsewhere = |block: &&At<Ingress>| has_common_requests(block, route) == Ok(false);
    if out.iter().count() == count && blocks.iter().all(is_elsewhere) {
        out.error(
            &route.at.attribute("match"),
            "No ingress admits the route's requests",
            "No ingress block lets in a request that the route matches: by its paths, after the rewrite of the ingress, or by its \
             authority. Correct the match, add the path or host to an ingress block, or leave \"ingress\" out of applies_to.",
        );
    }
}
