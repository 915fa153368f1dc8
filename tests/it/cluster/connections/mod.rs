//! Each combination of connection arguments and environment variables connects to the real server.

mod authorities;
mod credentials;
mod errors;

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    connect_proxy::ConnectProxy,
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::{Credential, User},
};

use super::{CART, provider};

/// A user with all rights, who authenticates with a client certificate.
fn certificate_user() -> User {
    control_plane().certificate_user("operator", &["system:masters"])
}

/// Applies `CART` with these arguments of the provider block and this environment, and checks that the objects exist.
/// `what` describes the connection in panics.
fn assert_connects(what: &str, tool: Tool, arguments: &str, environment: &[(&str, String)], files: &[(&str, String)]) {
    let namespace = control_plane().namespace("connection");
    let workspace =
        environment.iter().fold(Workspace::new(tool), |workspace, (name, value)| workspace.env(name, value));
    for (name, text) in files {
        workspace.write_file(name, text);
    }
    workspace.configure(&provider(&namespace, "istio-system", arguments, CART));
    workspace.apply().expect_success();
    let key = Key::new(&kind::SERVICE_ACCOUNT, &namespace.name, "cart");
    assert!(control_plane().api().get(&key).is_some(), "{what}");
    assert!(workspace.plan().is_empty, "{what}");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn kubeconfig_arguments_connect() {
    let plane = control_plane();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    assert_connects(
        "config_path",
        Tool::Terraform,
        r#"config_path = "kubeconfig""#,
        &[],
        &[("kubeconfig", kubeconfig.clone())],
    );

    // The current context names a server that doesn't run.
    let mut both: serde_json::Value = serde_json::from_str(&kubeconfig).expect("JSON");
    both["current-context"] = "nowhere".into();
    let mut add = |list: &str, entry| both[list].as_array_mut().expect("a list").push(entry);
    add("clusters", json!({ "name": "nowhere", "cluster": { "server": "https://127.0.0.1:1" } }));
    add("contexts", json!({ "name": "nowhere", "context": { "cluster": "nowhere", "user": "user" } }));
    let context = "config_path = \"both\"\n  config_context = \"throwaway\"";
    assert_connects("config_context", Tool::Tofu, context, &[], &[("both", both.to_string())]);

    // One file has the cluster, and the other the user and the context.
    let mut cluster: serde_json::Value = serde_json::from_str(&kubeconfig).expect("JSON");
    let mut user = cluster.clone();
    (cluster["users"], cluster["contexts"]) = (json!([]), json!([]));
    user["clusters"] = json!([]);
    let files = [("cluster", cluster.to_string()), ("user", user.to_string())];
    assert_connects("config_paths", Tool::Terraform, r#"config_paths = ["cluster", "user"]"#, &[], &files);

    let certificate = [("kubeconfig", plane.kubeconfig(&certificate_user()))];
    assert_connects("a certificate in a kubeconfig", Tool::Tofu, r#"config_path = "kubeconfig""#, &[], &certificate);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn host_and_credential_arguments_connect() {
    let plane = control_plane();
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let Credential::Certificate { certificate, key } = certificate_user().credential else {
        panic!("the user has a certificate")
    };
    let server = format!("host = {:?}\n  cluster_ca_certificate = file(\"ca.pem\")\n  ", plane.server);
    let ca = ("ca.pem", plane.certificate_authority.clone());
    assert_connects(
        "host and token",
        Tool::Terraform,
        &format!("{server}token = {token:?}"),
        &[],
        std::slice::from_ref(&ca),
    );
    let files = [ca, ("cert.pem", certificate), ("key.pem", key)];
    let certificate = "client_certificate = file(\"cert.pem\")\n  client_key = file(\"key.pem\")";
    assert_connects("host and certificate", Tool::Tofu, &(server + certificate), &[], &files);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn environment_variables_connect() {
    let plane = control_plane();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let path = [("KUBE_CONFIG_PATH", "kubeconfig".to_owned())];
    assert_connects("KUBE_CONFIG_PATH", Tool::Terraform, "", &path, &[("kubeconfig", kubeconfig.clone())]);
    let single = [
        ("KUBE_HOST", plane.server.clone()),
        ("KUBE_TOKEN", token.clone()),
        ("KUBE_CLUSTER_CA_CERT_DATA", plane.certificate_authority.clone()),
    ];
    assert_connects("KUBE_HOST", Tool::Tofu, "", &single, &[]);
    // Arguments take precedence over environment variables.
    let wrong = [("KUBE_HOST", "https://127.0.0.1:1".to_owned()), ("KUBE_TOKEN", "wrong".to_owned())];
    assert_connects(
        "HCL over KUBE_*",
        Tool::Terraform,
        r#"config_path = "kubeconfig""#,
        &wrong,
        &[("kubeconfig", kubeconfig)],
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn proxy_settings_are_used() {
    let plane = control_plane();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    let mut with_proxy: serde_json::Value = serde_json::from_str(&kubeconfig).expect("JSON");
    let tunnel = ConnectProxy::start();
    with_proxy["clusters"][0]["cluster"]["proxy-url"] = tunnel.url().into();
    let argument = format!("config_path = \"kubeconfig\"\n  proxy_url = {:?}", tunnel.url());
    let (file, nowhere) = (r#"config_path = "kubeconfig""#, "http://127.0.0.1:1".to_owned());
    let with_proxy = with_proxy.to_string();
    let cases = [
        ("proxy_url", argument.as_str(), ("KUBE_PROXY_URL", nowhere.clone()), &kubeconfig),
        ("KUBE_PROXY_URL", file, ("KUBE_PROXY_URL", tunnel.url()), &kubeconfig),
        ("proxy-url of the kubeconfig", file, ("HTTPS_PROXY", nowhere), &with_proxy),
        ("a local server, for which HTTPS_PROXY isn't used", file, ("HTTPS_PROXY", tunnel.url()), &kubeconfig),
    ];
    for (n, (what, arguments, environment, kubeconfig)) in cases.into_iter().enumerate() {
        let (before, tool) = (tunnel.tunnels(), if n % 2 == 0 { Tool::Terraform } else { Tool::Tofu });
        assert_connects(what, tool, arguments, &[environment], &[("kubeconfig", kubeconfig.clone())]);
        assert_eq!(tunnel.tunnels() > before, n < 3, "{what}");
    }
}
