//! Unknown arguments: only the objects and outputs that need an argument are unknown.

use expect_test::expect;
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::check_unknown;

/// An external service with its required arguments and `arguments`.
fn api(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{arguments}")
}

#[test]
fn one_argument_at_a_time() {
    let texts = [
        ("host", "host = unknown\nexport_to = [\"shop\"]".to_owned()),
        ("export_to", "host = \"api.example.com\"\nexport_to = unknown".to_owned()),
        ("a namespace", "host = \"api.example.com\"\nexport_to = [\"shop\", unknown]".to_owned()),
        ("tls", api("tls = unknown")),
        ("namespace", api("namespace = unknown")),
        ("resiliency", api("resiliency = unknown")),
        ("resiliency of requests", api("resiliency = unknown\ntls = \"originate\"")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
            host: which objects there are, id, url
            export_to: ServiceEntry
            a namespace: ServiceEntry
            tls: which objects there are, url
            namespace: which objects there are, id
            resiliency: which objects there are
            resiliency of requests: which objects there are
        "#]],
    );
}

#[test]
fn ports() {
    let port = |arguments: &str| api(&format!("tls = \"originate\"\nport {{\n{arguments}\n}}"));
    let texts = [
        ("all", api("port = unknown")),
        ("a number", port("number = unknown\nprotocol = \"http\"")),
        ("a protocol", port("number = 8443\nprotocol = unknown")),
        ("a target port", port("number = 80\nprotocol = \"http\"\ntarget_port = unknown")),
        ("who speaks TLS on a port", port("number = 80\nprotocol = \"http\"\ntls = unknown")),
        ("who speaks TLS on a TLS port", port("number = 443\nprotocol = \"tls\"\ntls = unknown")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
            all: which objects there are, url
            a number: ServiceEntry, DestinationRule, url
            a protocol: which objects there are, url
            a target port: ServiceEntry, DestinationRule
            who speaks TLS on a port: which objects there are
            who speaks TLS on a TLS port: nothing
        "#]],
    );
}

#[test]
fn hosts_and_names() {
    let texts = [
        ("hosts", "name = \"partner\"\nhosts = unknown\nexport_to = [\"shop\"]".to_owned()),
        ("one of the hosts", "name = \"partner\"\nhosts = [\"a.example\", unknown]\nexport_to = [\"shop\"]".to_owned()),
        ("the host of a name", "name = \"partner\"\nhost = unknown\nexport_to = [\"shop\"]".to_owned()),
        ("name", api("name = unknown")),
        ("labels", api("labels = { a = unknown }")),
        ("annotations", api("annotations = unknown")),
        ("deletion_protection", api("deletion_protection = unknown")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
            hosts: which objects there are, url
            one of the hosts: which objects there are, url
            the host of a name: ServiceEntry, url
            name: which objects there are, id
            labels: ServiceEntry
            annotations: ServiceEntry
            deletion_protection: nothing
        "#]],
    );
}

#[test]
fn resolution_and_endpoints() {
    let texts = [
        ("resolution", api("resolution = unknown")),
        ("addresses", api("addresses = unknown")),
        ("an address", api("addresses = [\"203.0.113.7\", unknown]")),
        ("endpoints", api("endpoint = unknown")),
        ("an endpoint's address", api("endpoint {\naddress = unknown\n}")),
        ("an endpoint's ports", api("endpoint {\naddress = \"203.0.113.7\"\nports = { 443 = unknown }\n}")),
        ("an endpoint's locality", api("endpoint {\naddress = \"203.0.113.7\"\nlocality = unknown\n}")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
        resolution: ServiceEntry
        addresses: ServiceEntry
        an address: ServiceEntry
        endpoints: ServiceEntry
        an endpoint's address: ServiceEntry
        an endpoint's ports: ServiceEntry
        an endpoint's locality: ServiceEntry
    "#]],
    );
}

#[test]
fn tls_settings() {
    let settings = |arguments: &str| api(&format!("tls = \"originate\"\ntls_settings {{\n{arguments}\n}}"));
    let mutual = |arguments: &str| api(&format!("tls = \"originate_mutual\"\ntls_settings {{\n{arguments}\n}}"));
    let secret = |arguments: &str| {
        api(&format!("namespace = \"shop\"\ntls = \"originate_mutual\"\ntls_settings {{\n{arguments}\n}}"))
    };
    let texts = [
        ("tls_settings", api("tls = \"originate\"\ntls_settings = unknown")),
        ("ca", settings("ca = unknown")),
        ("sni", settings("sni = unknown\nsubject_alt_names = [\"a\"]")),
        ("subject_alt_names", settings("subject_alt_names = unknown")),
        ("client_certificate", mutual("client_certificate = unknown\nclient_key = \"/a\"")),
        ("client_key", mutual("client_certificate = \"/a\"\nclient_key = unknown")),
        ("credential_name", secret("credential_name = unknown\nworkload_selector = { app = \"a\" }")),
        ("workload_selector", secret("credential_name = \"a\"\nworkload_selector = unknown")),
        ("a label of it", secret("credential_name = \"a\"\nworkload_selector = { app = unknown }")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
        tls_settings: which objects there are
        ca: DestinationRule
        sni: DestinationRule
        subject_alt_names: DestinationRule
        client_certificate: DestinationRule
        client_key: DestinationRule
        credential_name: DestinationRule
        workload_selector: which objects there are
        a label of it: DestinationRule
    "#]],
    );
}
