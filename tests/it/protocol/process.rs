//! The plugin process: start and handshake, mutual TLS, signals, and its end.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustls::pki_types::ServerName;
use serde_json::json;
use terraform_provider_mesh::plugin::proto::{
    go_plugin::{ConnInfo, Empty},
    health::HealthCheckRequest,
    tfplugin5::{apply_resource_change, get_metadata, read_resource, stop},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tonic::{Code, Response, Status};

use crate::support::{
    core_client::{CoreClient, ResourceInstance, encode_value},
    host::{COOKIE, Identity, Plugin, binary, test_provider},
};

/// Upper limit for a response that takes one or two milliseconds on an idle machine.
const PROMPT: Duration = Duration::from_millis(500);
/// Upper limit for the end of the process: the host kills a plugin that is still running after 2 seconds.
pub(super) const EXIT_TIMEOUT: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn started_without_a_host_prints_an_explanation() {
    for cookie in [None, Some("wrong")] {
        let mut command = binary();
        if let Some(cookie) = cookie {
            command.env(COOKIE.0, cookie);
        }
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let lines: Vec<_> = str::from_utf8(&output.stderr).unwrap().lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("This binary is a plugin."), "{lines:?}");
    }
}

#[tokio::test]
async fn version_and_help_are_printed() {
    for (argument, text) in
        [("--version", concat!("terraform-provider-mesh ", env!("CARGO_PKG_VERSION"))), ("--help", "--debug")]
    {
        let output = binary().arg(argument).output().await.unwrap();
        assert!(output.status.success() && str::from_utf8(&output.stdout).unwrap().contains(text), "{output:?}");
    }
    let output = binary().arg("--nonsense").output().await.unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
}

#[tokio::test]
async fn protocol_version_is_always_5() {
    for offered in ["5,6", "6,5", "5", "6", "", "x,6"] {
        let mut command = binary();
        command.env(COOKIE.0, COOKIE.1).env("PLUGIN_PROTOCOL_VERSIONS", offered);
        let plugin = Plugin::spawn(command, |line| !line.is_empty()).await;
        assert!(plugin.line.starts_with("1|5|unix|/"), "{offered:?}: {:?}", plugin.line);
    }
}

#[tokio::test]
async fn socket_is_in_the_runtime_folder_of_the_user_if_there_is_one() {
    let runtime = tempfile::tempdir().unwrap();
    let missing = runtime.path().join("missing");
    for (folder, is_used) in [(runtime.path(), true), (missing.as_path(), false), (Path::new("relative"), false)] {
        let mut command = binary();
        command.env(COOKIE.0, COOKIE.1).env("XDG_RUNTIME_DIR", folder);
        let plugin = Plugin::spawn(command, |line| !line.is_empty()).await;
        assert_eq!(plugin.socket().starts_with(runtime.path()), is_used, "{folder:?}: {:?}", plugin.socket());
    }
}

#[tokio::test]
async fn stdout_is_one_handshake_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.env(COOKIE.0, COOKIE.1).env("PLUGIN_CLIENT_CERT", Identity::new().pem).env("TF_LOG", "trace");
    command.env("TMPDIR", folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut written = String::new();
    stdout.read_line(&mut written).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    child.kill().await.unwrap();
    stdout.read_to_string(&mut written).await.unwrap();
    assert_eq!(written.matches('\n').count(), 1, "{written:?}");
    let fields: Vec<_> = written.trim_end_matches('\n').split('|').collect();
    assert_eq!((fields.len(), fields[0], fields[1], fields[2], fields[4]), (6, "1", "5", "unix", "grpc"));
    assert!(!fields[5].contains('=') && fields[5].len() > 50, "{written:?}");
}

#[tokio::test]
async fn only_the_host_can_connect() {
    check_only_the_host_can_connect(Plugin::start(binary()).await).await;
}

pub(super) async fn check_only_the_host_can_connect(plugin: Plugin) {
    let name = ServerName::try_from("localhost").unwrap();
    let dial = async || plugin.dial().await;

    // Without a client certificate, or with one of another host, the plugin closes the connection.
    let own = plugin.identity.as_ref().unwrap();
    for connector in [own.connector(plugin.certificate(), false), Identity::new().connector(plugin.certificate(), true)]
    {
        let refused = match connector.connect(name.clone(), dial().await).await {
            Err(_) => true,
            Ok(mut stream) => {
                let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
                stream.read(&mut [0; 1]).await.is_err()
            }
        };
        assert!(refused);
    }

    // Without TLS.
    let mut plain = dial().await;
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut response = Vec::new();
    let _ = timeout(Duration::from_secs(5), plain.read_to_end(&mut response)).await.expect("the connection is closed");
    assert!(!response.starts_with(b"\0\0"), "HTTP/2 without TLS: {response:?}");

    // Neither a client that sends nothing nor one that disconnects at once blocks other connections.
    let _silent = dial().await;
    drop(dial().await);

    let stream = own.connector(plugin.certificate(), true).connect(name, dial().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(plugin.provider().await.get_metadata(get_metadata::Request {}).await.is_ok());
}

#[tokio::test]
async fn without_a_host_certificate_there_is_no_tls() {
    let plugin = Plugin::start_plain(binary()).await;
    assert!(plugin.line.ends_with("|grpc|\n"), "{:?}", plugin.line);
    assert!(plugin.provider().await.get_metadata(get_metadata::Request {}).await.is_ok());
    plugin.shut_down().await;
}

#[tokio::test]
async fn socket_is_private_and_removed_at_exit() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.env("PLUGIN_UNIX_SOCKET_DIR", folder.path());
    let plugin = Plugin::start(command).await;
    let socket = plugin.socket();
    assert!(socket.starts_with(folder.path()));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(socket.parent().unwrap()), mode(&socket)), (0o700, 0o600));
    plugin.shut_down().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The request to create the test resource `name`.
