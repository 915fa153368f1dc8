//! Resiliency: timeouts, streams, retries, limits and ejection, of a service and of the mesh's defaults.

// Helpers of tests may panic. Clippy exempts only the functions that are marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::wrong_rendering::{apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Behavior, Mesh, Workload, start_all, take_turn},
    polling::wait_until,
    terraform::Workspace,
};

/// The service with `arguments`, beside mesh-wide `defaults`.
fn configure(workspace: &Workspace, defaults: &str, arguments: &str) {
    let defaults = if defaults.is_empty() {
        String::new()
    } else {
        format!("resource \"mesh_global_defaults\" \"this\" {{\n  {defaults}\n}}\n")
    };
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/presets"
}}
{defaults}
resource "mesh_service" "api" {{
  name      = "api"
  namespace = "shop"
  service   = "managed"
  {arguments}
  create_service_account = false
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}
"#
    ));
    workspace.converge();
}

/// Number of endpoints that the caller's proxy has ejected, of one version or, without one, of the service.
fn ejected(caller: &Workload, version: &str) -> usize {
    let (clusters, name) = (caller.envoy("/clusters"), format!("outbound|80|{version}|api.shop"));
    clusters.lines().filter(|line| line.starts_with(&name) && line.contains("failed_outlier_check")).count()
}

/// Number of connections for one request to a service whose pod refuses them.
fn connections(caller: &Workload) -> usize {
    let failed = || -> usize {
        let clusters = caller.envoy("/clusters");
        let lines = clusters.lines().filter(|line| line.starts_with("outbound|80||refusing.shop"));
        lines.filter_map(|line| line.rsplit_once("::cx_connect_fail::")?.1.parse::<usize>().ok()).sum()
    };
    let before = failed();
    assert_eq!(caller.request(Method::GET, "http://refusing/").send().code(), 503);
    failed() - before
}

/// The answers of `count` requests, by status code 200 or another.
fn failures(caller: &Workload, count: usize) -> usize {
    let request = caller.request(Method::GET, "http://api/");
    (0..count).filter(|_| request.send().code() != 200).count()
}

/// Number of requests of one method that the workloads have received for one request of the caller.
fn received(caller: &Workload, servers: &[&Workload], method: Method) -> usize {
    for server in servers {
        server.take_requests();
    }
    caller.request(method, "http://api/").send();
    servers.iter().map(|server| server.take_requests().len()).sum()
}

