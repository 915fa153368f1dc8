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
    /// Calls that no policy allows.
    pub struct Authorization {
        /// `audit` marks them for access logs, `dry_run` counts them (rightly where the services' own policies run dry too),
        /// `enforce` refuses them; `off` is as good as no block.
        mode: Attr<DenyAllMode> = required(),
        /// Calls that every workload takes all the same: scrapers, health checks. One block for each.
        allow: Blocks<Allow> = block(),
    }
}

model! {
    /// Requests that every workload of the mesh or the namespace accepts, whatever the `allow` blocks of its service leave out: they
    /// are rules of deny-all, and Istio adds ALLOW policies up. What a sidecar answers itself (its metrics on 15020 and 15090, probes
    /// that Istio rewrites) needs none.
    pub struct Allow {
        /// Callers. `anonymous` is every client, with an identity or without, such as a scraper outside the mesh.
        from: Set<Caller> = required().non_empty("At least one caller."),
        /// Ports on which workloads listen. Defaults to all.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for any."),
        /// HTTP paths. Defaults to all. On a port that doesn't speak HTTP, a block with paths or methods allows nothing.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// HTTP methods. Defaults to all.
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
    /// A gateway. Callers from outside have no identity, so everybody may call its ports; whom it passes on to which service
    /// say the services.
    pub struct GatewayAccess {
        /// Where its pods are.
        namespace: Attr<String> = required().text(names::LABEL, names::is_label),
        /// Their labels.
        selector: Map<String> = required().non_empty("At least one label."),
        /// Where they listen, by number: the Service's target ports.
        ports: Set<PortNumber> = required().non_empty("At least one port."),
    }
}
