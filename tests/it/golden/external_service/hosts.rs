//! Hosts and the names of their objects.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_keys, check_outputs};

/// All hosts share a ServiceEntry. Each has a DestinationRule and a VirtualService of its own.
#[test]
fn many_hosts() {
    let text = r#"
        name      = "partner"
        hosts     = ["api.partner.example", "files.partner.example"]
        export_to = ["shop"]
        tls       = "originate"
    "#;
    check::<ExternalService>(text, &expect_file!["many_hosts.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/partner"
        url = null
    "#]],
    );
}

#[test]
fn name_overrides_the_host() {
    let text = r#"
        host      = "api.example.com"
        name      = "payments-api"
        export_to = ["shop"]
        tls       = "originate"
    "#;
    check_keys::<ExternalService>(
        text,
        &expect![[r#"
            ServiceEntry/istio-system/payments-api
            DestinationRule/istio-system/payments-api
        "#]],
    );
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/payments-api"
        url = "http://api.example.com"
    "#]],
    );
}

/// A single host in `hosts` has the object names that it has among many, so adding or removing a host renames nothing.
#[test]
fn single_element_of_hosts() {
    check_keys::<ExternalService>(
        r#"
        name      = "partner"
        hosts     = ["api.partner.example"]
        export_to = ["shop"]
    "#,
        &expect![[r#"
            ServiceEntry/istio-system/partner
        "#]],
    );
}

#[test]
fn many_wildcards() {
    check::<ExternalService>(
        r#"
        name      = "aws"
        hosts     = ["*.s3.amazonaws.com", "*.sqs.amazonaws.com"]
        export_to = ["shop"]
    "#,
        &expect_file!["many_wildcards.yaml"],
    );
}

#[test]
fn missing_host() {
    check::<ExternalService>(
        "export_to = [\"shop\"]",
        &expect![[r#"
            error at host: No host
              Write host = "api.example.com", or hosts and a name for them; or, for what has no name, addresses and a name.
        "#]],
    );
}

#[test]
fn host_and_hosts() {
    check::<ExternalService>(
        r#"
        host      = "a.example.com"
        hosts     = ["b.example.com"]
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at hosts: Both host and hosts
              host and hosts conflict. Write all hosts in hosts, and remove host.
            error at name: hosts without name
              With several hosts, the objects need a name that stays the same when hosts are added or removed. Write name.
        "#]],
    );
}

/// The names of objects have dashes for dots, so the two hosts would share their objects.
#[test]
fn hosts_with_the_same_object_name() {
    check::<ExternalService>(
        r#"
        name      = "both"
        hosts     = ["a.b.example.com", "a-b.example.com"]
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at hosts: Two hosts with one name
              The objects of a-b.example.com and a.b.example.com would both be named after "a-b-example-com". Write one of them in a mesh_external_service of its own, with another name.
        "#]],
    );
}

#[test]
fn wildcard_and_exact_host() {
    let both = |resolution: &str| {
        format!(
            "name = \"both\"\nhosts = [\"*.example.com\", \"api.example.com\"]\nexport_to = [\"shop\"]\n{resolution}"
        )
    };
    check::<ExternalService>(
        &both(""),
        &expect![[r#"
        error at hosts: Wildcards beside exact hosts
          Proxies look exact hosts up, and wildcards have no address to look up. Write wildcards in a mesh_external_service of their own, or resolution = "none" for proxies to go where the application wanted to.
    "#]],
    );
    check_keys::<ExternalService>(
        &both("resolution = \"none\""),
        &expect![[r#"
            ServiceEntry/istio-system/both
        "#]],
    );
}

#[test]
fn object_names_too_long() {
    let (name, label) = (vec!["a".repeat(60); 4].join("."), "b".repeat(20));
    let text = format!("name = \"{name}\"\nhosts = [\"{label}.example.com\"]\nexport_to = [\"shop\"]");
    check::<ExternalService>(
        &text,
        &expect![[r#"
            error at name: Object names are too long
              Objects are named after name and host, which may have 238 characters together. Choose a shorter name.
        "#]],
    );
    let host = vec!["a".repeat(60); 4].join(".");
    check::<ExternalService>(
        &format!("host = \"{host}.com\"\nexport_to = [\"shop\"]"),
        &expect![[r#"
            error at host: Object names are too long
              Without name, objects are named after the host, which may have 238 characters then. Write a shorter name.
        "#]],
    );
}

/// Names of databases of cloud providers have more than 63 characters, and so have the objects that are named after them.
#[test]
fn long_host() {
    let host = "orders-replica-1.cluster-abcdefghijkl.eu-central-1.rds.amazonaws.com";
    let text = format!("host = \"{host}\"\nexport_to = [\"shop\"]\nport {{\n number = 5432\n protocol = \"tls\"\n}}");
    check_keys::<ExternalService>(
        &text,
        &expect![[r#"
        ServiceEntry/istio-system/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com
    "#]],
    );
}

#[test]
fn hosts_in_the_cluster_domain() {
    check::<ExternalService>(
        r#"
        name      = "both"
        hosts     = ["api.example.com", "payments.pci.svc.cluster.local"]
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at hosts: Host of the cluster
              Hosts under cluster.local are Kubernetes Services, which an external service of the same name would hide. Declare it as a mesh_service, or write the host that is meant.
        "#]],
    );
}
