//! Resolution, endpoints, and the addresses to which applications connect.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{
    mesh::{Mesh, installed_mesh::InstalledMesh},
    resources::external_service::ExternalService,
};

use super::check;
use crate::golden::{check_in, check_object, check_outputs, registry_only_mesh, rendered_text};

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
            error at resolution: Wildcard host with DNS resolution
              A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the application wanted to. Write "dynamic_dns" for proxies to look up the host of each request (Istio 1.28 and later). Or write the exact hosts.
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
            error at endpoint[0]: Endpoint without static or DNS resolution
              With resolution = "none" Istio doesn't use endpoint blocks: the address comes from the request or the connection. Remove the endpoint blocks, or write resolution = "static" or "dns".
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
          address  = "api internal"
          ports    = { 80 = 8080, tls = 8443 }
          locality = "a/b/c/d"
        }
    "#,
        &expect![[r#"
            error at endpoint[0].address: Invalid endpoint[0].address
              "api internal" isn't the address of an endpoint. Write an IP address like "203.0.113.7", or a DNS name.
            error at endpoint[0].locality: Invalid endpoint[0].locality
              Parts between slashes, three at most. Got "a/b/c/d".
            error at endpoint[0].ports["80"]: Unknown port
              ports says where the endpoint listens for each port that applications call, and these are 443.
            error at endpoint[0].ports["tls"]: Unknown port
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
            error at addresses: Address range with DNS resolution
              Proxies would send connections into 203.0.113.0/24 to the one address that DNS knows. Write single addresses, or resolution = "none" for connections to go where they wanted to.
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
            error at port[0].protocol: Several hosts on one tcp port
              Plain tcp doesn't carry the name of the host, so hosts can't be distinguished on the port. Write a mesh_external_service for each host, with addresses of its own.
        "#]],
    );
}

