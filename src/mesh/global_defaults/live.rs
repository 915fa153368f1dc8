//! Live checks: where the installed mesh contradicts the defaults. What it says is in the ConfigMap of each revision.

use serde_json::Value as Json;

use super::{GlobalDefaults, Site};
use crate::{
    diagnostics::Path,
    json_path::{at, text},
    known::{Known, as_known},
    mesh::{
        Mesh,
        checks::{
            Code::{MeshExport, MeshOutbound, MeshTls, MissingProvider},
            Findings, LiveQuery,
        },
        istio::sidecar::Outbound,
        mesh_config::{self, MeshConfig},
    },
    object::kind,
    query::{Query, QueryResults},
};

/// Providers that Istio always has.
const BUILT_IN: [&str; 3] = ["envoy", "prometheus", "stackdriver"];

impl GlobalDefaults {
    /// What the checks want to know.
    pub fn live_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let by = &[MeshExport, MeshOutbound, MeshTls, MissingProvider];
        vec![LiveQuery { query: Query::list(&kind::CONFIG_MAP, &mesh.root_namespace), by }]
    }

    /// What they find.
    pub fn live_checks(&self, mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        let site = Site { defaults: self, mesh };
        let Ok(maps) = found.list(&kind::CONFIG_MAP, &mesh.root_namespace) else { return };
        for installed in mesh_config::all(&maps) {
            exports(&installed, out);
            tls(&installed, out);
            // A check that needs what nobody knows says nothing.
            let _ = outbound(&site, &installed, out);
            let _ = providers(&site, &installed, out);
        }
    }
}

fn exports(installed: &MeshConfig, out: &mut Findings) {
    let fields = ["defaultServiceExportTo", "defaultVirtualServiceExportTo", "defaultDestinationRuleExportTo"];
    let narrow = |field: &&str| at(&installed.config, &[field]) == &Json::from(vec!["."]);
    let open: Vec<&str> = fields.into_iter().filter(|field| !narrow(field)).collect();
    if !open.is_empty() {
        out.tell(
            MeshExport,
            "",
            "What isn't exported is seen by all",
            &format!(
                "In ConfigMap {}, {} isn't [\".\"]: what nobody exports is seen in every namespace. What this provider writes says \
                 who sees it; for everything else, set it to [\".\"] where Istio is installed.",
                installed.name,
                open.join(", ")
            ),
        );
    }
}

fn tls(installed: &MeshConfig, out: &mut Findings) {
    for field in ["meshMTLS", "tlsDefaults"] {
        if let Some(version) = text(&installed.config, &[field, "minProtocolVersion"])
            && !matches!(version, "TLS_AUTO" | "TLSV1_2" | "TLSV1_3")
        {
            out.tell(
                MeshTls,
                "",
                "The mesh accepts old TLS",
                &format!(
                    "In ConfigMap {}, {field}.minProtocolVersion is {version}, below TLS 1.2. Set it to TLSV1_2 or TLSV1_3 where \
                     Istio is installed.",
                    installed.name
                ),
            );
        }
    }
}

/// A Sidecar of somebody else that doesn't say it falls back to the installation, not to the defaults.
fn outbound(site: &Site, installed: &MeshConfig, out: &mut Findings) -> Known<()> {
    let sidecar = as_known(&site.defaults.sidecar)?.is_some();
    let closed = match site.defaults.outbound_traffic_policy? {
        Some(written) => written == Outbound::RegistryOnly,
        None => sidecar,
    };
    let policy = at(&installed.config, &["outboundTrafficPolicy"]);
    // Absent it is ALLOW_ANY; there, without a mode, it is REGISTRY_ONLY.
    let open = policy.is_null() || text(policy, &["mode"]) == Some("ALLOW_ANY");
    if closed && open {
        let argument =
            if site.defaults.outbound_traffic_policy?.is_some() { "outbound_traffic_policy" } else { "sidecar" };
        out.tell(
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
    Ok(())
}

fn providers(site: &Site, installed: &MeshConfig, out: &mut Findings) -> Known<()> {
    if let Ok(Some(asked)) = &site.defaults.external_authorization {
        let known = installed.authorizers();
        let at = Path::root().attribute("external_authorization").attribute("provider");
        missing(&asked.provider, &known, installed, at, "every request that it would be asked about is refused", out);
    }
    let Some(telemetry) = as_known(&site.defaults.telemetry)? else { return Ok(()) };
    let mut known = installed.providers();
    known.extend(BUILT_IN);
    let named = [
        ("tracing", telemetry.tracing.as_ref().ok().and_then(Option::as_ref).map(|t| &t.provider)),
        ("access_logging", telemetry.access_logging.as_ref().ok().and_then(Option::as_ref).map(|t| &t.provider)),
        ("metrics", telemetry.metrics.as_ref().ok().and_then(Option::as_ref).map(|t| &t.provider)),
    ];
    for (block, provider) in named {
        if let Some(provider) = provider {
            let at = Path::root().attribute("telemetry").attribute(block).attribute("provider");
            missing(provider, &known, installed, at, "nothing is told", out);
        }
    }
    Ok(())
}

fn missing(provider: &Known<String>, known: &[&str], installed: &MeshConfig, path: Path, so: &str, out: &mut Findings) {
    let Ok(provider) = provider else { return };
    if known.contains(&provider.as_str()) {
        return;
    }
    let there = if known.is_empty() { "none of its kind".to_owned() } else { known.join(", ") };
    out.tell_at(
        MissingProvider,
        path,
        "The mesh doesn't know this provider",
        &format!(
            "ConfigMap {} defines {there}, not {provider}: {so}. Correct provider, or have it added to extensionProviders where \
             Istio is installed.",
            installed.name
        ),
    );
}
