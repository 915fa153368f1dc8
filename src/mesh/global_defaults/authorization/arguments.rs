//! The arguments of `authorization` and `gateway_access`.

use crate::{
    mesh::{names, patterns, port::PortNumber, reference::Caller, text::text_enum},
    model,
    schema::{
        Attr, Blocks, Map, Set,
        model::{block, optional, required},
    },
};

text_enum! {
    /// What deny-all does with requests that no policy allows.
    pub enum DenyAllMode {
        /// Nothing: workloads without a policy accept every request.
        Off = "off",
        /// Proxies mark the requests for access logs.
        Audit = "audit",
        /// Proxies count the requests that would be denied.
        DryRun = "dry_run",
        /// Proxies deny the requests.
        Enforce = "enforce",
    }
}

model! {
    /// Requests that no policy allows.
    pub struct Authorization {
        /// Handling of requests that no policy allows. `audit`: every request is marked, which an access log
        /// shows by `%DYNAMIC_METADATA(envoy.common:access_log_hint)%`. `dry_run`: they are counted, correctly if
        /// the services' own policies are in dry run too. `enforce`: they get status 403. `off`: no policy is written.
        mode: Attr<DenyAllMode> = required(),
        /// Requests that every workload admits, such as those of scrapers and health checks. One block for each.
        allow: Blocks<Allow> = block(),
    }
}

model! {
    /// Requests that every workload of the mesh or the namespace admits, in addition to the `allow` blocks of its
    /// service: they are rules of the deny-all policy, and Istio adds ALLOW policies up. Requests that the
    /// sidecar itself answers (its metrics on ports 15020 and 15090, probes that Istio rewrites) need none.
    pub struct Allow {
        /// Callers. `anonymous` (every client, such as a scraper outside the mesh) is accepted in
        /// `mesh_global_defaults` only. In `mesh_namespace` it is refused: write it in `allow` of `mesh_service`.
        from: Set<Caller> = required().non_empty("At least one caller."),
        /// Ports on which workloads listen. Defaults to all.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for any."),
        /// HTTP paths. On a port that doesn't speak HTTP, a block with paths or methods admits nothing. Defaults
        /// to all.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// HTTP methods. On a port that doesn't speak HTTP, a block with methods admits nothing. Defaults to all.
        methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for any.")
            .each("Methods in capitals, like `GET`; for any, leave the argument out instead of `*`.", patterns::is_method),
        /// Addresses that connections come from (`ipBlocks`). Defaults to all.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
    }
}

model! {
    /// A gateway of another tool. Clients outside of the mesh have no identity, so every client may call its
    /// ports; the services decide which of the gateway's requests they admit.
    pub struct GatewayAccess {
        /// Namespace of the gateway's pods.
        namespace: Attr<String> = required().text(names::LABEL, names::is_label),
        /// Labels of the gateway's pods.
        selector: Map<String> = required().non_empty("At least one label."),
        /// Ports on which the pods listen: the Service's target ports.
        ports: Set<PortNumber> = required().non_empty("At least one port."),
    }
}
