//! Each failing connection is one clear error, which names the argument to set and contains no secret.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    cluster::{CART, provider},
    support::{
        api::block_on,
        assertions::assert_contains_all,
        control_plane::{Namespace, control_plane},
        proxy::Proxy,
        terraform::{Tool, Workspace},
        users::{Credential, User, UserAuthority},
    },
};

/// [`CART`] with timeouts of one second.
fn cart_with_short_timeouts() -> String {
    let block = "\n  timeouts {\n    create = \"1s\"\n    read = \"1s\"\n  }\n}";
    format!("{}{block}", CART.trim_end().trim_end_matches('}'))
}

/// The errors of an apply with `arguments`, which must not create any object.
fn apply_errors(namespace: &Namespace, arguments: &str, hcl: &str, files: &[(&str, String)]) -> String {
    let workspace = Workspace::new(Tool::Terraform);
    for (name, text) in files {
        workspace.write_file(name, text);
    }
    workspace.configure(&provider(namespace, "istio-system", arguments, hcl));
    let errors = workspace.apply().errors();
    namespace.assert_empty();
    errors
}

/// Arguments of the provider block, additional files, and parts of the expected error.
type Case<'a> = (&'a str, &'a [(&'a str, String)], &'a [&'a str]);

/// Checks that each case is one error with the expected parts, and without `hunter2`, which stands for secrets.
fn assert_errors(hcl: &str, cases: &[Case<'_>]) {
    let namespace = control_plane().namespace("unconnected");
    for (arguments, files, parts) in cases {
        let errors = apply_errors(&namespace, arguments, hcl, files);
        assert_contains_all(arguments, &errors, *parts);
        assert_eq!(errors.matches("Error: ").count(), 1, "{arguments}: {errors}");
        assert!(!errors.contains("hunter2"), "{arguments}: a secret is in: {errors}");
    }
}

/// Starts a local server with an expired certificate, and returns the certificate of its issuer.
fn server_with_expired_certificate() -> (SocketAddr, String) {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let mut server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (server.not_before, server.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let certificate: CertificateDer<'static> = server.signed_by(&key, &issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // The client aborts the handshake, as expected.
                tokio::spawn(async move { acceptor.accept(stream).await.ok() });
            }
        });
        address
    });
    (address, pem)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn untrusted_server_certificates_are_errors() {
    let plane = control_plane();
    let (expired, expired_ca) = server_with_expired_certificate();
    let server = format!("host = {:?}\n  ", plane.server);
    let ca = [("ca.pem", plane.certificate_authority.clone())];
    let invalid = [("ca.pem", "hunter2".to_owned())];
    let other = [("ca.pem", UserAuthority::new().pem().to_owned())];
    let file = "cluster_ca_certificate = file(\"ca.pem\")";
    let untrusted = "TLS verification of the API server failed";
    assert_errors(
        CART,
        &[
            (&server, &[], &[untrusted, "authority that we don't know", "cluster_ca_certificate"]),
            (&format!("{server}{file}"), &other, &[untrusted, "authority that we don't know"]),
            (
                &format!("{server}{file}\n  tls_server_name = \"api.example.com\""),
                &ca,
                &[untrusted, "is not for api.example.com, but for", "tls_server_name"],
            ),
            (
                &format!("host = \"https://{expired}\"\n  {file}"),
                &[("ca.pem", expired_ca)],
                &[untrusted, &format!("https://{expired} has expired"), "clock"],
            ),
            (
                &format!("{server}{file}"),
                &invalid,
                &["connection can't be used", "holds no certificate", "base64decode"],
            ),
            (
                &format!("{server}{file}\n  client_certificate = \"hunter2\"\n  client_key = \"hunter2\""),
                &ca,
                &["connection can't be used", "client_certificate and client_key", "PEM"],
            ),
            (
                &format!("{server}{file}\n  client_certificate = \"hunter2\""),
                &ca,
                &["connection can't be used", "no client_key"],
            ),
        ],
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unreachable_servers_are_errors() {
    let clear = format!("host = {:?}", Proxy::start(control_plane()).url().replace("http:", "https:"));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().expect("it is bound");
    let unreached = "API server is unreachable";
    assert_errors(
        &cart_with_short_timeouts(),
        &[
            ("", &[], &["No cluster is configured", "config_path", "host", "KUBE_CONFIG_PATH", "offline = true"]),
            ("host = \"https://127.0.0.1:1\"", &[], &[unreached, "https://127.0.0.1:1 doesn't answer", "refused"]),
            (
                "host = \"https://api.nowhere.invalid\"",
                &[],
                &[unreached, "https://api.nowhere.invalid can't be resolved"],
            ),
            (
                "host = \"https://api.nowhere.invalid\"\n  proxy_url = \"http://user:hunter2@127.0.0.1:1\"",
                &[],
                &[unreached, "through the proxy http://127.0.0.1:1", "doesn't answer"],
            ),
            (
                "host = \"https://127.0.0.1\"\n  proxy_url = \"ftp://user:hunter2@127.0.0.1:1\"",
                &[],
                &["proxy_url", "socks5"],
            ),
            (&clear, &[], &["TLS verification", "doesn't speak TLS"]),
            (&format!("host = \"https://{silent}\""), &[], &[unreached, "timeouts"]),
            ("host = \"a b\"", &[], &["is no address of an API server", "KUBE_HOST"]),
            ("in_cluster = true", &[], &["KUBERNETES_SERVICE_HOST", "doesn't run in a pod"]),
        ],
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn rejected_credentials_are_errors() {
    let plane = control_plane();
    let unknown = User { name: "unknown".to_owned(), credential: Credential::Token("hunter2".to_owned()) };
    let mut anonymous: Json = serde_json::from_str(&plane.kubeconfig(&unknown)).expect("JSON");
    anonymous["users"][0]["user"] = json!({});
    let unknown = [("config", plane.kubeconfig(&unknown))];
    let mut missing_file: Json = serde_json::from_str(&unknown[0].1).expect("JSON");
    missing_file["users"][0]["user"] = json!({ "tokenFile": "hunter" });
    let file = "config_path = \"config\"";
    assert_errors(
        CART,
        &[
            (
                file,
                &unknown,
                &[
                    "Authentication failed (401 Unauthorized)",
                    "401 (Unauthorized)",
                    "read again",
                    "token, exec, client_certificate",
                ],
            ),
            (
                file,
                &[("config", anonymous.to_string())],
                &["Authentication failed (401 Unauthorized)", "Set token, exec or client_cert"],
            ),
            (
                file,
                &[("config", missing_file.to_string())],
                &["connection can't be used", "The token file", "can't be read"],
            ),
            (file, &[], &["The kubeconfig config can't be read", "KUBE_CONFIG_PATH"]),
            (file, &[("config", "users: [hunter2: {hunter2".to_owned())], &["isn't a kubeconfig in YAML"]),
            (
                "config_path = \"config\"\n  config_context = \"prod\"",
                &unknown,
                &["no context \"prod\"; it has: throwaway", "config_context (or KUBE_CTX)"],
            ),
            (
                "host = \"https://127.0.0.1:1\"\n  token = \"hunter2\\u00e9\"",
                &[],
                &["token (or KUBE_TOKEN)", "non-ASCII character"],
            ),
        ],
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failing_exec_plugins_are_errors() {
    let exec = |command: &str, script: &str| {
        format!(
            "host = {:?}\n  exec {{\n    api_version = \"client.authentication.k8s.io/v1\"\n    command = {command:?}\n    \
             args = [\"-c\", {script:?}]\n    env = {{ SECRET = \"hunter2\" }}\n  }}",
            control_plane().server
        )
    };
    let none = "Exec plugin failed to give credentials";
    assert_errors(
        CART,
        &[
            (
                &exec("sh", "echo $SECRET; echo $SECRET >&2; exit 7"),
                &[],
                &[none, "sh failed (exit status: 7)", "by hand"],
            ),
            (&exec("sh", "echo $SECRET"), &[], &[none, "prints isn't an ExecCredential"]),
            (&exec("/nowhere/aws", ""), &[], &[none, "/nowhere/aws isn't there", "command of the exec block"]),
            (&exec("/etc/passwd", ""), &[], &[none, "/etc/passwd can't be run"]),
        ],
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn conflicting_connection_arguments_are_errors() {
    let exec = "exec {\n    api_version = \"client.authentication.k8s.io/v1alpha1\"\n    command = \"\"\n  }";
    let other = exec.replace("v1alpha1", "v1").replace("\"\"", "\"aws\"");
    for (arguments, parts) in [
        (
            "in_cluster = true\n  host = \"https://a\"",
            vec!["Conflicting connection arguments", "in_cluster and host exclude"],
        ),
        (&format!("in_cluster = true\n  {other}"), vec!["in_cluster and exec exclude"]),
        (
            &format!("host = \"https://a\"\n  token = \"t\"\n  {other}"),
            vec!["Conflicting credentials", "token and exec"],
        ),
        (&format!("host = \"\"\n  {exec}"), vec!["Invalid host", "can't be empty", "v1alpha1", "Invalid exec.command"]),
        ("config_path = \"a\"\n  config_paths = [\"b\"]", vec!["Both config_path and config_paths"]),
    ] {
        let workspace = Workspace::new(Tool::Tofu);
        let block = format!("provider \"mesh\" {{\n  owner = \"tests\"\n  {arguments}\n}}\n{CART}");
        workspace.configure(&block.replace("NAMESPACE", "offline"));
        let errors = workspace.run(&["validate", "-no-color"]).errors();
        assert_contains_all(arguments, &errors, parts);
    }
}

/// If connection arguments are unknown at plan time, the plan is made without a cluster, and never with the cluster of
/// the environment.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn unknown_arguments_never_select_another_cluster() {
    let namespace = control_plane().namespace("later");
    let exec = "exec {\n    api_version = \"client.authentication.k8s.io/v1\"\n    command = \"COMMAND\"\n    args = ARGS\n  }";
    let known = exec.replace("ARGS", "[terraform_data.later.id]").replace("COMMAND", "sh");
    let block = "dynamic \"exec\" {\n    for_each = terraform_data.later.output\n    content {\n      \
                 api_version = \"client.authentication.k8s.io/v1\"\n      command = \"sh\"\n    }\n  }";
    for arguments in [
        "host = terraform_data.later.id",
        "token = terraform_data.later.id",
        "proxy_url = terraform_data.later.id",
        "in_cluster = terraform_data.later.id != \"\"",
        "config_path = terraform_data.later.id",
        &known,
        block,
    ] {
        // A plan that connected to this server would fail.
        let workspace = Workspace::new(Tool::Terraform).env("KUBE_HOST", "https://127.0.0.1:1");
        let later = "\nresource \"terraform_data\" \"later\" {\n  input = [\"x\"]\n}\n";
        workspace.configure(&provider(&namespace, "istio-system", arguments, &(CART.to_owned() + later)));
        let plan = workspace.plan();
        assert!(!plan.is_empty && plan.text.contains("AuthorizationPolicy/"), "{arguments}: {}", plan.text);
        assert!(!plan.text.contains("127.0.0.1:1"), "{arguments}: {}", plan.text);
    }
}