fn create_request(core: &CoreClient, name: &str) -> apply_resource_change::Request {
    let state = core.config("test_thing", &json!({"name": name}));
    let planned = ResourceInstance { state: state.clone(), private: Vec::new(), identity: None };
    core.apply_request("test_thing", None, &planned, &state)
}

type RunningApply = JoinHandle<Result<Response<apply_resource_change::Response>, Status>>;

/// Starts an apply that waits for `Stop`, and gives it time to reach the plugin.
async fn start_slow_apply(core: &CoreClient) -> RunningApply {
    let (mut client, request) = (core.client.clone(), create_request(core, "is slow"));
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    sleep(Duration::from_millis(500)).await;
    running
}

#[tokio::test]
async fn shutdown_is_prompt_and_stops_running_calls() {
    let core = CoreClient::with_test_provider().await;
    let mut stdio = core.plugin.stdio().await.stream_stdio(()).await.unwrap().into_inner();
    let no_connections = tokio_stream::pending::<ConnInfo>();
    let _broker = core.plugin.broker().await.start_stream(no_connections).await.unwrap().into_inner();
    let running = start_slow_apply(&core).await;

    let mut controller = core.plugin.controller().await;
    let stop_sent = Instant::now();
    controller.shutdown(Empty {}).await.unwrap();
    assert!(stop_sent.elapsed() < PROMPT, "{:?}", stop_sent.elapsed());
    let mut child = core.plugin.child;
    let status = timeout(EXIT_TIMEOUT, child.wait()).await.expect("gone in time").unwrap();
    assert!(status.success(), "{status}");
    assert!(stop_sent.elapsed() < EXIT_TIMEOUT, "{:?}", stop_sent.elapsed());
    assert!(stdio.message().await.is_err() || stdio.message().await.unwrap().is_none());
    // The running call was stopped, and its response was still sent.
    let response = running.await.unwrap().unwrap().into_inner();
    assert_eq!(response.diagnostics[0].summary, "Stopped");
}

