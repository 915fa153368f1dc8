//! Diagnostics of `tls_settings`: missing verification, missing certificates, and settings without effect.

use expect_test::expect;
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;

fn api(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{arguments}")
}

#[test]
fn sni_without_subject_alt_names() {
    check::<ExternalService>(
        &api("tls = \"originate\"\ntls_settings {\nsni = \"gateway.example.net\"\n}"),
        &expect![[r#"
            error at tls_settings.sni: sni without subject_alt_names
              With sni and without subject_alt_names, a proxy accepts the certificate of any host. Write subject_alt_names as well, or remove sni: the proxy then uses the host for both.
        "#]],
    );
}

#[test]
fn tls_settings_without_tls_origination() {
    check::<ExternalService>(
        &api("tls_settings {\nca = \"/etc/partner/ca.pem\"\n}"),
        &expect![[r#"
        error at tls_settings: tls_settings without TLS of the proxy
          tls_settings configures TLS that the proxy originates, and the proxy originates TLS on no port of this resource. Write tls = "originate", or remove the block.
    "#]],
    );
}

#[test]
fn invalid_tls_settings() {
    check::<ExternalService>(
        &api("tls = \"originate\"\ntls_settings {\nca = \"-----BEGIN CERTIFICATE-----\"\nsubject_alt_names = []\n}"),
        &expect![[r#"
            error at tls_settings.ca: Invalid tls_settings.ca
              The path of a file, from the root. Got "-----BEGIN CERTIFICATE-----".
            error at tls_settings.subject_alt_names: Invalid tls_settings.subject_alt_names
              At least one name. Got [].
        "#]],
    );
}

#[test]
fn mutual_tls_without_certificate() {
    check::<ExternalService>(
        &api("tls = \"originate_mutual\""),
        &expect![[r#"
        error at tls_settings: originate_mutual without a client certificate
          With tls = "originate_mutual" the proxy presents a client certificate. Write client_certificate and client_key in tls_settings, the paths of files that are mounted into the sidecar, or credential_name and workload_selector.
    "#]],
    );
    check::<ExternalService>(
        &api("tls = \"originate_mutual\"\ntls_settings {\nca = \"/etc/partner/ca.pem\"\n}"),
        &expect![[r#"
            error at tls_settings: originate_mutual without a client certificate
              With tls = "originate_mutual" the proxy presents a client certificate. Write client_certificate and client_key in tls_settings, the paths of files that are mounted into the sidecar, or credential_name and workload_selector.
        "#]],
    );
}

#[test]
fn certificate_without_key() {
    check::<ExternalService>(
        &api("tls = \"originate_mutual\"\ntls_settings {\nclient_certificate = \"/etc/partner/tls.crt\"\n}"),
        &expect![[r#"
            error at tls_settings.client_certificate: client_certificate and client_key are set together
              A client certificate needs its key. Write client_key as well.
        "#]],
    );
}

#[test]
fn certificate_without_mutual_tls() {
    check::<ExternalService>(
        &api(
            "tls = \"originate\"\ntls_settings {\nclient_certificate = \"/etc/tls.crt\"\nclient_key = \"/etc/tls.key\"\n}",
        ),
        &expect![[r#"
            error at tls_settings.client_certificate: Client certificate without originate_mutual
              The proxy presents a client certificate with tls = "originate_mutual" alone. Write that, or remove the path.
            error at tls_settings.client_key: Client certificate without originate_mutual
              The proxy presents a client certificate with tls = "originate_mutual" alone. Write that, or remove the path.
        "#]],
    );
}

#[test]
fn credential_name_without_workload_selector() {
    check::<ExternalService>(
        &api("tls = \"originate_mutual\"\ntls_settings {\ncredential_name = \"partner-tls\"\n}"),
        &expect![[r#"
            error at tls_settings.credential_name: credential_name without workload_selector
              Sidecars read the Secret of credential_name only if workload_selector selects their workload; without it they would send clear text. Write workload_selector with the labels of the calling workloads, or mount the files and write their paths in client_certificate, client_key and ca.
        "#]],
    );
}

#[test]
fn credential_name_with_files() {
    check::<ExternalService>(
        &api(r#"
        namespace = "shop"
        tls       = "originate"
        tls_settings {
          credential_name   = "partner-tls"
          workload_selector = { app = "checkout" }
          ca                = "/etc/partner/ca.pem"
        }
    "#),
        &expect![[r#"
            error at tls_settings.ca: A file beside a Secret
              Istio takes certificates from credential_name or from files. Remove ca, or credential_name.
        "#]],
    );
}

#[test]
fn workload_selector_without_credential_name() {
    check::<ExternalService>(
        &api("tls = \"originate\"\ntls_settings {\nworkload_selector = { app = \"checkout\" }\n}"),
        &expect![[r#"
            error at tls_settings.workload_selector: workload_selector without credential_name
              workload_selector says whose sidecars read the Secret of credential_name. Write that, or remove the selector.
        "#]],
    );
}

/// The root namespace has no clients, and in namespaces other than the rule's own Istio selects no workloads.
#[test]
fn credential_name_for_other_namespaces() {
    let secret = |arguments: &str| {
        format!(
            "host = \"api.example.com\"\ntls = \"originate_mutual\"\n{arguments}\ntls_settings {{\ncredential_name = \
             \"partner-tls\"\nworkload_selector = {{ app = \"checkout\" }}\n}}"
        )
    };
    check::<ExternalService>(
        &secret("export_to = [\"shop\"]"),
        &expect![[r#"
        error at namespace: credential_name in the root namespace
          A DestinationRule with workload_selector applies only to workloads of its own namespace, and no callers run in the root namespace istio-system. Set namespace to that of the calling workloads, which must also contain the Secret.
    "#]],
    );
    check::<ExternalService>(
        &secret("namespace = \"shop\"\nexport_to = [\"shop\", \"media\"]"),
        &expect![[r#"
        error at export_to: Namespaces without the Secret
          The workloads of workload_selector are those of shop, the resource's own namespace: Istio chooses workloads nowhere else. Write export_to = ["shop"], and a mesh_external_service for each other namespace.
    "#]],
    );
}

#[test]
fn wildcard_tls_origination_on_a_tcp_port() {
    check::<ExternalService>(
        r#"
        host      = "*.bank.example"
        export_to = ["shop"]
        tls       = "originate"
        addresses = ["203.0.113.0/24"]
        port {
          number   = 6379
          protocol = "redis"
        }
    "#,
        &expect![[r#"
            error at tls_settings: Certificate of a wildcard isn't verified
              On a port without requests the proxy doesn't know which host of the wildcard is meant, so it could check no name in the certificate. Write sni and subject_alt_names in tls_settings, or the exact host.
        "#]],
    );
}
