//! Values that come at apply: each leaves only that unknown which needs it.

use expect_test::expect;
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::check_unknown;

/// The arguments that every external service has, and these.
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
        export_to: ServiceEntry, DestinationRule
        a namespace: ServiceEntry, DestinationRule
        tls: which objects there are, url
        namespace: which objects there are, id
        resiliency: DestinationRule
        resiliency of requests: DestinationRule, VirtualService
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
            a number: ServiceEntry, DestinationRule, VirtualService, url
            a protocol: which objects there are, url
            a target port: ServiceEntry, DestinationRule, VirtualService
            who speaks TLS on a port: ServiceEntry, DestinationRule, VirtualService
            who speaks TLS on a TLS port: nothing
        "#]],
    );
}
