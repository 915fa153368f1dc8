//! Every way of naming a cluster reaches the real server, and no way is guessed.

mod credentials;
mod told;

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    connect_proxy::ConnectProxy,
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::{Credential, User},
};

use super::{CART, provider};

/// A user who may do everything, known by a client certificate.
fn by_certificate() -> User {
    control_plane().certificate_user("operator", &["system:masters"])
}

/// Plans and applies `CART` as `arguments` of the provider block and `environment` say, and looks for what was made.
fn reaches(way: &str, tool: Tool, arguments: &str, environment: &[(&str, String)], files: &[(&str, String)]) {
    let namespace = control_plane().namespace("connection");
    let workspace =
        environment.iter().fold(Workspace::new(tool), |workspace, (name, value)| workspace.env(name, value));
    for (name, text) in files {
        workspace.write_file(name, text);
    }
    workspace.configure(&provider(&namespace, "istio-system", arguments, CART));
    workspace.apply().expect_success();
    let key = Key::new(&kind::SERVICE_ACCOUNT, &namespace.name, "cart");
    assert!(control_plane().api().get(&key).is_some(), "{way}");
    assert!(workspace.plan().is_empty, "{way}");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn kubeconfigs_of_the_provider_block() {
    let plane = control_plane();
    let right = plane.kubeconfig(&plane.admin);
    reaches("config_path", Tool::Terraform, r#"config_path = "right""#, &[], &[("right", right.clone())]);

    // Its current context is of a server that nobody runs.
    let mut both: serde_json::Value = serde_json::from_str(&right).expect("JSON");
    both["current-context"] = "nowhere".into();
    let mut add = |list: &str, entry| both[list].as_array_mut().expect("a list").push(entry);
    add("clusters", json!({ "name": "nowhere", "cluster": { "server": "https://127.0.0.1:1" } }));
    add("contexts", json!({ "name": "nowhere", "context": { "cluster": "nowhere", "user": "user" } }));
    let context = "config_path = \"both\"\n  config_context = \"throwaway\"";
    reaches("config_context", Tool::Tofu, context, &[], &[("both", both.to_string())]);

    // The cluster in one file, the user and the context in another.
    let mut cluster: serde_json::Value = serde_json::from_str(&right).expect("JSON");
    let mut user = cluster.clone();
    (cluster["users"], cluster["contexts"]) = (json!([]), json!([]));
    user["clusters"] = json!([]);
    let files = [("cluster", cluster.to_string()), ("user", user.to_string())];
    reaches("config_paths", Tool::Terraform, r#"config_paths = ["cluster", "user"]"#, &[], &files);

    let certificate = [("right", plane.kubeconfig(&by_certificate()))];
    reaches("a certificate in a kubeconfig", Tool::Tofu, r#"config_path = "right""#, &[], &certificate);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn single_arguments_of_the_provider_block() {
    let plane = control_plane();
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let Credential::Certificate { certificate, key } = by_certificate().credential else {
        panic!("it has a certificate")
    };
    let server = format!("host = {:?}\n  cluster_ca_certificate = file(\"ca.pem\")\n  ", plane.server);
    let ca = ("ca.pem", plane.certificate_authority.clone());
    reaches("host and token", Tool::Terraform, &format!("{server}token = {token:?}"), &[], std::slice::from_ref(&ca));
    let files = [ca, ("cert.pem", certificate), ("key.pem", key)];
    let certificate = "client_certificate = file(\"cert.pem\")\n  client_key = file(\"key.pem\")";
    reaches("host and certificate", Tool::Tofu, &(server + certificate), &[], &files);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_environment() {
    let plane = control_plane();
    let right = plane.kubeconfig(&plane.admin);
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let path = [("KUBE_CONFIG_PATH", "right".to_owned())];
    reaches("KUBE_CONFIG_PATH", Tool::Terraform, "", &path, &[("right", right.clone())]);
    let single = [
        ("KUBE_HOST", plane.server.clone()),
        ("KUBE_TOKEN", token.clone()),
        ("KUBE_CLUSTER_CA_CERT_DATA", plane.certificate_authority.clone()),
    ];
    reaches("KUBE_HOST", Tool::Tofu, "", &single, &[]);
    // What is written beats what is set.
    let wrong = [("KUBE_HOST", "https://127.0.0.1:1".to_owned()), ("KUBE_TOKEN", "wrong".to_owned())];
    reaches("HCL over KUBE_*", Tool::Terraform, r#"config_path = "right""#, &wrong, &[("right", right)]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn through_a_proxy() {
    let plane = control_plane();
    let right = plane.kubeconfig(&plane.admin);
    let mut through: serde_json::Value = serde_json::from_str(&right).expect("JSON");
    let tunnel = ConnectProxy::start();
    through["clusters"][0]["cluster"]["proxy-url"] = tunnel.url().into();
    let argument = format!("config_path = \"right\"\n  proxy_url = {:?}", tunnel.url());
    let (file, nowhere) = (r#"config_path = "right""#, "http://127.0.0.1:1".to_owned());
    let through = through.to_string();
    let ways = [
        ("proxy_url", argument.as_str(), ("KUBE_PROXY_URL", nowhere.clone()), &right),
        ("KUBE_PROXY_URL", file, ("KUBE_PROXY_URL", tunnel.url()), &right),
        ("proxy-url of the kubeconfig", file, ("HTTPS_PROXY", nowhere), &through),
        ("this machine, which HTTPS_PROXY never leads to", file, ("HTTPS_PROXY", tunnel.url()), &right),
    ];
    for (n, (way, arguments, environment, kubeconfig)) in ways.into_iter().enumerate() {
        let (before, tool) = (tunnel.tunnels(), if n % 2 == 0 { Tool::Terraform } else { Tool::Tofu });
        reaches(way, tool, arguments, &[environment], &[("right", kubeconfig.clone())]);
        assert_eq!(tunnel.tunnels() > before, n < 3, "{way}");
    }
}
