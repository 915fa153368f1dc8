//! Debug mode: one process that a developer starts serves many runs.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::plugin::proto::tfplugin5::{
    configure, get_provider_schema, provider_client::ProviderClient,
};
use tokio::{net::UnixStream, process::Command, time::timeout};

use crate::support::{
    core_client::{encode_value, format_diagnostics},
    core_rules::Block,
    host::{Plugin, binary, plain_channel},
    terraform::{Tool, Workspace},
};

/// A provider in debug mode, and the value of TF_REATTACH_PROVIDERS that it prints.
async fn start_debug_mode(command: Command) -> (Plugin, Json) {
    let plugin = Plugin::spawn(command, |line| line.contains("TF_REATTACH_PROVIDERS='")).await;
    let quoted = plugin.line.trim().strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let json = serde_json::from_str(quoted).unwrap();
    (plugin, json)
}

#[tokio::test]
async fn one_process_serves_many_runs() {
    let mut command = binary();
    command.arg("--debug");
    let (mut plugin, reattach) = start_debug_mode(command).await;
    let ours = &reattach["registry.terraform.io/mesh-provider/mesh"];
    assert_eq!(&reattach["registry.opentofu.org/mesh-provider/mesh"], ours);
    assert_eq!(ours["Pid"], plugin.child.id().unwrap());
    assert_eq!((&ours["Protocol"], &ours["ProtocolVersion"], &ours["Test"]), (&json!("grpc"), &json!(5), &json!(true)));
    let socket = ours["Addr"]["String"].as_str().unwrap();
    for run in ["one", "two"] {
        // A host that reattaches first checks that the socket accepts connections, and closes that connection.
        drop(UnixStream::connect(socket).await.unwrap());
        let mut client = ProviderClient::new(plain_channel(socket.into()).await);
        let schemas = client.get_schema(get_provider_schema::Request {}).await.unwrap().into_inner();
        let block = Block::of(schemas.provider.as_ref().unwrap());
        let config = Some(encode_value(&block.config(&json!({"owner": run})), &block.object_type()));
        let response =
            client.configure(configure::Request { config, ..Default::default() }).await.unwrap().into_inner();
        assert_eq!(format_diagnostics(&response.diagnostics), Vec::<String>::new());
    }
    plugin.signal("INT").await;
    let status = timeout(Duration::from_secs(2), plugin.child.wait()).await.expect("Ctrl-C ends it").unwrap();
    assert!(status.success() && !std::path::Path::new(socket).exists());
}

/// The address of the cluster is known only at apply, so that a plan needs no cluster.
pub(crate) const CONFIGURATION: &str = r#"
resource "terraform_data" "cluster" {
  input = "https://localhost"
}
provider "mesh" {
  owner = "tests"
  host  = terraform_data.cluster.output
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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs terraform and tofu"]
async fn terraform_and_tofu_attach_to_the_process() {
    let mut command = binary();
    command.arg("--debug").env("TF_LOG", "debug");
    let (mut plugin, reattach) = start_debug_mode(command).await;
    let mut plans = 0;
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool).env("TF_REATTACH_PROVIDERS", &reattach.to_string());
        workspace.configure(CONFIGURATION);
        for _ in 0..2 {
            let plan = workspace.plan();
            assert!(plan.text.contains("Plan: 2 to add"), "{tool}: {}", plan.text);
            plans += 1;
            let served = plugin.stderr().matches(r#""tf_rpc":"PlanResourceChange""#).count();
            assert!(served >= plans, "{tool} started a process of its own");
        }
    }
    assert!(plugin.child.try_wait().unwrap().is_none());
}
