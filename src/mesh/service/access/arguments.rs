//! The arguments about callers: `allow`, `deny`, end users and external authorization.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions;
use crate::{
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
    /// The callers of a service, and the namespaces in which it is visible.
    pub struct Authorization {
        /// Callers that are admitted without an `allow` block. `namespace`: all workloads of the service's
        /// namespace. `none`: no caller. `mesh`: every workload of the mesh. If it is set beside `allow` blocks,
        /// both admit callers. Modules whose list of callers may be empty set `none`: without `allow` blocks the
        /// default would admit the namespace. Defaults to `none` with `allow` blocks, otherwise to `namespace`.
        access: Attr<Access> = optional(),
        /// Enforcement of `access`, `allow`, `deny` and `require_end_user`. `enforce`: other requests get status
        /// 403, and TCP connections are closed. `dry_run`: they are admitted, and Istio counts them. `off`: no
        /// AuthorizationPolicy is written. With `dry_run` and `off` the service is visible in every namespace,
        /// and external authorizers aren't asked, because Istio has no dry run for them. If the mesh denies by
        /// default, only `enforce` admits callers. Defaults to the provider's `defaults.authorization_mode`,
        /// otherwise to `enforce`.
        authorization_mode: Attr<AuthorizationMode> = optional(),
        /// Namespaces in which the service's Service, routes and global name are visible (`exportTo`). The
        /// service's own namespace (`.`) and the provider's `gateway_namespaces` are always included. Defaults to
        /// the namespaces of admitted callers if the provider sets `installed { outbound_traffic_policy =
        /// "registry_only" }`, otherwise to `["*"]`; for the global name always to those of the callers.
        export_to: Set<String> = optional()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, `.` for the service's own, or `*` alone.", is_export),
        /// Requests that are admitted: each block admits the requests that match all of its arguments. The blocks
        /// replace the default of `access`.
        allow: Blocks<AccessRule> = block(),
        /// Requests that are refused, even if `allow` admits them.
        deny: Blocks<AccessRule> = block(),
        /// Refusal of requests without a verified token (JWT) of an end user, on HTTP ports.
        require_end_user: Block<RequireEndUser> = block(),
        /// External authorizer of the mesh that is asked about requests on HTTP ports. It applies only with
        /// `authorization_mode = "enforce"`.
        external_authorization: Block<ExternalAuthorization> = block(),
    }
}

