//! The rules of `allow` and `deny` blocks. `allow_and_deny.txt` lists each block with its rule.

use std::fmt::Write as _;

use expect_test::expect_file;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::Mesh,
    resources::service::Service,
    schema::model::Model as _,
};

use crate::golden::{hcl, mesh as default_mesh};

/// A service with an HTTP, a gRPC and a TCP port.
const MIXED: &str = r#"
name      = "payments"
namespace = "pci"
port {
  number      = 80
  protocol    = "http"
  target_port = 8080
}
port {
  number   = 9090
  protocol = "grpc"
}
port {
  number      = 5432
  protocol    = "tcp"
  target_port = 15432
}
"#;

/// A comment and the block that it describes.
const BLOCKS: &[(&str, &str)] = &[
    (
        "Without anything but callers, every port is governed.",
        r#"
allow {
  from = ["shop/checkout"]
}"#,
    ),
    (
        "Callers are identities, or all of a namespace.",
        r#"
allow {
  from = ["checkout", "shop/*", "other.mesh/ns/shop/sa/cart"]
}"#,
    ),
    (
        "Ports are the Service's in the block, and the workload's in the rule.",
        r#"
allow {
  from  = ["shop/checkout"]
  ports = [80, 5432]
}"#,
    ),
    (
        "Methods are seen on HTTP ports alone, and so these are always written.",
        r#"
allow {
  from    = ["shop/checkout"]
  methods = ["GET", "POST"]
}"#,
    ),
    (
        "Of HTTP ports, those that are named.",
        r#"
allow {
  from  = ["shop/checkout"]
  paths = ["/v1/charges", "/v1/charges/*", "/v1/{*}/refunds"]
  ports = [80]
}"#,
    ),
    (
        "A host is named with its port or without.",
        r#"
allow {
  from  = ["shop/checkout"]
  hosts = ["payments.example.com", "*.payments.example.com", "payments.*", "payments.example.com:8080"]
}"#,
    ),
    (
        "Addresses, with every kind of caller.",
        r#"
allow {
  from      = ["shop/checkout", "reporting/*"]
  ip_blocks = ["10.0.0.0/8", "192.0.2.1"]
}"#,
    ),
    (
        "Every client, from these addresses: scrapers and health checks.",
        r#"
allow {
  from      = ["anonymous"]
  ip_blocks = ["10.0.0.0/8"]
  ports     = [5432]
}"#,
    ),
    (
        "Every client, with an identity or without.",
        r#"
allow {
  from  = ["anonymous"]
  paths = ["/healthz"]
}"#,
    ),
    (
        "Every workload of the mesh.",
        r#"
allow {
  from = ["*"]
}"#,
    ),
    (
        "An end user, by the issuer of the token.",
        r#"
allow {
  from = ["istio-ingress/gateway"]
  end_user {
    issuer = "https://accounts.example.com"
  }
}"#,
    ),
    (
        "And by claims: of each, one of the values.",
        r#"
allow {
  from  = ["istio-ingress/gateway"]
  paths = ["/admin/*"]
  end_user {
    issuer = "https://accounts.example.com"
    claims = {
      groups                        = ["admin", "ops-*"]
      "https://example.com/tenant"  = ["acme"]
      "[realm_access][roles]"       = ["operator"]
    }
  }
}"#,
    ),
    (
        "A deny block reads the same, and beats every allow block.",
        r#"
deny {
  from = ["shop/legacy"]
}"#,
    ),
    (
        "On a TCP port, Istio would read a DENY rule as if methods weren't there: so ports are written.",
        r#"
deny {
  from    = ["*"]
  methods = ["DELETE"]
}"#,
    ),
    (
        "Every client, from these addresses, on every port.",
        r#"
deny {
  from      = ["anonymous"]
  ip_blocks = ["203.0.113.0/24"]
}"#,
    ),
    (
        "An end user is refused.",
        r#"
deny {
  from = ["anonymous"]
  end_user {
    issuer = "https://accounts.example.com"
    claims = { sub = ["mallory"] }
  }
}"#,
    ),
    (
        "A port that no Service has: that of metrics, by where the workload listens.",
        r#"
allow {
  from         = ["monitoring/prometheus"]
  paths        = ["/metrics"]
  ports        = [80]
  target_ports = [15020]
}"#,
    ),
    (
        "A DENY rule for a port that no Service has.",
        r#"
deny {
  from         = ["*"]
  target_ports = [15020]
}"#,
    ),
    (
        "All workloads of a namespace but one, and but for some of its requests.",
        r#"
allow {
  from = ["shop/*", "shop-2/cart"]
  except {
    from    = ["shop/legacy", "other.mesh/ns/shop/sa/cart", "shop-3/*"]
    methods = ["DELETE"]
    paths   = ["/internal/*"]
    hosts   = ["old.example.com"]
  }
}"#,
    ),
    (
        "All ports but one: those that are left are written.",
        r#"
allow {
  from = ["shop/*"]
  except {
    ports = [5432]
  }
}"#,
    ),
    (
        "Every client except the workloads of a namespace is refused, on every port but one.",
        r#"
deny {
  from = ["anonymous"]
  except {
    from      = ["pci/*"]
    ip_blocks = ["10.0.0.0/8"]
    ports     = [80]
  }
}"#,
    ),
    (
        "Clients without an identity are refused.",
        r#"
deny {
  from = ["anonymous"]
  except {
    from = ["*"]
  }
}"#,
    ),
    (
        "Clients of a gateway, by their addresses.",
        r#"
allow {
  from             = ["ingress/public"]
  remote_ip_blocks = ["198.51.100.0/24"]
  except {
    remote_ip_blocks = ["198.51.100.7"]
  }
}"#,
    ),
    (
        "Conditions on attributes without an argument: those of requests are seen on HTTP ports alone.",
        r#"
allow {
  from = ["shop/*"]
  when {
    key    = "request.headers[x-team]"
    values = ["shop-*"]
  }
  when {
    key        = "request.auth.claims[groups]"
    not_values = ["guests"]
  }
}"#,
    ),
    (
        "Others are seen on every port.",
        r#"
deny {
  from = ["*"]
  when {
    key        = "destination.ip"
    values     = ["10.0.0.0/8"]
    not_values = ["10.0.0.1"]
  }
}"#,
    ),
    (
        "The port of the database, for a namespace.",
        r#"
deny {
  from  = ["pci/*"]
  ports = [5432]
}"#,
    ),
];

