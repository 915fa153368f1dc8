//! Rules across the arguments of the provider block. Unknown values are accepted everywhere: they come from resources of the
//! same run.

use super::ProviderConfig;
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{checks::Code, labels, names, text::Text},
    schema::{Attr, Value, model::Model},
};

/// Reports violations of all rules of the provider block.
pub(super) fn validate(config: &Value, out: &mut Diagnostics) {
    let config = ProviderConfig::decode(config, &Path::root(), out);
    labels::validate_labels(&config.labels, &at("labels"), out);
    labels::validate_annotations(&config.annotations, &at("annotations"), out);
    validate_kubeconfig_paths(&config, out);
    validate_connection(&config, out);
    validate_global_name_template(&config, out);
    validate_check_codes(&config, out);
    validate_platform_hosts(&config, out);
    validate_gateway_namespaces(&config, out);
}

fn at(argument: &str) -> Path {
    Path::root().attribute(argument)
}

fn validate_kubeconfig_paths(config: &ProviderConfig, out: &mut Diagnostics) {
    if config.config_path.is_set() && config.config_paths.is_set() {
        out.error(
            &at("config_path"),
            "Both config_path and config_paths",
            "config_path and config_paths exclude each other. Put all paths into config_paths.",
        );
    }
}

/// `in_cluster` stands for an address and credentials at once, and an exec plugin stands for a token.
fn validate_connection(config: &ProviderConfig, out: &mut Diagnostics) {
    if config.in_cluster == Attr::Known(true) {
        let conflicting = [
            ("config_path", config.config_path.is_set()),
            ("config_paths", config.config_paths.is_set()),
            ("config_context", config.config_context.is_set()),
            ("config_context_auth_info", config.config_context_auth_info.is_set()),
            ("config_context_cluster", config.config_context_cluster.is_set()),
            ("host", config.host.is_set()),
            ("token", config.token.is_set()),
            ("cluster_ca_certificate", config.cluster_ca_certificate.is_set()),
            ("client_certificate", config.client_certificate.is_set()),
            ("client_key", config.client_key.is_set()),
            ("exec", config.exec.is_set()),
        ];
        for (argument, _) in conflicting.iter().filter(|(_, is_set)| *is_set) {
            out.error(
                &at(argument),
                "Conflicting connection arguments",
                format!(
                    "in_cluster and {argument} exclude each other: a pod's service account says all. Remove one of them."
                ),
            );
        }
    } else if config.exec.is_set() && config.token.is_set() {
        out.error(
            &at("token"),
            "Conflicting credentials",
            "token and exec exclude each other: the plugin's token would never be used. Remove one of them.",
        );
    }
}

/// A global name in the domain of the cluster would hide the host of a Kubernetes Service.
fn validate_global_name_template(config: &ProviderConfig, out: &mut Diagnostics) {
    let (Ok(Some(template)), Ok(domain)) = (config.global_name_template.known(), config.cluster_domain()) else {
        return;
    };
    if names::is_cluster_host(&template.expand("name", "namespace"), &domain) {
        out.error(
            &at("global_name_template"),
            "Global name in the cluster's domain",
            format!(
                "{domain} is the cluster's own, where Kubernetes says which hosts there are. Write a template in a domain that \
                 nothing else answers for, like \"{{name}}.{{namespace}}.example.internal\"."
            ),
        );
    }
}

fn validate_check_codes(config: &ProviderConfig, out: &mut Diagnostics) {
    let Ok(Some(checks)) = config.checks.known() else { return };
    for code in checks.keys() {
        if let Err(fault) = Code::parse(code) {
            out.error(&at("checks").key(code), "Unknown code of a check", fault);
        }
    }
}

fn validate_platform_hosts(config: &ProviderConfig, out: &mut Diagnostics) {
    let Ok(Some(hosts)) = config.platform_hosts.elements() else { return };
    for host in hosts.iter().filter(|host| !is_platform_host(host)) {
        out.error(
            &at("platform_hosts"),
            "Invalid platform host",
            format!("{host:?} isn't namespace/host, like \"istio-system/*\" or \"observability/otel.observability.svc.cluster.local\"."),
        );
    }
}

/// Whether a text is `namespace/host` as a Sidecar takes it: Istio refuses hosts without a domain there.
fn is_platform_host(text: &str) -> bool {
    text.split_once('/').is_some_and(|(namespace, host)| {
        let host = host.strip_prefix("*.").unwrap_or(host);
        (namespace == "*" || namespace == "." || names::is_label(namespace))
            && (host == "*" || host.contains('.') && names::is_subdomain(host))
    })
}

fn validate_gateway_namespaces(config: &ProviderConfig, out: &mut Diagnostics) {
    let Ok(Some(namespaces)) = config.gateway_namespaces.elements() else { return };
    for namespace in namespaces.iter().filter(|namespace| !names::is_label(namespace)) {
        out.error(&at("gateway_namespaces"), "Invalid namespace", format!("{namespace:?}: {}", names::LABEL));
    }
}
