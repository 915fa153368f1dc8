//! Groups of the arguments of large schemas, under headings by their subjects.

use terraform_provider_mesh::schema::Member;

/// The number of optional arguments that are listed without groups.
pub(super) const UNGROUPED: usize = 12;

/// Groups of arguments of large schemas, by what they are about. Arguments that none names are in a group before them.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Cluster and credentials",
        &[
            "config_path",
            "config_paths",
            "config_context",
            "config_context_auth_info",
            "config_context_cluster",
            "host",
            "token",
            "cluster_ca_certificate",
            "client_certificate",
            "client_key",
            "insecure",
            "tls_server_name",
            "proxy_url",
            "in_cluster",
            "exec",
        ],
    ),
    ("Plans and checks", &["offline", "on_unreadable", "checks", "force_conflicts", "record_arguments"]),
    (
        "Authorization and mutual TLS",
        &[
            "access",
            "authorization_mode",
            "authorization",
            "allow",
            "deny",
            "gateway_access",
            "mtls",
            "jwt",
            "require_end_user",
            "external_authorization",
            "guardrails",
            "rbac",
        ],
    ),
    ("Outbound calls", &["calls", "outbound_traffic_policy", "sidecar", "egress_gateway"]),
    ("Routing", &["version", "route", "ingress", "headers", "cors", "settle_seconds"]),
    (
        "Timeouts, retries and connections",
        &[
            "resiliency",
            "request_timeout",
            "streaming",
            "retries",
            "circuit_breaker",
            "connections",
            "outlier_detection",
            "load_balancing",
            "failover",
            "failover_priority",
            "rate_limit",
        ],
    ),
    (
        "Existing objects and metadata",
        &[
            "object_name",
            "replaces",
            "unmanaged",
            "adopt_existing",
            "adopt_from_owner",
            "labels",
            "annotations",
            "deletion_protection",
            "force_destroy",
            "override",
            "timeouts",
        ],
    ),
];

/// The groups of the members of a large schema, with their headings. A member that would be alone in its group is general.
pub(super) fn grouped<'a>(members: &[&'a Member]) -> Vec<(&'static str, Vec<&'a Member>)> {
    let of_group = |names: &[&str]| -> Vec<&'a Member> {
        let found: Vec<&Member> = members.iter().copied().filter(|member| names.contains(&member.name)).collect();
        if found.len() > 1 { found } else { Vec::new() }
    };
    let groups: Vec<_> = GROUPS.iter().map(|(name, names)| (*name, of_group(names))).collect();
    let is_general =
        |member: &&Member| !groups.iter().any(|(_, found)| found.iter().any(|other| other.name == member.name));
    let general = members.iter().copied().filter(is_general).collect();
    std::iter::once(("General", general)).chain(groups).filter(|(_, members)| !members.is_empty()).collect()
}
