//! Best practices of traffic: what proxies let out, who sees routes, external hosts and TLS.

use serde_json::Value as Json;

use super::Departures;
use crate::{
    json_path::{at, text},
    known::{Known, Unknown},
    mesh::{
        cluster_report::{BestPractice, observed::Observed},
        live_objects::{
            Visibility, annotation_value, fully_qualified_host, items, namespace, namespaced_name, object_visibility,
            routes_in_mesh, strings, summarize_names,
        },
        mesh_config::{self, MeshConfig},
        outbound_policy::{default_allows_any, mesh_config_allows_any, selects_all_workloads, sidecar_allows_any},
    },
    object::{annotation, kind},
};

pub(super) fn check(observed: &Observed, out: &mut Departures) {
    let configs = mesh_config::read(observed.mesh, observed.results);
    check_outbound(observed, &configs, out);
    if mesh_allows_any(observed, &configs) == Ok(false) {
        check_exports(observed, &configs, out);
    }
    for entry in observed.visible(&kind::SERVICE_ENTRY) {
        check_external_hosts(entry, observed, out);
    }
    for rule in observed.visible(&kind::DESTINATION_RULE) {
        check_client_tls(rule, observed, out);
    }
    for gateway in observed.visible(&kind::GATEWAY) {
        check_gateway_tls(gateway, out);
    }
}

/// Whether proxies without a Sidecar of their own let calls of unknown hosts out, of some revision. Known where the Sidecar of the
/// mesh decides, or where a `meshConfig` could be read.
fn mesh_allows_any(observed: &Observed, configs: &[MeshConfig]) -> Known<bool> {
    let by_sidecar = default_allows_any(&observed.of_root(&kind::SIDECAR)?);
    let by_config = (!configs.is_empty()).then(|| configs.iter().any(|config| mesh_config_allows_any(&config.config)));
    by_sidecar.or(by_config).ok_or(Unknown)
}

fn check_outbound(observed: &Observed, configs: &[MeshConfig], out: &mut Departures) {
    let root = &observed.mesh.root_namespace;
    let open: Vec<&MeshConfig> = configs.iter().filter(|config| mesh_config_allows_any(&config.config)).collect();
    let is_of_mesh = |sidecar: &Json| selects_all_workloads(sidecar) && namespace(sidecar) == root;
    if observed.of_root(&kind::SIDECAR).map(|sidecars| default_allows_any(&sidecars)) == Ok(None) {
        for config in &open {
            out.report(
                BestPractice::MeshOutbound,
                format!("ConfigMap/{root}/{}", config.name),
                "outboundTrafficPolicy isn't REGISTRY_ONLY, and holds for all proxies without a Sidecar of their own.",
            );
        }
    }
    for sidecar in observed.visible(&kind::SIDECAR) {
        let summary = match sidecar_allows_any(sidecar) {
            Some(true) => "outboundTrafficPolicy isn't REGISTRY_ONLY.",
            None if !open.is_empty() && !is_of_mesh(sidecar) => {
                "It sets no outboundTrafficPolicy, and that of meshConfig isn't REGISTRY_ONLY."
            }
            _ => continue,
        };
        out.report(BestPractice::MeshOutbound, format!("Sidecar/{}", namespaced_name(sidecar)), summary);
    }
}

fn check_exports(observed: &Observed, configs: &[MeshConfig], out: &mut Departures) {
    let is_private_by_default =
        configs.iter().all(|config| !config.open_default_exports().contains(&"defaultVirtualServiceExportTo"));
    for route in observed.visible(&kind::VIRTUAL_SERVICE) {
        let says_nothing = strings(route, &["spec", "exportTo"]).next().is_none();
        let is_own = annotation_value(route, annotation::RESOURCE).is_some();
        if namespace(route) != observed.mesh.root_namespace
            && routes_in_mesh(route)
            && !is_own
            && object_visibility(route) == Visibility::AllNamespaces
            && !(says_nothing && is_private_by_default)
        {
            out.report(
                BestPractice::ExportedRoute,
                format!("VirtualService/{}", namespaced_name(route)),
                if says_nothing { "exportTo isn't set: all namespaces see it." } else { "exportTo is \"*\"." },
            );
        }
    }
}

