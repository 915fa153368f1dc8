//! Logs in the form in which the host reads them. A line that breaks it crashes Terraform itself.

use serde_json::{Value as Json, json};

use crate::support::{host::stand_in, rig::Rig};

const SECRET: &str = "correct horse battery staple";

#[tokio::test]
async fn case_12_every_line_is_hclogs_and_tells_no_secret() {
    let mut command = stand_in();
    command.env("TF_LOG", "trace");
    let mut rig = Rig::start(command).await;
    assert_eq!(rig.configure(&json!({"prefix": "p"})).await, Vec::<String>::new());
    let kept = rig.make("test_thing", None, &json!({"name": "a", "secret": SECRET})).await.sound();
    rig.read("test_thing", &kept).await.sound();
    let failed = rig.make("test_thing", None, &json!({"name": "fails after", "secret": SECRET})).await;
    assert_eq!(failed.told.len(), 1);
    rig.make("test_thing", Some(&kept), &Json::Null).await.sound();
    let stderr = rig.plugin.shut_down().await;

    let mut calls = Vec::new();
    for line in stderr.lines() {
        assert!(line.len() < 64 * 1024 && !line.contains(SECRET) && !line.contains("BEGIN CERTIFICATE"), "{line}");
        let json: Json = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
        assert!(["@message", "@module"].iter().all(|key| json[key].is_string()), "{line}");
        assert!(["trace", "debug", "info", "warn", "error"].contains(&json["@level"].as_str().unwrap()), "{line}");
        let timestamp = json["@timestamp"].as_str().unwrap();
        assert_eq!((timestamp.len(), &timestamp[19..20], &timestamp[26..]), (27, ".", "Z"), "{line}");
        if json["@message"] == "answered" {
            assert!(json["tf_req_id"].is_string() && json["tf_req_duration_ms"].is_u64(), "{line}");
            calls.push(json["tf_rpc"].as_str().unwrap().to_owned());
        }
        if json["@message"] == "told an error" {
            assert_eq!((&json["diagnostic_summary"], &json["@level"]), (&json!("Half was made"), &json!("error")));
        }
    }
    for rpc in ["GetProviderSchema", "Configure", "PlanResourceChange", "ApplyResourceChange", "ReadResource"] {
        assert!(calls.iter().any(|call| call == rpc), "{rpc} in {calls:?}");
    }
}

#[tokio::test]
async fn case_12_without_a_level_stderr_is_silent() {
    let rig = Rig::stand_in().await;
    assert_eq!(rig.plugin.shut_down().await, "");
}