model! {
    /// Requests, by their caller and their content. A block with an HTTP attribute (`methods`, `paths`, `hosts`,
    /// `end_user`) applies to HTTP ports only; other ports need a block of their own.
    pub struct AccessRule {
        /// Callers. `*` is every workload of the mesh; `anonymous` is every client, with or without an identity.
        /// Sensitive values are shown in clear text in `objects`, `effective_callers` and in the cluster.
        from: Set<Caller> = required().non_empty("At least one caller."),
        /// HTTP methods. An HTTP attribute: with one, the block applies to HTTP ports only. Defaults to all.
        methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for any.")
            .each("Methods in capitals, like `GET`; for any, leave the argument out instead of `*`.", patterns::is_method),
        /// HTTP paths. `/charges/*` doesn't match `/charges`. An HTTP attribute. Defaults to all.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Hosts that requests are sent to, by their header `Host`. A pattern without a port matches any port. An
        /// HTTP attribute. Clients choose the header themselves, so this distinguishes the names of one service but
        /// keeps no client out. Defaults to all.
        hosts: Set<String> = optional()
            .non_empty("At least one host; leave the argument out for any.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of the Service, by number. Defaults to every port of the Service to which the block applies; with
        /// `target_ports` to none.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for any."),
        /// Ports on which the pods listen without a `port` block, such as a metrics port. With an HTTP attribute
        /// they must speak HTTP. An `allow` block without ports opens the ports of `port` blocks only; a `deny`
        /// block without ports and HTTP attributes applies to every port. Defaults to none.
        target_ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for none."),
        /// Addresses that connections come from (`ipBlocks`). Behind a gateway this is the gateway's address.
        /// Defaults to all.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients behind a gateway (`remoteIpBlocks`): the last address in `X-Forwarded-For`, which
        /// is the one that connected to the gateway. Behind a load balancer that forwards requests this is the
        /// load balancer's address, even if the mesh sets `numTrustedProxies`, which only gateways apply: use
        /// `allow` of `mesh_gateway` then. Sidecars trust the header of any caller, so `from` must name gateways
        /// only: those of `ingress` blocks, or of the provider's `gateway_namespaces`. An HTTP attribute.
        /// Defaults to all.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// End user whose verified token the requests carry. An HTTP attribute. Defaults to any request, with or
        /// without a token.
        end_user: Block<EndUser> = block(),
        /// Requests that the block doesn't apply to.
        except: Block<Exceptions> = block(),
        /// Conditions on attributes that no argument names (`when`). All of them must hold.
        when: Blocks<AttributeCondition> = block(),
    }
}

model! {
    /// Requests that an `allow` or `deny` block doesn't apply to: those that match *one* of these arguments.
    pub struct Exceptions {
        /// Callers, as in `from` (`notPrincipals` and `notNamespaces`). With `*`, clients without an identity
        /// remain. Defaults to none.
        from: Set<Caller> = optional().non_empty("At least one caller."),
        /// HTTP methods (`notMethods`). An HTTP attribute. Defaults to none.
        methods: Set<String> = optional()
            .non_empty("At least one method.")
            .each("Methods in capitals, like `GET`.", patterns::is_method),
        /// HTTP paths (`notPaths`). An HTTP attribute. Defaults to none.
        paths: Set<String> = optional()
            .non_empty("At least one path.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Hosts that requests are sent to, by their header `Host` (`notHosts`). A pattern without a port matches any
        /// port. An HTTP attribute. Defaults to none.
        hosts: Set<String> = optional()
            .non_empty("At least one host.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of the Service, by number (`notPorts`). Defaults to none.
        ports: Set<PortNumber> = optional().non_empty("At least one port."),
        /// Addresses that connections come from (`notIpBlocks`). Behind a gateway this is the gateway's address.
        /// Defaults to none.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients behind a gateway (`notRemoteIpBlocks`), with the conditions of the
        /// block's own `remote_ip_blocks`. An HTTP attribute. Defaults to none.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
    }
}

model! {
    /// A condition on an attribute (`when`). At least one of `values` and `not_values` is required.
    pub struct AttributeCondition {
        /// Attribute of Istio's authorization conditions: `request.headers[name]`, `request.auth.principal`,
        /// `request.auth.audiences`, `request.auth.presenter`, `request.auth.claims[name]`, `connection.sni`,
        /// `destination.ip`, or `experimental.envoy.filters.…[…]`. Attributes that begin with `request.` are HTTP
        /// attributes. Between sidecars `connection.sni` is a name that Istio generates.
        key: Attr<String> = required().text(conditions::KEYS, conditions::is_key),
        /// Accepted values: exact, or with one `*` at the start or end; `*` alone is any value. For `destination.ip`
        /// addresses and CIDR blocks. At least one of `values` and `not_values` is required.
        values: Set<String> = optional().non_empty("At least one value."),
        /// Refused values (`notValues`); with `*` alone the attribute must be missing. Defaults to none. At least one
        /// of `values` and `not_values` is required.
        not_values: Set<String> = optional().non_empty("At least one value."),
    }
}

model! {
    /// An end user, identified by a token that the mesh verified. Tokens are verified if a RequestAuthentication
    /// exists for their issuer, which a `jwt` block of `mesh_global_defaults` writes.
    pub struct EndUser {
        /// Issuer of the token: the whole value of its claim `iss`.
        issuer: Attr<String> = required().text("The exact value of the claim, without `*`.", |t| !t.is_empty() && !t.contains('*')),
        /// Claims of the token, each with its accepted values. Defaults to any claims.
        claims: Map<Elements<String>> = optional()
            .non_empty("At least one claim; leave the argument out for any.")
            .keys(patterns::CLAIM, patterns::is_claim)
            .check("At least one value a claim.", |claims| every_claim(claims, is_not_empty))
            .check(patterns::PATTERN, |claims| every_claim(claims, are_patterns)),
    }
}

model! {
    /// Refusal of requests without a verified token of an end user, on HTTP ports. Other ports carry no tokens.
    pub struct RequireEndUser {
        /// Paths that need no token, such as health checks and sign-in (`notPaths`). Defaults to none.
        except_paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for none.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// HTTP methods that need no token, on every path (`notMethods`). A browser sends no token with a CORS
        /// preflight, so `["OPTIONS"]` admits preflights. Defaults to none.
        except_methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for none.")
            .each("Methods in capitals, like `OPTIONS`.", patterns::is_method),
    }
}

model! {
    /// An external authorizer, which decides about requests on HTTP ports before `deny` and `allow` do.
    pub struct ExternalAuthorization {
        /// Name of the extension provider in `meshConfig`.
        provider: Attr<String> = required().text("The name of a provider.", |t| !t.is_empty()),
        /// Paths of the requests that the authorizer decides about. Defaults to all.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
    }
}

impl EndUser {
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