fn check_external_hosts(entry: &Json, observed: &Observed, out: &mut Departures) {
    if text(entry, &["spec", "location"]) == Some("MESH_INTERNAL") {
        return;
    }
    let object = format!("ServiceEntry/{}", namespaced_name(entry));
    let root = &observed.mesh.root_namespace;
    if namespace(entry) != root {
        let hosts = summarize_names(strings(entry, &["spec", "hosts"]));
        out.report(
            BestPractice::ExternalHostNamespace,
            &object,
            format!("It defines {hosts} outside of the namespace {root}."),
        );
    }
    let wildcards: Vec<&str> = strings(entry, &["spec", "hosts"]).filter(|host| host.starts_with('*')).collect();
    if !wildcards.is_empty() {
        out.report(BestPractice::WildcardHost, &object, format!("It is for {}.", summarize_names(wildcards)));
    }
}

/// The TLS settings of a DestinationRule: of all ports, of single ports, and of subsets.
fn client_tls(rule: &Json) -> impl Iterator<Item = &Json> {
    let subsets = items(rule, &["spec", "subsets"]).iter().map(|subset| at(subset, &["trafficPolicy"]));
    let policies = std::iter::once(at(rule, &["spec", "trafficPolicy"])).chain(subsets);
    let settings = policies
        .flat_map(|policy| std::iter::once(policy).chain(items(policy, &["portLevelSettings"])))
        .map(|policy| at(policy, &["tls"]));
    settings.filter(|tls| tls.is_object())
}

fn check_client_tls(rule: &Json, observed: &Observed, out: &mut Departures) {
    let object = format!("DestinationRule/{}", namespaced_name(rule));
    let host = text(rule, &["spec", "host"]).unwrap_or_default();
    let domain = &observed.mesh.cluster_domain;
    let is_of_mesh = fully_qualified_host(host, namespace(rule), domain).ends_with(&format!(".svc.{domain}"));
    let is_disabled = |tls: &Json| text(tls, &["mode"]).is_none_or(|mode| mode == "DISABLE");
    if is_of_mesh && client_tls(rule).any(is_disabled) {
        out.report(BestPractice::DisabledMtls, &object, format!("TLS to {host} is switched off."));
    }
    let is_unverified = |tls: &Json| {
        let is_to_server = matches!(text(tls, &["mode"]), Some("SIMPLE" | "MUTUAL"));
        let skips = at(tls, &["insecureSkipVerify"]).as_bool() == Some(true);
        let accepts_other_names =
            text(tls, &["sni"]).is_some_and(|sni| !sni.is_empty()) && items(tls, &["subjectAltNames"]).is_empty();
        is_to_server && (skips || accepts_other_names)
    };
    if client_tls(rule).any(is_unverified) {
        out.report(
            BestPractice::UnverifiedTls,
            &object,
            format!("The certificate of {host} isn't verified, or may be for another name."),
        );
    }
}

fn check_gateway_tls(gateway: &Json, out: &mut Departures) {
    let old = items(gateway, &["spec", "servers"])
        .iter()
        .filter(|server| matches!(text(server, &["tls", "minProtocolVersion"]), Some("TLSV1_0" | "TLSV1_1")));
    let ports: Vec<String> =
        old.filter_map(|server| at(server, &["port", "number"]).as_i64()).map(|port| port.to_string()).collect();
    if !ports.is_empty() {
        out.report(
            BestPractice::GatewayTls,
            format!("Gateway/{}", namespaced_name(gateway)),
            format!("Port {} accepts TLS below 1.2.", summarize_names(ports.iter().map(String::as_str))),
        );
    }
}