/// Proxies look up the names of endpoints, so the host itself needs no address.
#[test]
fn endpoints_by_name() {
    check_object::<ExternalService>(
        "ServiceEntry",
        r#"
        host      = "*.example.com"
        export_to = ["shop"]
        endpoint {
          address  = "eu.api.example.com"
          locality = "eu-west"
        }
        endpoint {
          address = "203.0.113.7"
          ports   = { 443 = 8443 }
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
              - address: eu.api.example.com
                locality: eu-west
              - address: "203.0.113.7"
                ports:
                  tls-443: 8443
              exportTo:
              - shop
              hosts:
              - "*.example.com"
              location: MESH_EXTERNAL
              ports:
              - name: tls-443
                number: 443
                protocol: TLS
              resolution: DNS
        "#]],
    );
}

#[test]
fn other_resolutions() {
    let text = |host: &str, arguments: &str| format!("host = \"{host}\"\nexport_to = [\"shop\"]\n{arguments}");
    for (host, resolution, tls) in
        [("api.example.com", "dns_round_robin", "passthrough"), ("*.example.com", "dynamic_dns", "originate")]
    {
        let arguments = format!("resolution = \"{resolution}\"\ntls = \"{tls}\"");
        let entry = rendered_text::<ExternalService>(&registry_only_mesh(), &text(host, &arguments));
        assert_eq!(entry.contains("number: 443"), tls == "passthrough", "{entry}");
        assert!(entry.contains(&format!("resolution: {}\n", resolution.to_uppercase())), "{entry}");
    }
    let endpoint = |address: &str| format!("endpoint {{\n address = \"{address}\"\n}}\n");
    let two = endpoint("a.example.net") + &endpoint("b.example.net");
    check::<ExternalService>(
        &text("api.example.com", &format!("resolution = \"dns_round_robin\"\n{two}")),
        &expect![[r#"
            error at endpoint[1]: Several endpoints with dns_round_robin
              With resolution = "dns_round_robin" proxies look up one name. Leave one endpoint, or write resolution = "dns".
        "#]],
    );
    check::<ExternalService>(
        &text("api.example.com", &format!("resolution = \"static\"\n{}", endpoint("a.example.net"))),
        &expect![[r#"
            error at endpoint[0].address: Endpoint name without DNS resolution
              With resolution = "static" endpoints are IP addresses. Remove resolution, or write resolution = "dns": proxies then look the names of endpoints up.
        "#]],
    );
    check::<ExternalService>(
        &text(
            "api.example.com",
            &format!(
                "resolution = \"dynamic_dns\"\naddresses = [\"203.0.113.7\"]\nport {{\n number = 443\n protocol = \"https\"\n}}\n{}",
                endpoint("203.0.113.7")
            ),
        ),
        &expect![[r#"
            error at resolution: dynamic_dns without a wildcard
              With resolution = "dynamic_dns" proxies look up the host of each request, which Istio offers for wildcards only. Write "dns", or a wildcard.
            error at addresses: Addresses with dynamic_dns
              With resolution = "dynamic_dns" proxies go by the host of each request, and not by addresses. Remove addresses.
            error at port[0].protocol: dynamic_dns with https
              Proxies look up the host that requests name. From TLS handshakes Istio takes it too, but only on an address that it allocates, and there it applies the caller's own AuthorizationPolicies to the connections: a workload with any ALLOW policy is refused. Write protocol = "http", "http2" or "grpc", or remove the port.
            error at endpoint[0]: Endpoint without static or DNS resolution
              With resolution = "dynamic_dns" Istio doesn't use endpoint blocks: the address comes from the request or the connection. Remove the endpoint blocks, or write resolution = "static" or "dns".
        "#]],
    );
    check::<ExternalService>(
        &text("*.example.com", "resolution = \"dynamic_dns\""),
        &expect![[r#"
        error at resolution: dynamic_dns with TLS of the application
          Proxies look up the host that requests name. From TLS handshakes Istio takes it too, but only on an address that it allocates, and there it applies the caller's own AuthorizationPolicies to the connections: a workload with any ALLOW policy is refused. Write tls = "originate": the application calls http://, and the proxy speaks TLS.
    "#]],
    );
    check::<ExternalService>(
        &text("*.example.com", "resolution = \"dns_round_robin\""),
        &expect![[r#"
        error at resolution: Wildcard host with DNS resolution
          A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the application wanted to. Write "dynamic_dns" for proxies to look up the host of each request (Istio 1.28 and later). Or write the exact hosts.
    "#]],
    );
}

/// Proxies know the connections by the address alone. The host is one that DNS never answers for.
#[test]
fn addresses_without_a_host() {
    let text = r#"
        name      = "metadata"
        addresses = ["169.254.169.254/32"]
        export_to = ["shop"]
        port {
          number   = 80
          protocol = "tcp"
        }
    "#;
    check::<ExternalService>(
        text,
        &expect![[r#"
        --- # ServiceEntry/istio-system/metadata
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata:
          name: metadata
          namespace: istio-system
        spec:
          addresses:
          - 169.254.169.254/32
          exportTo:
          - shop
          hosts:
          - metadata.addresses.invalid
          location: MESH_EXTERNAL
          ports:
          - name: tcp-80
            number: 80
            protocol: TCP
          resolution: NONE
    "#]],
    );
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/metadata"
        url = null
    "#]],
    );
}

#[test]
fn mistakes_about_addresses_without_a_host() {
    check::<ExternalService>(
        "addresses = [\"203.0.113.7\"]\nexport_to = [\"shop\"]",
        &expect![[r#"
        error at name: Addresses without a name
          Without a host there is nothing to name the objects after. Write name = "metadata", for example: calls then lists the addresses as "metadata.addresses.invalid".
        error at port: Missing required block
          Addresses without a host have no default ports. Write a port block with protocol = "tcp" for each port.
    "#]],
    );
    check::<ExternalService>(
        r#"
        name       = "metadata"
        addresses  = ["203.0.113.7"]
        export_to  = ["shop"]
        resolution = "dns"
        port {
          number   = 443
          protocol = "tls"
        }
        port {
          number   = 6379
          protocol = "redis"
          tls      = "originate"
        }
    "#,
        &expect![[r#"
            error at resolution: Addresses have no name to look up
              With resolution = "dns" proxies look a host up, and there is none. Remove resolution: proxies then connect to the address that the application wants. Or write host.
            error at port[0].protocol: tls needs a host
              With tls proxies go by the name that requests or handshakes carry, and addresses have none. Write protocol = "tcp", or the host that applications call.
            error at port[1]: TLS to addresses without a host
              Proxies check the server's certificate by the name of the host, and there is none. Write the host, or remove tls.
        "#]],
    );
}

const DATABASE: &str = r#"
        host = "orders.db.example.com"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#;

/// Where proxies answer DNS queries, Istio allocates an address by which they tell the host from others.
#[test]
fn tcp_port_by_name() {
    let mesh = Mesh {
        installed: InstalledMesh { dns_capture: true, ..registry_only_mesh().installed },
        ..registry_only_mesh()
    };
    check_in::<ExternalService>(
        &mesh,
        &format!("{DATABASE}export_to = [\"shop\"]"),
        &expect![[r#"
        --- # ServiceEntry/istio-system/orders-db-example-com
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata:
          name: orders-db-example-com
          namespace: istio-system
        spec:
          exportTo:
          - shop
          hosts:
          - orders.db.example.com
          location: MESH_EXTERNAL
          ports:
          - name: tcp-5432
            number: 5432
            protocol: TCP
          resolution: DNS
    "#]],
    );
    let warning = expect![[r#"
        warning at port[0].protocol: Port with tcp and no address in every namespace
          Istio allocates an address for the host, by which proxies tell it from others. A pod whose proxy doesn't answer DNS queries, since it wasn't restarted after DNS capture was switched on, takes the port for every destination: connections to any host on this port go to this one. Restart all pods, or list in export_to the namespaces that call the host; or write its addresses in addresses.
    "#]];
    let open = rendered_text::<ExternalService>(&mesh, &format!("{DATABASE}export_to = [\"*\"]"));
    warning.assert_eq(open.split("---").next().unwrap_or_default());
    let with_address = format!("{DATABASE}export_to = [\"*\"]\naddresses = [\"203.0.113.7\"]");
    assert!(rendered_text::<ExternalService>(&mesh, &with_address).starts_with("---"));
    // Istio allocates no address for these.
    for arguments in ["resolution = \"none\"", "host = \"*.db.example.com\""] {
        let text = format!(
            "{}export_to = [\"shop\"]\n{arguments}",
            DATABASE.replace(
                "host = \"orders.db.example.com\"",
                if arguments.starts_with("host") { "" } else { "host = \"orders.db.example.com\"" }
            )
        );
        let refused = rendered_text::<ExternalService>(&mesh, &text);
        assert!(refused.starts_with("error at port[0].protocol: Port with tcp needs addresses"), "{refused}");
    }
}
