//! Logs have the format that the host parses. A line that breaks it crashes Terraform itself.

use serde_json::{Value as Json, json};

use crate::support::{core_client::CoreClient, host::test_provider};

const SECRET: &str = "correct horse battery staple";

#[tokio::test]
async fn every_line_is_valid_hclog_json_without_secrets() {
    let mut command = test_provider();
    command.env("TF_LOG", "trace");
    let mut core = CoreClient::start(command).await;
    assert_eq!(core.configure(&json!({"prefix": "p"})).await, Vec::<String>::new());
    let instance =
        core.plan_and_apply("test_thing", None, &json!({"name": "a", "secret": SECRET})).await.expect_no_diagnostics();
    core.read("test_thing", &instance).await.expect_no_diagnostics();
    let failed = core.plan_and_apply("test_thing", None, &json!({"name": "fails after", "secret": SECRET})).await;
    assert_eq!(failed.diagnostics.len(), 1);
    core.plan_and_apply("test_thing", Some(&instance), &Json::Null).await.expect_no_diagnostics();
    let stderr = core.plugin.shut_down().await;

    let mut calls = Vec::new();
    for line in stderr.lines() {
        assert!(line.len() < 64 * 1024 && !line.contains(SECRET) && !line.contains("BEGIN CERTIFICATE"), "{line}");
        let json: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(["@message", "@module"].iter().all(|key| json[key].is_string()), "{line}");
        assert!(["trace", "debug", "info", "warn", "error"].contains(&json["@level"].as_str().unwrap()), "{line}");
        let timestamp = json["@timestamp"].as_str().unwrap();
        assert_eq!((timestamp.len(), &timestamp[19..20], &timestamp[26..]), (27, ".", "Z"), "{line}");
        if json["@message"] == "answered" {
            assert!(json["tf_req_id"].is_string() && json["tf_req_duration_ms"].is_u64(), "{line}");
            calls.push(json["tf_rpc"].as_str().unwrap().to_owned());
        }
        if json["@message"] == "reported an error" {
            assert_eq!((&json["diagnostic_summary"], &json["@level"]), (&json!("Partly created"), &json!("error")));
        }
    }
    for rpc in ["GetProviderSchema", "Configure", "PlanResourceChange", "ApplyResourceChange", "ReadResource"] {
        assert!(calls.iter().any(|call| call == rpc), "{rpc} in {calls:?}");
    }
}

#[tokio::test]
async fn nothing_is_logged_without_a_log_level() {
    let core = CoreClient::with_test_provider().await;
    assert_eq!(core.plugin.shut_down().await, "");
}
