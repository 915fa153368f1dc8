//! Validation: errors that core doesn't find itself have the path of their attribute, and unknown values are accepted.

use serde_json::{Value as Json, json};

use crate::support::{core_client::CoreClient, core_rules::UNKNOWN, host::binary};

const SERVICE: &str = "mesh_service";

fn service(change: impl Fn(&mut Json)) -> Json {
    let mut written = json!({"name": "payments", "namespace": "pci", "port": [{"number": 8080, "protocol": "http"}]});
    change(&mut written);
    written
}

#[tokio::test]
async fn weak_connections_are_warnings_of_configure() {
    let kubeconfig = json!({
        "current-context": "a", "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
        "clusters": [{ "name": "a", "cluster": { "server": "https://api:6443", "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "a", "user": { "token": "token" } }],
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config").to_string_lossy().into_owned();
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let configure = async |environment: &[(&str, &str)], arguments: Json| {
        let mut command = binary();
        command.envs(environment.iter().copied());
        let mut written = json!({ "owner": "a" });
        written.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        CoreClient::start(command).await.configure(&written).await
    };
    let (clear_text, unverified) =
        ("Credentials are sent in clear text", "The API server's certificate isn't verified");
    for (environment, arguments, expected) in [
        (&[][..], json!({ "host": "http://api", "token": "token" }), format!("WARNING .host: {clear_text}")),
        (&[("KUBE_TOKEN", "token")], json!({ "host": "http://api" }), format!("WARNING .host: {clear_text}")),
        (&[("KUBE_HOST", "http://api")], json!({ "token": "token" }), format!("WARNING : {clear_text}")),
        (&[], json!({ "host": "api", "insecure": true }), format!("WARNING .insecure: {unverified}")),
        (&[("KUBE_INSECURE", "1")], json!({ "host": "api" }), format!("WARNING : {unverified}")),
        (&[], json!({ "config_path": path }), format!("WARNING .config_path: {unverified}")),
        (&[("KUBE_CONFIG_PATH", &path)], json!({}), format!("WARNING : {unverified}")),
    ] {
        let diagnostics = configure(environment, arguments.clone()).await;
        assert!(diagnostics.len() == 1 && diagnostics[0].starts_with(&expected), "{arguments}: {diagnostics:?}");
    }
    for arguments in [
        json!({ "host": "http://127.0.0.1:8080", "token": "token" }),
        json!({ "config_path": path, "insecure": false }),
        json!({ "config_path": "absent" }),
    ] {
        assert!(configure(&[], arguments.clone()).await.is_empty(), "{arguments}");
    }
}

#[tokio::test]
async fn missing_required_and_set_computed_attributes_are_errors() {
    let mut core = CoreClient::start(binary()).await;
    for (written, at) in [
        (service(|s| s["name"] = Json::Null), ".name: Missing required argument"),
        (service(|s| s["port"][0]["number"] = Json::Null), ".port[0].number: Missing required argument"),
        (service(|s| s["host"] = json!("x")), ".host: Read-only attribute set"),
        (service(|s| s["id"] = json!("x")), ".id: Read-only attribute set"),
    ] {
        let diagnostics = core.validate(SERVICE, &written).await;
        assert!(diagnostics.len() == 1 && diagnostics[0].starts_with(&format!("ERROR {at}")), "{diagnostics:?}");
    }
    // All errors are reported at once.
    let diagnostics = core.validate(SERVICE, &json!({"port": [{}], "host": "x"})).await;
    assert_eq!(diagnostics.len(), 5, "{diagnostics:#?}");

    let mut core = CoreClient::with_test_provider().await;
    let diagnostics =
        core.validate("test_thing", &json!({"name": "a", "item": [{"key": "k", "counted_by": "me"}]})).await;
    assert!(
        diagnostics.len() == 1 && diagnostics[0].starts_with("ERROR .item[0].counted_by: Read-only attribute set"),
        "{diagnostics:?}"
    );
}

#[tokio::test]
async fn unknown_values_are_valid_everywhere() {
    let mut core = CoreClient::start(binary()).await;
    for written in [
        service(|_| {}),
        service(|s| s["name"] = json!(UNKNOWN)),
        service(|s| s["port"] = json!(UNKNOWN)),
        service(|s| s["port"][0]["number"] = json!(UNKNOWN)),
        service(|s| s["calls"] = json!(["shop/catalog", UNKNOWN])),
        service(|s| s["labels"] = json!({"team": UNKNOWN})),
        service(|s| s["allow"] = json!([{"from": UNKNOWN}])),
        service(|s| s["allow"] = json!(UNKNOWN)),
    ] {
        assert_eq!(core.validate(SERVICE, &written).await, Vec::<String>::new(), "{written}");
    }
}

#[tokio::test]
async fn last_configure_call_wins() {
    let mut core = CoreClient::with_test_provider().await;
    for prefix in ["one-", "two-"] {
        assert_eq!(core.configure(&json!({"prefix": prefix})).await, Vec::<String>::new());
        let instance = core.plan_and_apply("test_thing", None, &json!({"name": "a"})).await.expect_no_diagnostics();
        assert_eq!(
            instance.state.member("echo"),
            &terraform_provider_mesh::schema::Value::string(format!("{prefix}a"))
        );
    }
}

#[tokio::test]
async fn plan_without_configure_is_an_error() {
    let mut core = CoreClient::start(binary()).await;
    let plan = core.plan(SERVICE, None, &service(|_| {})).await;
    assert!(
        plan.diagnostics.len() == 1 && plan.diagnostics[0].starts_with("ERROR : The provider isn't configured"),
        "{:?}",
        plan.diagnostics
    );
}
