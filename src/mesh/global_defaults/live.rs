//! Live checks: contradictions between the defaults and the installed mesh, whose configuration is in one ConfigMap for each
//! revision.

use super::{GlobalDefaults, live_authorization, narrow_exports};
use crate::{
    json_path::{at, text},
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{
                HiddenLocality, MeshExport, MeshOutbound, MeshRetries, MeshTls, MissingProvider, NarrowExports,
                PathNormalization, UnlistedAuthorizer,
            },
            Findings, LiveQuery,
        },
        istio::sidecar::OutboundMode,
        locality_check,
        mesh_config::{self, MeshConfig},
        outbound_policy::mesh_config_allows_any,
        provider_check::check_provider,
        telemetry,
    },
    query::{Query, QueryResults},
};

impl GlobalDefaults {
    /// The queries of the live checks.
    pub fn live_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let checks = &[
            HiddenLocality,
            MeshExport,
            MeshOutbound,
            MeshRetries,
            MeshTls,
            MissingProvider,
            NarrowExports,
            PathNormalization,
            UnlistedAuthorizer,
        ];
        let mut queries: Vec<LiveQuery> =
            mesh_config::keys(mesh).map(|key| LiveQuery { query: Query::Get(key), checks }).collect();
        queries.extend(narrow_exports::live_queries(self, mesh));
        queries.extend(live_authorization::live_queries(self));
        queries
    }

    /// The live checks.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        for installed in mesh_config::read(mesh, results) {
            check_exports(&installed, out);
            check_tls(&installed, out);
            self.check_retries(&installed, out);
            self.check_outbound(&installed, out);
            self.check_providers(&installed, out);
        }
        // The check is skipped where it needs an unknown value or a query without a result.
        let _ = narrow_exports::check(self, mesh, results, out);
        live_authorization::live_checks(self, mesh, rendered, results, out);
        if self.disables_locality() {
            locality_check::check_mesh_configs(&mesh_config::read(mesh, results), out);
        }
    }

    /// Gateways, and routes of other tools' VirtualServices that don't set retries, go by the mesh configuration, whose default is
    /// two retries.
    fn check_retries(&self, installed: &MeshConfig, out: &mut Findings) {
        let attempts = at(&installed.config, &["defaultHttpRetryPolicy", "attempts"]);
        if self.disables_retries() && attempts.as_i64() != Some(0) {
            out.report(
                MeshRetries,
                if self.retries.is_set() { "retries" } else { "resiliency" },
                "The installed mesh still retries requests",
                &format!(
                    "These defaults switch retries off for callers with a sidecar. Gateways, and routes of VirtualServices that don't \
                     set retries, go by defaultHttpRetryPolicy in ConfigMap {}, and Istio retries twice by default. Set \
                     defaultHttpRetryPolicy: {{ attempts: 0 }} where Istio is installed.",
                    installed.name
                ),
            );
        }
    }

    /// A Sidecar of another tool that doesn't set an outbound traffic policy gets the policy of the mesh configuration, not of
    /// these defaults.
    fn check_outbound(&self, installed: &MeshConfig, out: &mut Findings) {
        let allows_any = mesh_config_allows_any(&installed.config);
        if self.outbound_traffic_policy() == Ok(Some(OutboundMode::RegistryOnly)) && allows_any {
            let argument = if self.outbound_traffic_policy.is_set() { "outbound_traffic_policy" } else { "sidecar" };
            out.report(
                MeshOutbound,
                argument,
                "The installed mesh lets every call out",
                &format!(
                    "In ConfigMap {}, outboundTrafficPolicy is ALLOW_ANY: it holds for every Sidecar that doesn't say otherwise, \
                     whatever these defaults say. Set mode: REGISTRY_ONLY where Istio is installed.",
                    installed.name
                ),
            );
        }
    }

    fn check_providers(&self, installed: &MeshConfig, out: &mut Findings) {
        if let Ok(Some(block)) = self.external_authorization.known() {
            let provider = block.provider.required().map(String::as_str);
            let consequence = "every request that it would be asked about is refused";
            check_provider(provider, &installed.external_authorizers(), installed, &block.at, consequence, out);
        }
        telemetry::check_providers(&self.telemetry, installed, out);
    }
}

/// Objects without an export list are visible in all namespaces, if the mesh configuration doesn't say otherwise.
fn check_exports(installed: &MeshConfig, out: &mut Findings) {
    let open = installed.open_default_exports();
    if !open.is_empty() {
        out.report(
            MeshExport,
            "",
            "What isn't exported is seen by all",
            &format!(
                "In ConfigMap {}, {} isn't [\".\"]: objects without exportTo are visible in every namespace. What this provider writes says \
                 who sees it; for everything else, set it to [\".\"] where Istio is installed.",
                installed.name,
                open.join(", ")
            ),
        );
    }
}

fn check_tls(installed: &MeshConfig, out: &mut Findings) {
    if let Some(version) = text(&installed.config, &["meshMTLS", "minProtocolVersion"])
        && !matches!(version, "TLS_AUTO" | "TLSV1_2" | "TLSV1_3")
    {
        out.report(
            MeshTls,
            "",
            "The mesh accepts old TLS",
            &format!(
                "In ConfigMap {}, meshMTLS.minProtocolVersion is {version}, below TLS 1.2. Set it to TLSV1_2 or TLSV1_3 where \
                 Istio is installed.",
                installed.name
            ),
        );
    }
}
