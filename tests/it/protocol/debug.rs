//! Debug mode: one process, started by hand, serves many runs.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::plugin::proto::tfplugin5::{
    configure, get_provider_schema, provider_client::ProviderClient,
};
use tokio::{net::UnixStream, process::Command, time::timeout};

use crate::support::{
    core::Block,
    host::{Plugin, binary, plain_channel},
    rig::{told, wire},
};

/// A debugged provider, and the value of TF_REATTACH_PROVIDERS.
async fn debugged() -> (Plugin, Json) {
    let mut command = binary();
    command.arg("--debug");
    let plugin = Plugin::spawn(command, |line| line.contains("TF_REATTACH_PROVIDERS='")).await;
    let quoted = plugin.line.trim().strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let json = serde_json::from_str(quoted).unwrap();
    (plugin, json)
}

#[tokio::test]
async fn case_14_one_process_serves_many_runs() {
    let (mut plugin, reattach) = debugged().await;
    let ours = &reattach["registry.terraform.io/mesh-provider/mesh"];
    assert_eq!(&reattach["registry.opentofu.org/mesh-provider/mesh"], ours);
    assert_eq!(ours["Pid"], plugin.child.id().unwrap());
    assert_eq!((&ours["Protocol"], &ours["ProtocolVersion"], &ours["Test"]), (&json!("grpc"), &json!(5), &json!(true)));
    let socket = ours["Addr"]["String"].as_str().unwrap();
    for run in ["one", "two"] {
        // A host that reattaches looks whether somebody listens, and hangs up.
        drop(UnixStream::connect(socket).await.unwrap());
        let mut client = ProviderClient::new(plain_channel(socket.into()).await);
        let schemas = client.get_schema(get_provider_schema::Request {}).await.unwrap().into_inner();
        let block = Block::of(schemas.provider.as_ref().unwrap());
        let config = Some(wire(&block.config(&json!({"owner": run})), &block.kind()));
        let answer = client.configure(configure::Request { config, ..Default::default() }).await.unwrap().into_inner();
        assert_eq!(told(&answer.diagnostics), Vec::<String>::new());
    }
    plugin.signal("INT").await;
    let status = timeout(Duration::from_secs(2), plugin.child.wait()).await.expect("Ctrl-C ends it").unwrap();
    assert!(status.success() && !std::path::Path::new(socket).exists());
}

#[tokio::test]
#[ignore = "needs terraform"]
async fn case_14_terraform_finds_it_twice() {
    let (mut plugin, reattach) = debugged().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = r#"
terraform {
  required_providers {
    mesh = { source = "mesh-provider/mesh" }
  }
}
provider "mesh" {
  owner = "tests"
}
resource "mesh_service" "payments" {
  name      = "payments"
  namespace = "pci"
  port {
    number   = 8080
    protocol = "http"
  }
}
"#;
    std::fs::write(folder.path().join("main.tf"), configuration).unwrap();
    let terraform = async |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(folder.path()).env("TF_REATTACH_PROVIDERS", reattach.to_string());
        let output = command.output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    for _ in 0..2 {
        let (sound, text) = terraform(&["plan", "-no-color", "-input=false"]).await;
        assert!(sound && text.contains("Plan: 1 to add"), "{text}");
    }
    assert!(plugin.child.try_wait().unwrap().is_none());
}
