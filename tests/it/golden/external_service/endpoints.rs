//! Resolution, endpoints, and the addresses to which applications connect.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_object, check_outputs};

/// Connections don't carry the name of the host, so proxies tell the host from others by its address.
#[test]
fn tcp_port_with_addresses() {
    let text = r#"
        host      = "ledger.bank.example"
        export_to = ["shop"]
        addresses = ["203.0.113.7"]
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#;
    check::<ExternalService>(text, &expect_file!["tcp.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/ledger-bank-example"
        url = "ledger.bank.example:5432"
    "#]],
    );
}

/// The proxy originates TLS to the target port, which is not the port to which the application connects.
#[test]
fn tls_origination_on_a_tcp_port() {
    check::<ExternalService>(
        r#"
        host      = "cache.bank.example"
        export_to = ["shop"]
        tls       = "originate"
        addresses = ["203.0.113.7"]
        port {
          number      = 6379
          protocol    = "redis"
          target_port = 6380
        }
    "#,
        &expect_file!["tcp_originate.yaml"],
    );
}

#[test]
fn endpoints() {
    check::<ExternalService>(
        r#"
        host      = "ledger.bank.example"
        export_to = ["shop"]
        addresses = ["198.51.100.0/24"]
        port {
          number   = 443
          protocol = "tls"
        }
        port {
          number   = 5432
          protocol = "tcp"
        }
        endpoint {
          address  = "203.0.113.7"
          locality = "eu-west/a"
          ports    = { 443 = 8443 }
        }
        endpoint {
          address = "2001:db8::7"
        }
    "#,
        &expect_file!["endpoints.yaml"],
    );
}

/// The proxy connects to the address that the application looked up, and looks up none itself.
#[test]
fn exact_host_with_resolution_none() {
    check_object::<ExternalService>(
        "ServiceEntry",
        r#"
        host       = "api.example.com"
        export_to  = ["shop"]
        resolution = "none"
    "#,
        &expect![[r#"
            ServiceEntry/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              hosts:
              - api.example.com
              location: MESH_EXTERNAL
              ports:
              - name: tls-443
                number: 443
                protocol: TLS
              resolution: NONE
        "#]],
    );
}

/// All hosts of a wildcard may be behind one address, such as that of a company's forward proxy.
#[test]
fn wildcard_with_endpoints() {
    check_object::<ExternalService>(
        "ServiceEntry",
        r#"
        host      = "*.example.com"
        export_to = ["shop"]
        endpoint {
          address = "203.0.113.7"
        }
    "#,
        &expect![[r#"
            ServiceEntry/istio-system/wildcard-example-com
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata:
              name: wildcard-example-com
              namespace: istio-system
            spec:
              endpoints:
              - address: "203.0.113.7"
              exportTo:
              - shop
              hosts:
              - "*.example.com"
              location: MESH_EXTERNAL
              ports:
              - name: tls-443
                number: 443
                protocol: TLS
              resolution: STATIC
        "#]],
    );
}

#[test]
fn wildcard_with_resolution_dns() {
    check::<ExternalService>(
        r#"
        host       = "*.example.com"
        export_to  = ["shop"]
        resolution = "dns"
    "#,
        &expect![[r#"
            error at resolution: A wildcard has no address to look up
              A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the application wanted to. Or write the exact hosts.
        "#]],
    );
}

#[test]
fn static_resolution_without_endpoints() {
    check::<ExternalService>(
        r#"
        host       = "api.example.com"
        export_to  = ["shop"]
        resolution = "static"
    "#,
        &expect![[r#"
            error at resolution: No endpoints
              With resolution = "static" requests go to endpoint blocks, and without one they fail. Write one for each address of the host.
        "#]],
    );
}

#[test]
fn endpoints_with_resolution_none() {
    check::<ExternalService>(
        r#"
        host       = "api.example.com"
        export_to  = ["shop"]
        resolution = "none"
        endpoint {
          address = "203.0.113.7"
        }
    "#,
        &expect![[r#"
            error at endpoint[0]: An endpoint that nothing goes to
              With resolution = "none" addresses come from elsewhere. Remove the endpoint blocks, or write resolution = "static".
        "#]],
    );
}

#[test]
fn endpoint_ports_that_are_not_declared() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        endpoint {
          address  = "api.internal"
          ports    = { 80 = 8080, tls = 8443 }
          locality = "a/b/c/d"
        }
    "#,
        &expect![[r#"
            error at endpoint[0].address: Invalid endpoint[0].address
              "api.internal" isn't the IP address of a host. Write one like "203.0.113.7".
            error at endpoint[0].locality: Invalid endpoint[0].locality
              Parts between slashes, three at most. Got "a/b/c/d".
            error at endpoint[0].ports["80"]: No such port
              ports says where the endpoint listens for each port that applications call, and these are 443.
            error at endpoint[0].ports["tls"]: No such port
              ports says where the endpoint listens for each port that applications call, and these are 443.
        "#]],
    );
}

#[test]
fn invalid_addresses() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        addresses = ["0.0.0.0/0"]
    "#,
        &expect![[r#"
            error at addresses: Invalid addresses
              "0.0.0.0/0" isn't an address, or is every one. Write one like "203.0.113.7", or a range like "203.0.113.0/24".
        "#]],
    );
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        addresses = []
    "#,
        &expect![[r#"
            error at addresses: Invalid addresses
              At least one address. Got [].
        "#]],
    );
}

#[test]
fn address_range_with_resolution_dns() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        addresses = ["203.0.113.0/24"]
    "#,
        &expect![[r#"
            error at addresses: A range of addresses with DNS
              Proxies would send whoever connects into 203.0.113.0/24 to the one address that DNS knows. Write single addresses, or resolution = "none" for connections to go where they wanted to.
        "#]],
    );
}

#[test]
fn many_hosts_on_a_tcp_port() {
    check::<ExternalService>(
        r#"
        name      = "ledgers"
        hosts     = ["a.bank.example", "b.bank.example"]
        export_to = ["shop"]
        addresses = ["203.0.113.7"]
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: Many hosts on one tcp port
              Plain tcp doesn't carry the name of the host, so hosts can't be told apart on the port. Write a mesh_external_service for each host, with addresses of its own.
        "#]],
    );
}
