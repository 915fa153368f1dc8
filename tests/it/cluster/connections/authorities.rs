//! Machines that trust no certificate authority, such as a bare container image.

use crate::{
    cluster::{CART, connections::assert_connects, provider},
    support::{
        assertions::assert_contains_all,
        control_plane::control_plane,
        proxy::Proxy,
        terraform::{Tool, Workspace},
        users::Credential,
    },
};

/// Hides the authorities of this machine from the provider.
fn no_authorities() -> [(&'static str, String); 2] {
    [("SSL_CERT_FILE", "/nowhere/ca.pem".to_owned()), ("SSL_CERT_DIR", "/nowhere".to_owned())]
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn connections_that_need_no_authority_of_the_machine_work_without_any() {
    let plane = control_plane();
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let to = |server: &str, more: &str| format!("host = {server:?}\n  token = {token:?}\n  {more}");
    let own = to(&plane.server, "cluster_ca_certificate = file(\"ca.pem\")");
    let ca = [("ca.pem", plane.certificate_authority.clone())];
    assert_connects("an authority of the cluster's own", Tool::Terraform, &own, &no_authorities(), &ca);
    let insecure = to(&plane.server, "insecure = true");
    assert_connects("insecure", Tool::Tofu, &insecure, &no_authorities(), &[]);
    let clear_text = to(&Proxy::start(plane).url(), "");
    assert_connects("no TLS", Tool::Terraform, &clear_text, &no_authorities(), &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unverifiable_server_is_an_error_on_a_machine_without_authorities() {
    let plane = control_plane();
    let namespace = plane.namespace("unverifiable");
    let workspace = no_authorities()
        .iter()
        .fold(Workspace::new(Tool::Terraform), |workspace, (name, value)| workspace.env(name, value));
    workspace.configure(&provider(&namespace, "istio-system", &format!("host = {:?}", plane.server), CART));
    let errors = workspace.apply().errors();
    let parts = ["The cluster connection can't be used", "trusts no certificate authority", "cluster_ca_certificate"];
    assert_contains_all("no authorities", &errors, parts);
    assert_eq!(errors.matches("Error: ").count(), 1, "{errors}");
    namespace.assert_empty();
}
