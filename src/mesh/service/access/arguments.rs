//! The arguments about callers: `allow`, `deny`, end users and external authorization.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions;
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        istio::authorization_policy::Condition, names, patterns, port::PortNumber, reference::Caller, text::text_enum,
    },
    model,
    schema::{
        Attr, Block, Blocks, Elements, Map, Set, Value,
        model::{block, is_not_empty, optional, required},
    },
};

text_enum! {
    /// Which callers are admitted where no `allow` block says so.
    pub enum Access {
        /// All workloads of the service's namespace.
        Namespace = "namespace",
        /// No caller.
        None = "none",
        /// Every workload of the mesh.
        Mesh = "mesh",
    }

    /// Whether authorization policies are enforced.
    pub enum AuthorizationMode {
        /// Other callers are refused.
        Enforce = "enforce",
        /// Other callers are admitted; Istio only counts what would be refused.
        DryRun = "dry_run",
        /// There are no policies.
        Off = "off",
    }
}

model! {
    /// Who may call, and which namespaces see the service.
    pub struct Authorization {
        /// Who may call where no `allow` block says it; `namespace` unless written. Where it is written beside `allow` blocks,
        /// both hold.
        access: Attr<Access> = optional(),
        /// How far `access`, `allow`, `deny` and `require_end_user` hold: `enforce` (the default) refuses, `dry_run` lets through
        /// and counts what would be refused, `off` writes no policy. While nothing is enforced, every namespace sees the service
        /// and no external authorizer is asked, since Istio has no trial of that. Where the mesh denies by default already,
        /// only `enforce` lets callers in.
        authorization_mode: Attr<AuthorizationMode> = optional(),
        /// Namespaces that see the service: its Service, routes and global name. By `allow` and `access` unless written. The
        /// service's own (`.`) and the provider's `gateway_namespaces` always do.
        export_to: Set<String> = optional()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, `.` for the service's own, or `*` alone.", is_export),
        /// Who may call. The blocks add up, and replace the default of `access`.
        allow: Blocks<AccessRule> = block(),
        /// Who may not call, whatever `allow` says.
        deny: Blocks<AccessRule> = block(),
        /// Requests without a verified token of an end user are refused, on HTTP ports.
        require_end_user: Block<RequireEndUser> = block(),
        /// An authorizer of the mesh is asked about requests, on HTTP ports, once `authorization_mode` is `enforce`.
        external_authorization: Block<ExternalAuthorization> = block(),
    }
}

model! {
    /// Calls, by who makes them and what they do. With an HTTP attribute (`methods`, `paths`, `hosts`, `end_user`) the block
    /// governs HTTP ports alone; other ports take a block of their own.
    pub struct AccessRule {
        /// Who. `*` is every workload of the mesh, `anonymous` everybody, with an identity or without. Sensitive values show in
        /// clear, in `objects`, `effective_callers` and in the cluster.
        from: Set<Caller> = required().non_empty("At least one caller."),
        /// HTTP methods. Defaults to all. An HTTP attribute: with one, the block governs HTTP ports alone.
        methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for any.")
            .each("Methods in capitals, like `GET`; for any, leave the argument out instead of `*`.", patterns::is_method),
        /// HTTP paths. Defaults to all. An HTTP attribute. `/charges/*` isn't `/charges`.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Hosts that requests name, with any port where none is given. Defaults to all. An HTTP attribute. Clients name
        /// what they like, so this tells names of one service apart, and keeps nobody out.
        hosts: Set<String> = optional()
            .non_empty("At least one host; leave the argument out for any.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of the Service, by number. Defaults to every port that the block governs, without `target_ports`.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for any."),
        /// Ports on which the workload listens and to which no `port` block leads, such as that of metrics. With an HTTP
        /// attribute they must speak HTTP. An `allow` block without ports opens the ports of `port` blocks alone; a `deny` block
        /// without ports and HTTP attributes holds on every port.
        target_ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for none."),
        /// Addresses that connections come from (`ipBlocks`). Defaults to all. Behind a gateway that is the gateway, not its client.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients behind a gateway (`remoteIpBlocks`): the last address in `X-Forwarded-For`, which is the one that
        /// connected to the gateway. Behind a load balancer that forwards requests this is the load balancer's, also where
        /// the mesh sets `numTrustedProxies`, by which gateways alone find the client: there `allow` of `mesh_gateway` takes the
        /// addresses. Sidecars believe the header of any caller, so `from` must name gateways alone: those of `ingress`
        /// blocks, or of the provider's `gateway_namespaces`. An HTTP attribute. Defaults to any.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// The end user whose token requests carry; any, or none, unless written. An HTTP attribute.
        end_user: Block<EndUser> = block(),
        /// Requests that the block leaves out.
        except: Block<Exceptions> = block(),
        /// Conditions on attributes that have no argument (`when`). All of them must hold.
        when: Blocks<AttributeCondition> = block(),
    }
}

