//! Patterns of paths, hosts, addresses and claims: no text makes a rule panic, and what is accepted keeps the form that Istio
//! expects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::mesh::{names, patterns};

fuzz_target!(|text: &str| {
    if patterns::is_pattern(text) {
        assert!(text.matches('*').count() <= 1 && !text.is_empty());
    }
    let _ = patterns::is_path_pattern(text);
    let _ = patterns::is_method(text);
    if patterns::is_host_pattern(text) {
        assert!(!text.contains([' ', '/', ',']));
    }
    if patterns::is_ingress_path(text) {
        assert!(patterns::is_path_prefix(text));
    }
    if patterns::is_external_host(text) {
        assert!(patterns::is_dns_host(text) && text.parse::<std::net::IpAddr>().is_err());
    }
    if patterns::is_dns_host(text) {
        assert!(patterns::is_gateway_host(text) && text.is_ascii() && text.len() <= 255);
    }
    if patterns::is_ip_block(text) {
        assert!(!text.contains(char::is_whitespace));
    }
    if patterns::is_claim(text) {
        let key = patterns::claim_key(text);
        assert!(patterns::is_claim(&key) && patterns::claim_key(&key) == key);
    }
    if names::is_label(text) {
        assert!(names::is_subdomain(text) && names::is_label_value(text));
    }
    if names::is_subdomain(text) {
        assert!(text.len() <= 253);
    }
    let _ = (names::is_metadata_key(text), names::is_service_name(text), names::is_reserved_key(text));
    let _ = names::is_cluster_host(text, "cluster.local");
});