/// A mesh with a namespace of gateways.
fn mesh() -> Mesh {
    Mesh { gateway_namespaces: ["ingress".to_owned()].into(), ..default_mesh() }
}

#[test]
fn rules_of_each_block() {
    let mut table = String::new();
    for (comment, block) in BLOCKS {
        let value = hcl::resource(&format!("{MIXED}\naccess = \"mesh\"\n{block}"), Service::schema());
        let mut out = Diagnostics::default();
        let config = Service::decode(&value, &Path::root(), &mut out);
        Service::validate(&config, &mut out);
        Service::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
        assert!(out.iter().next().is_none(), "{block}: {out}");
        let objects = Service::render(&config, &mesh()).unwrap();
        let suffix = if block.trim_start().starts_with("deny") { "payments-pci-deny" } else { "payments-pci" };
        let policy = objects.into_iter().find(|(key, _)| key.kind.kind == "AuthorizationPolicy" && key.name == suffix);
        let body = policy.unwrap().1.unwrap().body;
        let rule = serde_saphyr::to_string(&body["spec"]["rules"][0]).unwrap();
        writeln!(table, "# {comment}\n{}\n\n{}\n", block.trim_start(), rule.trim_end()).unwrap();
    }
    expect_file!["allow_and_deny.txt"].assert_eq(&table);
}