model! {
    /// Requests that an `allow` or `deny` block leaves out: those that *one* of these arguments names.
    pub struct Exceptions {
        /// Callers, as in `from` (`notPrincipals` and `notNamespaces`). `*` leaves clients without an identity.
        from: Set<Caller> = optional().non_empty("At least one caller."),
        /// HTTP methods (`notMethods`). An HTTP attribute.
        methods: Set<String> = optional()
            .non_empty("At least one method.")
            .each("Methods in capitals, like `GET`.", patterns::is_method),
        /// HTTP paths (`notPaths`). An HTTP attribute.
        paths: Set<String> = optional()
            .non_empty("At least one path.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Hosts that requests name, with any port where none is given (`notHosts`). An HTTP attribute.
        hosts: Set<String> = optional()
            .non_empty("At least one host.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of the Service, by number (`notPorts`).
        ports: Set<PortNumber> = optional().non_empty("At least one port."),
        /// Addresses that connections come from (`notIpBlocks`). Behind a gateway that is the gateway, not its client.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients behind a gateway (`notRemoteIpBlocks`), under the conditions of `remote_ip_blocks`. An HTTP
        /// attribute.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
    }
}

model! {
    /// A condition on an attribute (`when`). At least one of `values` and `not_values` is required.
    pub struct AttributeCondition {
        /// The attribute: `request.headers[name]`, `request.auth.principal`, `request.auth.audiences`, `request.auth.presenter`,
        /// `request.auth.claims[name]`, `connection.sni`, `destination.ip`, or `experimental.envoy.filters.…[…]`. Those that begin
        /// with `request.` are HTTP attributes. Between sidecars `connection.sni` is a name of Istio's own.
        key: Attr<String> = required().text(conditions::KEYS, conditions::is_key),
        /// Values, one of which the attribute has. Exact, or with one `*` at the start or end; `*` alone: any value. Addresses and
        /// blocks of them for `destination.ip`. Defaults to any value, or none.
        values: Set<String> = optional().non_empty("At least one value."),
        /// Values that the attribute hasn't (`notValues`); `*` alone: the attribute is missing. Defaults to none.
        not_values: Set<String> = optional().non_empty("At least one value."),
    }
}

model! {
    /// An end user, by a token that the mesh verified. A RequestAuthentication for the issuer must exist, which the central
    /// team writes: without it there are no verified tokens.
    pub struct EndUser {
        /// Who issued the token: its claim `iss`, in full.
        issuer: Attr<String> = required().text("As tokens name it, without `*`.", |t| !t.is_empty() && !t.contains('*')),
        /// Claims of the token, each with one of the given values. Defaults to any claims.
        claims: Map<Elements<String>> = optional()
            .non_empty("At least one claim; leave the argument out for any.")
            .keys(patterns::CLAIM, patterns::is_claim)
            .check("At least one value a claim.", |claims| every_claim(claims, is_not_empty))
            .check(patterns::PATTERN, |claims| every_claim(claims, are_patterns)),
    }
}

model! {
    /// Requests without a verified token of an end user are refused, on HTTP ports. Other ports carry no tokens.
    pub struct RequireEndUser {
        /// Paths that need none, like health checks and sign-in.
        except_paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for none.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// HTTP methods that need no token (`notMethods`), on every path. A browser sends no token with a CORS preflight, so
        /// `["OPTIONS"]` lets preflights through. Defaults to none.
        except_methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for none.")
            .each("Methods in capitals, like `OPTIONS`.", patterns::is_method),
    }
}

model! {
    /// An authorizer that the mesh knows is asked about requests on HTTP ports, before `deny` and `allow` are.
    pub struct ExternalAuthorization {
        /// The name of the extension provider in the mesh's configuration.
        provider: Attr<String> = required().text("The name of a provider.", |t| !t.is_empty()),
        /// Paths that it is asked about; all unless written.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
    }
}

impl EndUser {
    /// Warns of claims that are probably meant as paths to claims within claims.
    pub(in crate::mesh) fn validate(&self, at: &Path, out: &mut Diagnostics) {
        for name in self.claims.known().ok().flatten().into_iter().flatten().map(|(name, _)| name) {
            // Names that are addresses have dots, and brackets say how the name is meant.
            if !name.contains('.') || name.contains(['/', ':', '[']) {
                continue;
            }
            out.warn(
                &at.attribute("claims"),
                "Dots don't lead to a claim within a claim",
                format!(
                    "{name:?} is the name of one claim, dots included. For a claim within a claim write \"[{}]\"; if the name has dots, \
                     \"[{name}]\".",
                    name.replace('.', "][")
                ),
            );
        }
    }

    /// Conditions on the issuer and the claims of a token. The issuer is matched by the claim `iss`, since `requestPrincipals` also
    /// needs the claim `sub`, which not every token has.
    pub(in crate::mesh) fn conditions(&self) -> Known<Vec<Condition>> {
        let condition = |claim: &str, values| Condition { values, ..Condition::claim(claim) };
        let issuer = condition("iss", BTreeSet::from([self.issuer.required()?.clone()]));
        let claims = self.claims()?.into_iter().map(|(claim, values)| condition(claim, values.clone()));
        Ok(std::iter::once(issuer).chain(claims).collect())
    }

    /// The accepted values of each claim; none where any claims are accepted.
    pub(super) fn claims(&self) -> Known<BTreeMap<&String, &BTreeSet<String>>> {
        let claims = self.claims.known()?.into_iter().flatten();
        // A claim without values, which would never match, is reported by decoding.
        claims.map(|(name, values)| Ok((name, values.required_elements()?))).collect()
    }
}

fn every_claim(claims: &Value, rule: fn(&Value) -> bool) -> bool {
    let Value::Map(claims) = claims else { return true };
    claims.values().all(rule)
}

fn are_patterns(values: &Value) -> bool {
    let Value::List(values) = values else { return true };
    values.iter().all(|value| !matches!(value, Value::String(text) if !patterns::is_pattern(text)))
}

fn is_export(text: &str) -> bool {
    matches!(text, "." | "*") || names::is_label(text)
}
