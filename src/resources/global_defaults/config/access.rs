//! Who may call where no policy says it.

use crate::{
    mesh::{global_defaults::Mode, names, patterns, port::PortNumber, reference::Caller},
    model,
    resources::arguments::{every, is_namespace, is_not_empty, text},
    schema::{
        Attr, Blocks, Map,
        model::{Set, block, optional, required},
    },
};

model! {
    /// Calls that no policy allows.
    pub struct Authorization {
        /// `audit` marks them for access logs, `dry_run` counts them (rightly where the services' own policies run dry too),
        /// `enforce` refuses them; `off` is as good as no block.
        mode: Attr<Mode> = required(),
        /// Calls that every workload takes all the same: scrapers, health checks. One block for each.
        allow: Blocks<Allow> = block(),
    }
}

model! {
    /// Calls that every workload takes. What a sidecar answers itself (its metrics on 15020 and 15090, probes that Istio
    /// rewrites) needs none.
    pub struct Allow {
        /// Who. `anonymous` is everybody, with an identity or without, like a scraper outside the mesh.
        from: Set<Caller> = required().check("At least one caller.", is_not_empty),
        /// Where workloads listen, by number; everywhere unless written.
        ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for any.", is_not_empty),
        /// HTTP paths; any unless written. On a port that doesn't speak HTTP, a block with paths or methods allows nothing.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for any.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
        /// HTTP methods; any unless written.
        methods: Set<String> = optional()
            .check("At least one method; leave the argument out for any.", is_not_empty)
            .check("Methods in capitals, like `GET`.", |v| every(v, patterns::is_method)),
        /// Where connections come from; anywhere unless written.
        ip_blocks: Set<String> = optional()
            .check("At least one block; leave the argument out for any.", is_not_empty)
            .check(patterns::IP_BLOCK, |v| every(v, patterns::is_ip_block)),
    }
}

model! {
    /// A gateway. Callers from outside have no identity, so everybody may call its ports; whom it passes on to which service
    /// say the services.
    pub struct GatewayAccess {
        /// Where its pods are.
        namespace: Attr<String> = required().check(names::LABEL, is_namespace),
        /// Their labels.
        selector: Map<String> = required().check("At least one label.", is_not_empty),
        /// Where they listen, by number: the Service's target ports.
        ports: Set<PortNumber> = required().check("At least one port.", is_not_empty),
    }
}

model! {
    /// An authorizer that the mesh knows.
    pub struct ExternalAuthorization {
        /// The name of the extension provider in the mesh's configuration.
        provider: Attr<String> = required().check("The name of a provider.", |v| text(v, |t| !t.is_empty())),
        /// The labels of the workloads that ask it, in every namespace; all workloads unless written. Often it's the gateways.
        selector: Map<String> = optional().check("At least one label; leave the argument out for all.", is_not_empty),
        /// Paths that it is asked about; all unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for all.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
        /// Paths that it isn't asked about, like health checks.
        except_paths: Set<String> = optional()
            .check("At least one path; leave the argument out for none.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
        /// Ports that it isn't asked about, by where workloads listen: those that don't speak HTTP, for an authorizer that
        /// speaks HTTP.
        except_ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for none.", is_not_empty),
    }
}