fn set_all(servers: &[&Workload], behavior: &Behavior) {
    for server in servers {
        server.behave(behavior.clone());
    }
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn timeouts_streams_and_retries() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop"]);
    let (workspace, proxy) = mesh.workspace_with_proxy();
    configure(&workspace, "", "");
    // The provider doesn't know this service, and its pod has no proxy that would answer for it.
    mesh.service("shop", "refusing", &[("http", 80, 8080)]);
    let [caller, api, mut refusing] = start_all([
        mesh.workload("shop", "caller"),
        mesh.workload("shop", "api").label("version", "v1").port(8080),
        mesh.workload("shop", "refusing").port(8080).without_sidecar(),
    ]);
    caller.request(Method::GET, "http://refusing/").becomes(200);
    refusing.stop_application();
    let servers = [&api];
    let request = caller.request(Method::GET, "http://api/");
    request.becomes(200);
    let slow = Behavior { delay: Duration::from_millis(2500), ..Behavior::default() };
    let stream = Behavior { stream: (5, Duration::from_millis(500)), ..Behavior::default() };
    let closing = Behavior { closes_connection: true, ..Behavior::default() };
    let is_whole = || request.send().body().ends_with("data: 4\n\n");

    // Without a preset Istio's retries hold, and there is no timeout.
    assert_eq!(connections(&caller), 3);
    set_all(&servers, &slow);
    assert_eq!(request.send().code(), 200);

    // A preset sends no request again that has reached the application, and cuts no stream.
    for preset in ["low", "medium", "high", "none"] {
        configure(&workspace, "", &format!("resiliency = {preset:?}"));
        set_all(&servers, &closing);
        wait_until(Duration::from_secs(20), "requests aren't retried", || {
            received(&caller, &servers, Method::POST) == 1
        });
        set_all(&servers, &stream);
        assert!(is_whole(), "{preset}");
    }
    configure(&workspace, "", "resiliency = \"medium\"\nretries {\n    idempotent = true\n  }");
    set_all(&servers, &closing);
    wait_until(Duration::from_secs(20), "requests are retried", || received(&caller, &servers, Method::POST) == 3);

    // A timeout cuts slow requests and streams. With `streaming` there is none, and no limit of requests.
    configure(&workspace, "", "resiliency = \"high\"\n  request_timeout = \"1s\"");
    set_all(&servers, &slow);
    request.becomes(504);
    set_all(&servers, &stream);
    assert!(!is_whole());
    configure(&workspace, "", "resiliency = \"high\"\n  streaming = true");
    set_all(&servers, &slow);
    request.becomes(200);
    set_all(&servers, &stream);
    assert!(is_whole());

    // The mesh's defaults reach a service that sets neither, also with versions. What it sets itself takes precedence.
    let defaults = "request_timeout = \"1s\"\n  retries {\n    attempts = 0\n  }";
    for arguments in ["", "version {\n    name   = \"v1\"\n    labels = { version = \"v1\" }\n  }"] {
        configure(&workspace, defaults, arguments);
        set_all(&servers, &slow);
        request.becomes(504);
        set_all(&servers, &closing);
        assert_eq!(received(&caller, &servers, Method::POST), 1);
        assert_eq!(connections(&caller), 1, "retries are switched off");
    }
    // A merge of zero alone changes nothing, and without the name that the provider's routes have it reaches none of them.
    let filter = "EnvoyFilter/istio-system/default-route";
    apply_wrong_rendering((&mesh, &proxy, &workspace), filter, |filter| {
        remove(&mut filter["spec"]["configPatches"][0]["patch"]["value"]["route"]["retry_policy"], "retry_on");
    });
    wait_until(Duration::from_secs(20), "requests are retried", || connections(&caller) == 3);
    apply_wrong_rendering((&mesh, &proxy, &workspace), filter, |filter| {
        filter["spec"]["configPatches"][0]["match"]["routeConfiguration"]["vhost"]["route"]["name"] = json!("another");
    });
    set_all(&servers, &slow);
    request.becomes(200);
    repair(&proxy, &workspace);
    request.becomes(504);
    configure(&workspace, defaults, "streaming = true");
    set_all(&servers, &slow);
    request.becomes(200);
    configure(
        &workspace,
        defaults,
        "request_timeout = \"5s\"\n  retries {\n    attempts   = 1\n    idempotent = true\n  }",
    );
    set_all(&servers, &slow);
    request.becomes(200);
    set_all(&servers, &closing);
    wait_until(Duration::from_secs(20), "the service's own retries", || received(&caller, &servers, Method::POST) == 2);
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn ejection_of_failing_endpoints() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop"]);
    let workspace = mesh.workspace();
    configure(&workspace, "", "resiliency = \"high\"");
    let [caller, mut first, mut second, third] = start_all([
        mesh.workload("shop", "caller"),
        mesh.workload("shop", "api").label("version", "v1").port(8080),
        mesh.workload("shop", "api").label("version", "v1").port(8080),
        mesh.workload("shop", "api").label("version", "v2").port(8080),
    ]);
    let request = caller.request(Method::GET, "http://api/");
    request.becomes(200);
    let eject = |version: &str, count: usize, what: &str| {
        wait_until(Duration::from_secs(40), what, || {
            failures(&caller, 10);
            ejected(&caller, version) == count
        });
    };

    // Errors of the application eject nothing, unless a number of them is written.
    first.behave(Behavior { status: 500, ..Behavior::default() });
    assert!(failures(&caller, 60) >= 10);
    assert_eq!(ejected(&caller, ""), 0);
    configure(&workspace, "", "resiliency = \"high\"\n  outlier_detection {\n    consecutive_5xx = 3\n  }");
    eject("", 1, "three errors of the application eject the endpoint");
    first.behave(Behavior::default());
    configure(&workspace, "", "resiliency = \"high\"");

    // One of three dead endpoints is ejected, and one of two.
    first.stop_application();
    eject("", 1, "one of three is ejected");
    assert_eq!(failures(&caller, 30), 0);
    third.set_ready(false);
    eject("", 1, "one of two is ejected");
    assert_eq!(failures(&caller, 30), 0);
    // If all are dead, one of two stays, and the service is back as soon as its pods are.
    second.stop_application();
    assert_eq!(failures(&caller, 30), 30);
    assert_eq!(ejected(&caller, ""), 1);
    second.start_application();
    request.becomes(200);

    // The percentage holds for each version.
    third.set_ready(true);
    let versions = "version {\n    name   = \"v1\"\n    labels = { version = \"v1\" }\n    weight = 50\n  }\n  version {\n    name   \
                    = \"v2\"\n    labels = { version = \"v2\" }\n    weight = 50\n  }";
    configure(&workspace, "", &format!("resiliency = \"high\"\n  {versions}"));
    eject("v1", 1, "one of two pods of the version is ejected");
    assert_eq!(failures(&caller, 30), 0);

    // Negative control: with 30 percent neither of two ever is.
    third.set_ready(false);
    configure(&workspace, "", "resiliency = \"high\"\n  outlier_detection {\n    max_ejection_percent = 30\n  }");
    wait_until(Duration::from_secs(40), "the endpoint isn't ejected any more", || {
        failures(&caller, 40) >= 10 && ejected(&caller, "") == 0
    });
    first.start_application();
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn hanging_pods_resets_and_parallel_streams() {
    let _turn = take_turn();
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop"]);
    let (workspace, proxy) = mesh.workspace_with_proxy();
    configure(&workspace, "", "");
    let [caller, first, second] = start_all([
        mesh.workload("shop", "caller"),
        mesh.workload("shop", "api").port(8080),
        mesh.workload("shop", "api").port(8080),
    ]);
    let request = caller.request(Method::GET, "http://api/");
    request.becomes(200);

    // A pod that hangs answers 504 by the timeout, one that resets connections 503. Both are ejected, and never without ejection.
    let hanging = Behavior { delay: Duration::from_secs(3), ..Behavior::default() };
    let resetting = Behavior { closes_connection: true, ..Behavior::default() };
    for (behavior, code) in [(hanging, 504), (resetting, 503)] {
        first.behave(behavior);
        configure(&workspace, "", "resiliency = \"none\"\n  request_timeout = \"300ms\"");
        wait_until(Duration::from_secs(20), &format!("a part of the requests gets {code}, and all others 200"), || {
            let codes: Vec<u16> = (0..20).map(|_| request.send().code()).collect();
            let failed = codes.iter().filter(|answer| **answer == code).count();
            (3..=17).contains(&failed) && codes.iter().all(|answer| [200, code].contains(answer))
        });
        assert_eq!(ejected(&caller, ""), 0);
        configure(&workspace, "", "resiliency = \"high\"\n  request_timeout = \"300ms\"");
        wait_until(Duration::from_secs(40), "the pod is ejected, and no request fails any more", || {
            failures(&caller, 30) == 0 && ejected(&caller, "") == 1
        });
    }
    // A wrong rendering: at most 30 percent of two.
    let rule = "DestinationRule/shop/api-shop";
    apply_wrong_rendering((&mesh, &proxy, &workspace), rule, |rule| {
        rule["spec"]["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"] = json!(30);
    });
    wait_until(Duration::from_secs(20), "the pod isn't ejected any more", || {
        failures(&caller, 20) >= 5 && ejected(&caller, "") == 0
    });
    repair(&proxy, &workspace);
    first.behave(Behavior::default());

    // Requests in parallel: a limit refuses those above it, and streams have none.
    set_all(&[&first, &second], &Behavior { stream: (4, Duration::from_millis(500)), ..Behavior::default() });
    let streams = || {
        let load = request.load(200);
        std::thread::sleep(Duration::from_millis(250));
        let report = load.stop();
        (report.sent(), report.codes().get(&503).copied().unwrap_or_default())
    };
    let limit = |expectation: &str, is_wanted: &dyn Fn(usize, usize) -> bool| {
        wait_until(Duration::from_secs(30), expectation, || {
            let (sent, refused) = streams();
            sent >= 25 && is_wanted(sent, refused)
        });
    };
    configure(&workspace, "", "resiliency = \"high\"\n  circuit_breaker {\n    max_requests = 10\n  }");
    limit("streams above 10 are refused", &|sent, refused| refused == sent - 10);
    configure(&workspace, "", "resiliency = \"high\"\n  streaming = true");
    limit("no stream is refused", &|_, refused| refused == 0);
    apply_wrong_rendering((&mesh, &proxy, &workspace), rule, |rule| {
        rule["spec"]["trafficPolicy"]["connectionPool"]["http"]["http2MaxRequests"] = json!(10);
    });
    limit("streams above 10 are refused", &|sent, refused| refused == sent - 10);
    repair(&proxy, &workspace);
    limit("no stream is refused", &|_, refused| refused == 0);
    workspace.destroy().expect_success();
}
