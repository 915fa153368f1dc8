//! Diagnostics of invalid hosts, namespaces and ports. One validation reports all of them.

use expect_test::expect;
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{mesh, rendered_text};

#[test]
fn no_arguments() {
    check::<ExternalService>(
        "",
        &expect![[r#"
            error at export_to: Missing required argument
              The argument export_to is required, but no value was set.
            error at host: No host
              Write host = "api.example.com", or hosts and a name for them; or, for what has no name, addresses and a name.
        "#]],
    );
}

#[test]
fn three_mistakes_at_once() {
    check::<ExternalService>(
        r#"
        host      = "https://api.example.com/v1"
        tls       = "simple"
        export_to = []
    "#,
        &expect![[r#"
            error at host: Invalid host
              "https://api.example.com/v1" isn't a host: leave out the scheme and the path, as in "api.example.com".
            error at tls: Invalid tls
              "simple" isn't one of "passthrough", "originate", "originate_mutual", "none".
            error at export_to: Invalid export_to
              At least one namespace. Got [].
        "#]],
    );
}

#[test]
fn host_with_a_port() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com:8443"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "api.example.com:8443" isn't a host: leave out the port, and write a port block for it.
        "#]],
    );
}

#[test]
fn ip_address_as_host() {
    check::<ExternalService>(
        r#"
        host      = "10.0.0.1"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "10.0.0.1" isn't a host: write a DNS name here, and the address in addresses. For what has no name, leave host and hosts out, and write name and addresses.
        "#]],
    );
}

#[test]
fn host_that_is_no_dns_name() {
    check::<ExternalService>(
        r#"
        host      = "Api_example"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "Api_example" isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like "api.example.com", or "*." and such a name.
        "#]],
    );
}

#[test]
fn wildcard_in_the_middle() {
    check::<ExternalService>(
        r#"
        host      = "api.*.example.com"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "api.*.example.com" isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like "api.example.com", or "*." and such a name.
        "#]],
    );
}

#[test]
fn host_in_the_cluster_domain() {
    check::<ExternalService>(
        r#"
        host      = "payments.pci.svc.cluster.local"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Host of the cluster
              Hosts under cluster.local are Kubernetes Services, which an external service of the same name would hide. Declare it as a mesh_service, or write the host that is meant.
        "#]],
    );
}

#[test]
fn star_with_other_namespaces() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["*", "shop"]
    "#,
        &expect![[r#"
            error at export_to: "*" combined with other namespaces in export_to
              "*" is every namespace. Leave it out, or leave out the others.
        "#]],
    );
}

#[test]
fn invalid_namespaces() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        namespace = "a/b"
        export_to = ["Shop", "."]
    "#,
        &expect![[r#"
            error at export_to: Invalid export_to
              Names of namespaces, or `*`. Got [".", "Shop"].
            error at namespace: Invalid namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "a/b".
        "#]],
    );
}

#[test]
fn tcp_port_without_address() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: Port with tcp needs addresses
              Plain tcp doesn't carry the name of the host, so the host would take the port for every other host too (IST0134). Where proxies answer DNS queries, Istio allocates an address for the host: switch DNS capture on (ISTIO_META_DNS_CAPTURE = "true" of proxyMetadata) and write in the provider block: installed { dns_capture = true }. Or write the addresses that applications connect to in addresses. Or, where connections start with TLS, let the application speak it, and write protocol = "tls": the handshake carries the name.
        "#]],
    );
}

#[test]
fn wildcard_tcp_port_without_address() {
    check::<ExternalService>(
        r#"
        host      = "*.example.com"
        export_to = ["shop"]
        port {
          number   = 6379
          protocol = "redis"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: Port with redis needs addresses
              Plain redis doesn't carry the name of the host, so the hosts of the wildcard can't be distinguished on it (IST0134). Write the addresses that applications connect to in addresses. Or, where the host takes TLS, let the application speak it, and write protocol = "tls": the handshake carries the name.
        "#]],
    );
}

/// Clear text leaves the mesh only with `tls = "none"`.
#[test]
fn clear_text_port_without_tls_mode() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 8080
          protocol = "http"
        }
        port {
          number   = 8081
          protocol = "http"
          tls      = "passthrough"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: http can't pass through as TLS
              With protocol = "http" the application speaks clear text. Write tls = "originate" for the proxy to speak TLS to the host, tls = "none" for clear text on the whole way, or protocol = "https" if the application speaks TLS.
            error at port[1].tls: http can't pass through as TLS
              With protocol = "http" the application speaks clear text. Write tls = "originate" for the proxy to speak TLS to the host, tls = "none" for clear text on the whole way, or protocol = "https" if the application speaks TLS.
        "#]],
    );
}

#[test]
fn tls_origination_on_a_tls_port() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 8443
          protocol = "https"
          tls      = "originate"
        }
    "#,
        &expect![[r#"
            error at port[0].tls: TLS port with originated TLS
              With protocol = "https" the application speaks TLS itself, so tls = "originate" can't be meant. Remove tls, or write protocol = "http" if the application speaks clear text.
        "#]],
    );
}

#[test]
fn duplicate_port() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 443
          protocol = "tls"
        }
        port {
          number   = 443
          protocol = "https"
        }
    "#,
        &expect![[r#"
            error at port[1].number: Port 443 declared twice
              A host has each port once. Remove one of the blocks, or give it another number.
        "#]],
    );
}

#[test]
fn load_balancing_of_hosts_that_proxies_do_not_balance() {
    for resolution in ["none", "dynamic_dns"] {
        let text = format!(
            "host = \"*.example.com\"\nexport_to = [\"*\"]\ntls = \"originate\"\nresolution = \"{resolution}\"\nload_balancing {{\n \
             algorithm = \"random\"\n}}"
        );
        let rendered = rendered_text::<ExternalService>(&mesh(), &text);
        assert!(
            rendered.contains("error at load_balancing: load_balancing without a choice of addresses"),
            "{rendered}"
        );
    }
}

#[test]
fn address_as_host() {
    check::<ExternalService>(
        "host = \"10.0.0.5\"\nexport_to = [\"*\"]",
        &expect![[r#"
        error at host: Invalid host
          "10.0.0.5" isn't a host: write a DNS name here, and the address in addresses. For what has no name, leave host and hosts out, and write name and addresses.
    "#]],
    );
}
