//! What must hold across arguments. Each rule runs when what *it* needs is known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allow, GlobalDefaults, Guarded, Mode, guardrails};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{Mesh, reference::Caller},
};

/// Known to be nothing.
fn is_none<T>(part: &Known<Option<T>>) -> bool {
    matches!(part, Ok(None))
}

impl GlobalDefaults {
    /// Rules that need no provider arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        self.check_says_something(out);
        self.check_authorization(out);
        self.check_gateways(out);
        self.check_routes(out);
        self.check_jwt(out);
        self.check_end_users(out);
        self.check_telemetry(out);
        self.check_guardrails(out);
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let (Ok(Some(guardrails)), Some(template)) = (&self.guardrails, &mesh.global_name_template) else { return };
        if guardrails.team_rules == Ok(true) && !guardrails::tells_namespaces_apart(&template.to_string()) {
            out.warn(
                &Path::root().attribute("guardrails").attribute("team_rules"),
                "Global names don't say whose they are",
                format!(
                    "The provider's global_name_template is {:?}, in which {{namespace}} is no part of its own, so a name may be \
                     that of services in two namespaces, and team_rules let both take it. With {{namespace}} between dots they \
                     can tell, as in \"{{name}}.{{namespace}}.example.internal\".",
                    template.to_string()
                ),
            );
        }
    }

    fn check_says_something(&self, out: &mut Diagnostics) {
        let off = match &self.authorization {
            Ok(written) => written.as_ref().is_none_or(|authorization| authorization.mode == Ok(Mode::Off)),
            Err(_) => false,
        };
        let unwritten = off
            && is_none(&self.mtls)
            && is_none(&self.sidecar)
            && is_none(&self.outbound_traffic_policy)
            && is_none(&self.resiliency)
            && is_none(&self.request_timeout)
            && self.retries.known() == Ok(None)
            && matches!(&self.jwt, Ok(jwt) if jwt.is_empty())
            && is_none(&self.require_end_user)
            && is_none(&self.external_authorization)
            && is_none(&self.telemetry)
            && is_none(&self.guardrails);
        if unwritten {
            out.error(
                &Path::root(),
                "The resource says nothing",
                "Nothing holds for the mesh that isn't written. Write mtls, authorization (with a mode other than \"off\"), \
                 sidecar, outbound_traffic_policy, resiliency, request_timeout, retries, jwt, require_end_user, \
                 external_authorization, telemetry or guardrails, or remove the resource.",
            );
        }
    }

    fn check_authorization(&self, out: &mut Diagnostics) {
        let Ok(Some(authorization)) = &self.authorization else { return };
        for block in authorization.allow.iter().flatten() {
            let Ok(from) = &block.from else { continue };
            if from.is_empty() {
                continue;
            }
            if let Some(everybody) = from.iter().find(|caller| matches!(caller, Caller::Anonymous | Caller::Any))
                && block.is_open()
            {
                out.error(
                    &block.at,
                    "Everybody may call everything",
                    format!(
                        "The block lets {} call every workload in every way, so that deny-all would deny {}. Write ports, paths, \
                         methods or ip_blocks: scrapers and health checks need a port or a path.",
                        if *everybody == Caller::Any { "every workload" } else { "everybody" },
                        if *everybody == Caller::Any { "no workload anything" } else { "nobody anything" }
                    ),
                );
            }
        }
    }

    fn check_gateways(&self, out: &mut Diagnostics) {
        let Ok(gateways) = &self.gateway_access else { return };
        if !gateways.is_empty() && is_none(&self.authorization) {
            out.error(
                &Path::root().attribute("gateway_access"),
                "gateway_access without authorization",
                "A gateway needs a way in where calls that no policy allows are refused, or counted. Write authorization; in mode \
                 \"off\" and \"audit\" nothing is made for the gateway yet.",
            );
        }
        let mut seen = BTreeSet::new();
        for gateway in gateways {
            if let (Ok(namespace), Ok(selector)) = (&gateway.namespace, &gateway.selector)
                && !seen.insert((namespace, selector))
            {
                out.error(
                    &gateway.at,
                    "A gateway is written twice",
                    "Another block means the same pods. Write all their ports into one block.",
                );
            }
        }
    }

    fn check_routes(&self, out: &mut Diagnostics) {
        if let Ok(Some(timeout)) = self.request_timeout {
            out.warn(
                &Path::root().attribute("request_timeout"),
                "A mesh-wide timeout cuts streams, too",
                format!(
                    "A route that Istio generates can't tell a stream from a request: calls to services without a mesh_service end \
                     after {timeout}, streams of gRPC and server-sent events among them. Give such services a mesh_service with \
                     streaming = true first, or leave timeouts to services."
                ),
            );
        }
        if let Ok(Some(retries)) = self.retries.known() {
            retries.validate(out);
        }
    }

    fn check_jwt(&self, out: &mut Diagnostics) {
        let Ok(jwt) = &self.jwt else { return };
        let mut seen = BTreeSet::new();
        for block in jwt {
            match (&block.jwks, &block.jwks_uri) {
                (Ok(Some(_)), Ok(Some(_))) => {
                    out.error(
                        &block.at.attribute("jwks_uri"),
                        "Two ways to the issuer's keys",
                        "jwks and jwks_uri exclude each other: the keys, or where istiod gets them. Remove one.",
                    );
                }
                (Ok(None), Ok(None)) if matches!(&block.issuer, Ok(issuer) if !issuer.starts_with("https://")) => {
                    out.error(
                        &block.at,
                        "No way to the issuer's keys",
                        "Write jwks or jwks_uri. Without them istiod asks the issuer itself, which takes an issuer that is an \
                         https:// address.",
                    );
                }
                _ => {}
            }
            if let (Ok(issuer), Ok(selector)) = (&block.issuer, &block.selector)
                && !seen.insert((issuer, selector))
            {
                out.error(
                    &block.at.attribute("issuer"),
                    "An issuer is written twice",
                    format!("Another block for the same workloads has the issuer {issuer:?}. Write one block with all audiences."),
                );
            }
            let mut headers = BTreeMap::new();
            for (claim, header) in block.claims_to_headers.iter().flatten() {
                if let Some(other) = headers.insert(header.to_ascii_lowercase(), claim) {
                    out.error(
                        &block.at.attribute("claims_to_headers").key(claim),
                        "Two claims in one header",
                        format!("{other} is in header {header:?}, too. Give each claim a header of its own."),
                    );
                }
            }
        }
    }

    fn check_end_users(&self, out: &mut Diagnostics) {
        let (Ok(Some(required)), Ok(jwt)) = (&self.require_end_user, &self.jwt) else { return };
        let at = Path::root().attribute("require_end_user");
        if jwt.is_empty() {
            out.error(
                &at,
                "Nobody's tokens are verified",
                "Every request would be refused: without a jwt block no token is ever verified. Write one for each issuer.",
            );
        } else if jwt.iter().all(|block| matches!(block.selector, Ok(Some(_)))) {
            out.warn(
                &at,
                "Some workloads verify no tokens",
                "Every jwt block has a selector, and require_end_user holds for every workload: those that no selector means refuse \
                 every request. Write a jwt block without selector, or require_end_user on services.",
            );
        }
        if is_none(&required.except_ports) {
            out.warn(
                &at,
                "TCP ports are closed",
                "A port that doesn't speak HTTP carries no tokens, so workloads refuse every connection there. Name such ports in \
                 except_ports, by where workloads listen.",
            );
        }
        if let Ok(Some(paths)) = &required.except_paths
            && let Some(all) = paths.iter().find(|path| matches!(path.as_str(), "*" | "/*" | "/{**}"))
        {
            out.error(
                &at.attribute("except_paths"),
                "No path is left that requires an end user",
                format!("\"{all}\" is every path. Leave it out, or leave out require_end_user."),
            );
        }
    }

    fn check_telemetry(&self, out: &mut Diagnostics) {
        let Ok(Some(telemetry)) = &self.telemetry else { return };
        let at = Path::root().attribute("telemetry");
        if is_none(&telemetry.tracing) && is_none(&telemetry.access_logging) && is_none(&telemetry.metrics) {
            out.error(
                &at,
                "Telemetry says nothing",
                "Write tracing, access_logging or metrics in it, or remove the block.",
            );
        }
        let Ok(Some(tracing)) = &telemetry.tracing else { return };
        if let (Ok(fixed), Ok(headers)) = (&tracing.tags, &tracing.header_tags) {
            for tag in fixed.keys().filter(|tag| headers.contains_key(*tag)) {
                out.error(
                    &at.attribute("tracing").attribute("header_tags").key(tag),
                    "A tag is written twice",
                    format!("{tag:?} is in tags, too. A tag has one value: keep one of them."),
                );
            }
        }
    }

    fn check_guardrails(&self, out: &mut Diagnostics) {
        let Ok(Some(guardrails)) = &self.guardrails else { return };
        let at = Path::root().attribute("guardrails");
        let none = |groups: &Known<BTreeSet<String>>| matches!(groups, Ok(groups) if groups.is_empty());
        if matches!(&guardrails.root_only, Ok(kinds) if kinds.is_empty()) && guardrails.team_rules == Ok(false) {
            out.error(
                &at,
                "Guardrails keep nothing from anybody",
                "Write root_only, team_rules = true, or both; or remove the block.",
            );
        }
        if matches!(&guardrails.root_only, Ok(kinds) if kinds.contains(&Guarded::PeerAuthentication))
            && none(&guardrails.exempt_groups)
        {
            out.error(
                &at.attribute("exempt_groups"),
                "Nobody could make an exception from mTLS",
                "With PeerAuthentication in root_only, an exception for a namespace or a port is refused to everybody outside the \
                 root namespace, the platform's own pipeline included. Write the groups of those who may, or take it out of \
                 root_only.",
            );
        }
        if guardrails.team_rules == Ok(false) && matches!(&guardrails.global_names, Ok(names) if !names.is_empty()) {
            out.error(
                &at.attribute("global_names"),
                "global_names without team_rules",
                "They say which names team_rules admit. Write team_rules = true, or remove them.",
            );
        }
    }
}

impl Allow {
    /// Nothing is said but who.
    fn is_open(&self) -> bool {
        is_none(&self.ports) && is_none(&self.paths) && is_none(&self.methods) && is_none(&self.ip_blocks)
    }
}
