//! How the process starts, whom it lets in, and how it ends.

use std::{
    os::unix::fs::PermissionsExt as _,
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
    net::UnixStream,
    time::{sleep, timeout},
};
use tonic::Code;

use crate::support::{
    host::{COOKIE, Identity, Plugin, binary, stand_in},
    rig::{Kept, Rig, wire},
};

/// "At once", on a machine that is busy with other tests; idle it is a millisecond or two.
const AT_ONCE: Duration = Duration::from_millis(500);
/// The host kills a plugin that isn't gone after 2 seconds.
const GONE: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn case_01_started_by_hand_it_explains_itself() {
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
async fn people_can_ask_for_version_and_help() {
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
async fn case_02_the_version_is_5_whatever_the_host_offers() {
    for offered in ["5,6", "6,5", "5", "6", "", "x,6"] {
        let mut command = binary();
        command.env(COOKIE.0, COOKIE.1).env("PLUGIN_PROTOCOL_VERSIONS", offered);
        let plugin = Plugin::spawn(command, |line| !line.is_empty()).await;
        assert!(plugin.line.starts_with("1|5|unix|/"), "{offered:?}: {:?}", plugin.line);
    }
}

#[tokio::test]
async fn case_03_one_line_and_nothing_else_on_stdout() {
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
async fn case_04_only_the_host_gets_in() {
    let plugin = Plugin::start(binary()).await;
    let name = ServerName::try_from("localhost").unwrap();
    let dial = async || UnixStream::connect(plugin.socket()).await.unwrap();

    // Without a certificate, and with another host's: refused once the plugin has seen it.
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

    // In the clear.
    let mut plain = dial().await;
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), plain.read_to_end(&mut answer)).await.expect("the connection is closed");
    assert!(!answer.starts_with(b"\0\0"), "no HTTP/2 in the clear: {answer:?}");

    // Somebody who never says anything holds up nobody, nor does one who leaves at once.
    let _silent = dial().await;
    drop(dial().await);

    let stream = own.connector(plugin.certificate(), true).connect(name, dial().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(plugin.provider().await.get_metadata(get_metadata::Request {}).await.is_ok());
}

#[tokio::test]
async fn case_05_without_a_host_certificate_it_speaks_in_the_clear() {
    let plugin = Plugin::start_plain(binary()).await;
    assert!(plugin.line.ends_with("|grpc|\n"), "{:?}", plugin.line);
    assert!(plugin.provider().await.get_metadata(get_metadata::Request {}).await.is_ok());
    plugin.shut_down().await;
}

#[tokio::test]
async fn case_06_the_socket_is_private_and_goes_with_the_plugin() {
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

fn slow(rig: &Rig) -> apply_resource_change::Request {
    let written = json!({"name": "is slow"});
    let state = rig.config("test_thing", &written);
    let planned = Kept { state: state.clone(), private: Vec::new(), identity: None };
    rig.apply_request("test_thing", None, &planned, &state)
}

#[tokio::test]
async fn case_07_shutdown_is_prompt() {
    let rig = Rig::stand_in().await;
    let mut stdio = rig.plugin.stdio().await.stream_stdio(()).await.unwrap().into_inner();
    let silence = tokio_stream::pending::<ConnInfo>();
    let _broker = rig.plugin.broker().await.start_stream(silence).await.unwrap().into_inner();
    let (mut client, request) = (rig.client.clone(), slow(&rig));
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    sleep(Duration::from_millis(100)).await;

    let mut controller = rig.plugin.controller().await;
    let asked = Instant::now();
    controller.shutdown(Empty {}).await.unwrap();
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    let mut child = rig.plugin.child;
    let status = timeout(GONE, child.wait()).await.expect("gone in time").unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < GONE, "{:?}", asked.elapsed());
    assert!(stdio.message().await.is_err() || stdio.message().await.unwrap().is_none());
    // What ran was stopped, and its answer still got out.
    let answer = running.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.diagnostics[0].summary, "Stopped");
}

#[tokio::test]
async fn case_08_interrupts_are_the_hosts_business() {
    let mut rig = Rig::stand_in().await;
    let written = json!({"name": "takes a while"});
    let planned = rig.plan("test_thing", None, &written).await.sound();
    let config = rig.config("test_thing", &written);
    let request = rig.apply_request("test_thing", None, &planned, &config);
    let mut client = rig.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    for _ in 0..3 {
        sleep(Duration::from_millis(100)).await;
        rig.plugin.signal("INT").await;
    }
    assert!(running.await.unwrap().unwrap().into_inner().diagnostics.is_empty());
    assert!(rig.plugin.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn sigterm_stops_the_calls_in_flight() {
    let rig = Rig::stand_in().await;
    let (mut client, request) = (rig.client.clone(), slow(&rig));
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    sleep(Duration::from_millis(100)).await;
    rig.plugin.signal("TERM").await;
    let answer = timeout(Duration::from_secs(2), running).await.unwrap().unwrap().unwrap().into_inner();
    assert_eq!(answer.diagnostics[0].summary, "Stopped");
}

#[tokio::test]
async fn without_its_host_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    // A shell in between, which starts the plugin, waits for its line, and is gone.
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", "\"$0\" & sleep 0.7", env!("CARGO_BIN_EXE_terraform-provider-mesh")]);
    shell.stdin(Stdio::null()).stderr(Stdio::null());
    shell.env("PLUGIN_UNIX_SOCKET_DIR", folder.path()).env(COOKIE.0, COOKIE.1);
    let output =
        timeout(Duration::from_secs(10), shell.output()).await.expect("the plugin has closed its stdout").unwrap();
    assert!(output.stdout.starts_with(b"1|5|unix|"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn case_09_health() {
    let plugin = Plugin::start(binary()).await;
    let mut health = plugin.health().await;
    let ask = |service: &str| HealthCheckRequest { service: service.to_owned() };
    assert_eq!(health.check(ask("plugin")).await.unwrap().into_inner().status, 1);
    assert_eq!(health.check(ask("other")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn case_10_stdio_is_open_and_silent() {
    let plugin = Plugin::start(binary()).await;
    let mut stdio = plugin.stdio().await;
    for _ in 0..2 {
        let mut stream = stdio.stream_stdio(()).await.unwrap().into_inner();
        assert!(timeout(Duration::from_millis(200), stream.message()).await.is_err(), "it said something or ended");
    }
}

#[tokio::test]
async fn case_11_big_states_are_read() {
    let mut rig = Rig::stand_in().await;
    let state = rig.config("test_thing", &json!({"name": "big", "secret": "x".repeat(20 << 20)}));
    let current_state = Some(wire(&state, &rig.blocks["test_thing"].kind()));
    let request = read_resource::Request { type_name: "test_thing".into(), current_state, ..Default::default() };
    let mut client = rig.client.clone().max_decoding_message_size(usize::MAX);
    let answer = client.read_resource(request.clone()).await.unwrap().into_inner();
    assert_eq!((answer.diagnostics, answer.new_state), (Vec::new(), request.current_state));
    let schemas =
        rig.client.get_schema(terraform_provider_mesh::plugin::proto::tfplugin5::get_provider_schema::Request {});
    assert!(prost::Message::encoded_len(schemas.await.unwrap().get_ref()) < 64 << 20);
}

#[tokio::test]
async fn case_13_a_panic_is_told_and_nothing_is_lost() {
    let mut rig = Rig::stand_in().await;
    let name = "test_thing";
    let crash = |told: &[String], message: &str| {
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("ERROR : The provider crashed. A bug in the provider"), "{told:?}");
        assert!(told[0].contains(message), "{told:?}");
    };

    let kept = rig.make(name, None, &json!({"name": "panics in read"})).await.sound();
    let read = rig.read(name, &kept).await;
    crash(&read.told, "no read");
    assert_eq!(read.after, kept);

    let plan = rig.plan(name, Some(&kept), &json!({"name": "panics in plan"})).await;
    crash(&plan.told, "no plan");
    assert_eq!(plan.planned, kept);

    // Of a create, what was planned is kept, so that it is tainted and not lost.
    let written = json!({"name": "panics in apply", "size": 3, "item": [{"key": "a"}]});
    let planned = rig.plan(name, None, &written).await.sound();
    let config = rig.config(name, &written);
    let create = rig.apply(name, None, &planned, &config).await;
    crash(&create.told, "half done");
    assert_eq!(create.after.state.member("echo"), planned.state.member("echo"));
    assert_eq!((&create.after.private, &create.after.identity), (&planned.private, &planned.identity));

    // Of an update and a delete, what was before.
    let update = rig.apply(name, Some(&kept), &planned, &config).await;
    crash(&update.told, "half done");
    assert_eq!(update.after.state, kept.state);
    let kept = rig.make(name, None, &json!({"name": "panics in delete"})).await.sound();
    let planned = rig.plan(name, Some(&kept), &json!(null)).await.sound();
    let delete = rig.apply(name, Some(&kept), &planned, &config).await;
    crash(&delete.told, "half deleted");
    assert_eq!(delete.after.state, kept.state);

    let told = rig.validate(name, &json!({"name": "panics in validate"})).await;
    crash(&told, "panics in validate");

    let stderr = rig.plugin.shut_down().await;
    assert!(stderr.lines().any(|line| line == "panic: no read"), "{stderr}");
}

#[tokio::test]
async fn case_54_stop_is_prompt_and_later_calls_run() {
    let mut rig = Rig::stand_in().await;
    let (mut client, request) = (rig.client.clone(), slow(&rig));
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    assert_eq!(rig.client.stop(stop::Request {}).await.unwrap().into_inner().error, "");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    let answer = timeout(GONE, running).await.expect("an answer soon").unwrap().unwrap().into_inner();
    assert_eq!(answer.diagnostics[0].summary, "Stopped");
    assert_eq!(answer.private, b"applied");
    rig.make("test_thing", None, &json!({"name": "after"})).await.sound();
}

#[tokio::test]
async fn case_55_a_host_that_hangs_up_does_not_cut_work_off() {
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let mut command = stand_in();
    command.env("STAND_IN_DONE", &done);
    let rig = Rig::start(command).await;
    let state = rig.config("test_thing", &json!({"name": "takes a while"}));
    let planned = Kept { state: state.clone(), private: Vec::new(), identity: None };
    let request = rig.apply_request("test_thing", None, &planned, &state);
    let mut client = rig.client.clone();
    let hung_up = timeout(Duration::from_millis(200), client.apply_resource_change(request)).await;
    assert!(hung_up.is_err() && !done.exists());
    let deadline = Instant::now() + Duration::from_secs(5);
    while !done.exists() {
        assert!(Instant::now() < deadline, "the work was cut off");
        sleep(Duration::from_millis(20)).await;
    }
}