#[tokio::test]
async fn interrupts_are_ignored() {
    let mut core = CoreClient::with_test_provider().await;
    let written = json!({"name": "takes a while"});
    let planned = core.plan("test_thing", None, &written).await.expect_no_diagnostics();
    let config = core.config("test_thing", &written);
    let request = core.apply_request("test_thing", None, &planned, &config);
    let mut client = core.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    for _ in 0..3 {
        sleep(Duration::from_millis(100)).await;
        core.plugin.signal("INT").await;
    }
    assert!(running.await.unwrap().unwrap().into_inner().diagnostics.is_empty());
    assert!(core.plugin.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn sigterm_stops_running_calls() {
    let core = CoreClient::with_test_provider().await;
    let running = start_slow_apply(&core).await;
    core.plugin.signal("TERM").await;
    let response = timeout(Duration::from_secs(2), running).await.unwrap().unwrap().unwrap().into_inner();
    assert_eq!(response.diagnostics[0].summary, "Stopped");
}

#[tokio::test]
async fn plugin_ends_when_its_host_exits() {
    let folder = tempfile::tempdir().unwrap();
    // The plugin's parent is a shell, which starts it in the background and exits after 3 s: time enough for the
    // handshake.
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", "\"$0\" & sleep 3", env!("CARGO_BIN_EXE_terraform-provider-mesh")]);
    shell.stdin(Stdio::null()).stderr(Stdio::null());
    shell.env("PLUGIN_UNIX_SOCKET_DIR", folder.path()).env(COOKIE.0, COOKIE.1);
    let output =
        timeout(Duration::from_secs(30), shell.output()).await.expect("the plugin has closed its stdout").unwrap();
    assert!(output.stdout.starts_with(b"1|5|unix|"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn health_service_reports_serving() {
    let plugin = Plugin::start(binary()).await;
    let mut health = plugin.health().await;
    let ask = |service: &str| HealthCheckRequest { service: service.to_owned() };
    assert_eq!(health.check(ask("plugin")).await.unwrap().into_inner().status, 1);
    assert_eq!(health.check(ask("other")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn stdio_stream_stays_open_and_silent() {
    let plugin = Plugin::start(binary()).await;
    let mut stdio = plugin.stdio().await;
    for _ in 0..2 {
        let mut stream = stdio.stream_stdio(()).await.unwrap().into_inner();
        assert!(
            timeout(Duration::from_millis(200), stream.message()).await.is_err(),
            "the stream sent a message or ended"
        );
    }
}

#[tokio::test]
async fn large_states_are_read() {
    let mut core = CoreClient::with_test_provider().await;
    let state = core.config("test_thing", &json!({"name": "big", "secret": "x".repeat(20 << 20)}));
    let current_state = Some(encode_value(&state, &core.blocks["test_thing"].object_type()));
    let request = read_resource::Request { type_name: "test_thing".into(), current_state, ..Default::default() };
    let mut client = core.client.clone().max_decoding_message_size(usize::MAX);
    let response = client.read_resource(request.clone()).await.unwrap().into_inner();
    assert_eq!((response.diagnostics, response.new_state), (Vec::new(), request.current_state));
    let schemas =
        core.client.get_schema(terraform_provider_mesh::plugin::proto::tfplugin5::get_provider_schema::Request {});
    assert!(prost::Message::encoded_len(schemas.await.unwrap().get_ref()) < 64 << 20);
}

#[tokio::test]
async fn panic_is_an_error_and_keeps_the_state() {
    let mut core = CoreClient::with_test_provider().await;
    let name = "test_thing";
    let assert_crash = |diagnostics: &[String], message: &str| {
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        assert!(diagnostics[0].starts_with("ERROR : The provider crashed. A bug in the provider"), "{diagnostics:?}");
        assert!(diagnostics[0].contains(message), "{diagnostics:?}");
    };

    let instance = core.plan_and_apply(name, None, &json!({"name": "panics in read"})).await.expect_no_diagnostics();
    let read = core.read(name, &instance).await;
    assert_crash(&read.diagnostics, "no read");
    assert_eq!(read.instance, instance);

    let plan = core.plan(name, Some(&instance), &json!({"name": "panics in plan"})).await;
    assert_crash(&plan.diagnostics, "no plan");
    assert_eq!(plan.planned, instance);

    // A create keeps the planned state, so that core taints the resource instead of losing it.
    let written = json!({"name": "panics in apply", "size": 3, "item": [{"key": "a"}]});
    let planned = core.plan(name, None, &written).await.expect_no_diagnostics();
    let config = core.config(name, &written);
    let create = core.apply(name, None, &planned, &config).await;
    assert_crash(&create.diagnostics, "half done");
    assert_eq!(create.instance.state.member("echo"), planned.state.member("echo"));
    assert_eq!((&create.instance.private, &create.instance.identity), (&planned.private, &planned.identity));

    // An update and a delete keep the prior state.
    let update = core.apply(name, Some(&instance), &planned, &config).await;
    assert_crash(&update.diagnostics, "half done");
    assert_eq!(update.instance.state, instance.state);
    let instance = core.plan_and_apply(name, None, &json!({"name": "panics in delete"})).await.expect_no_diagnostics();
    let planned = core.plan(name, Some(&instance), &json!(null)).await.expect_no_diagnostics();
    let delete = core.apply(name, Some(&instance), &planned, &config).await;
    assert_crash(&delete.diagnostics, "half deleted");
    assert_eq!(delete.instance.state, instance.state);

    let diagnostics = core.validate(name, &json!({"name": "panics in validate"})).await;
    assert_crash(&diagnostics, "panics in validate");

    let stderr = core.plugin.shut_down().await;
    assert!(stderr.lines().any(|line| line == "panic: no read"), "{stderr}");
}

#[tokio::test]
async fn stop_is_prompt_and_later_calls_run() {
    let mut core = CoreClient::with_test_provider().await;
    let running = start_slow_apply(&core).await;
    let stop_sent = Instant::now();
    assert_eq!(core.client.stop(stop::Request {}).await.unwrap().into_inner().error, "");
    assert!(stop_sent.elapsed() < PROMPT, "{:?}", stop_sent.elapsed());
    let response = timeout(EXIT_TIMEOUT, running).await.expect("an answer soon").unwrap().unwrap().into_inner();
    assert_eq!(response.diagnostics[0].summary, "Stopped");
    assert_eq!(response.private, b"applied");
    core.plan_and_apply("test_thing", None, &json!({"name": "after"})).await.expect_no_diagnostics();
}

#[tokio::test]
async fn apply_continues_after_the_host_disconnects() {
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let mut command = test_provider();
    command.env("TEST_PROVIDER_DONE_FILE", &done);
    let core = CoreClient::start(command).await;
    let (mut client, request) = (core.client.clone(), create_request(&core, "takes a while"));
    // The timeout drops the call, which resets its stream.
    let response = timeout(Duration::from_millis(700), client.apply_resource_change(request)).await;
    assert!(response.is_err() && !done.exists());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done.exists() {
        assert!(Instant::now() < deadline, "the apply was aborted");
        sleep(Duration::from_millis(20)).await;
    }
}
