//! The plugin on a TCP port, as on Windows.

use std::{net::TcpListener, time::Duration};

use terraform_provider_mesh::plugin::proto::tfplugin5::get_metadata;
use tokio::{process::Command, time::timeout};

use super::{debug::CONFIGURATION, process::check_only_the_host_can_connect};
use crate::support::{
    host::{COOKIE, Identity, Plugin, binary},
    terraform::{Tool, Workspace},
};

/// The command of the provider, which is to listen on one of `ports`.
fn on_ports(ports: (u16, u16)) -> Command {
    let mut command = binary();
    command.arg("--tcp");
    command.env("PLUGIN_MIN_PORT", ports.0.to_string()).env("PLUGIN_MAX_PORT", ports.1.to_string());
    command
}

#[tokio::test]
async fn handshake_line_names_a_port_of_the_hosts_range() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let first = taken.local_addr().unwrap().port().min(u16::MAX - 50);
    let plugin = Plugin::start(on_ports((first, first + 50))).await;
    let fields = plugin.fields();
    assert_eq!((fields.len(), fields[0], fields[1], fields[2], fields[4]), (6, "1", "5", "tcp", "grpc"));
    let port: u16 = fields[3].strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert!((first..=first + 50).contains(&port) && port != taken.local_addr().unwrap().port(), "{port}");
    assert!(plugin.provider().await.get_metadata(get_metadata::Request {}).await.is_ok());
    plugin.shut_down().await;
}

#[tokio::test]
async fn taken_ports_are_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = on_ports((port, port));
    command.env(COOKIE.0, COOKIE.1).env("PLUGIN_CLIENT_CERT", Identity::new().pem);
    let output = command.output().await.unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let expected = format!(
        "The provider can't start: no port of 127.0.0.1 from {port} to {port} is free (PLUGIN_MIN_PORT, PLUGIN_MAX_PORT)\n"
    );
    assert_eq!(str::from_utf8(&output.stderr).unwrap(), expected);
}

#[tokio::test]
async fn only_the_host_can_connect_over_tcp() {
    check_only_the_host_can_connect(Plugin::start(on_ports((0, 0))).await).await;
}

#[tokio::test]
async fn port_without_a_host_certificate_is_an_error() {
    let output = on_ports((0, 0)).env(COOKIE.0, COOKIE.1).output().await.unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(str::from_utf8(&output.stderr).unwrap().contains("the host sent no certificate"), "{output:?}");
}

#[tokio::test]
async fn plugin_ends_when_the_connections_of_its_host_end() {
    let mut plugin = Plugin::start(on_ports((0, 0))).await;
    let mut provider = plugin.provider().await;
    // The open connection keeps the process, whether or not there are calls.
    assert!(timeout(Duration::from_secs(7), plugin.child.wait()).await.is_err());
    assert!(provider.get_metadata(get_metadata::Request {}).await.is_ok());
    drop(provider);
    let status = timeout(Duration::from_secs(10), plugin.child.wait()).await.expect("the process ends").unwrap();
    assert!(status.success(), "{status}");
}

/// A script of the test starts the provider with `--tcp`.
#[test]
#[ignore = "needs terraform and tofu"]
fn terraform_and_tofu_plan_over_tcp() {
    for tool in Tool::ALL {
        let workspace = Workspace::with_provider_argument(tool, "--tcp").env("TF_LOG", "trace");
        workspace.configure(CONFIGURATION);
        let output = workspace.run(&["plan", "-input=false", "-no-color"]).expect_success();
        assert!(output.stdout.contains("Plan: 2 to add"), "{tool}: {output}");
        let is_on_tcp = |line: &str| line.contains("listening") && line.contains("network=tcp");
        assert!(output.stderr.lines().any(is_on_tcp), "{tool}: {}", output.stderr);
    }
}
