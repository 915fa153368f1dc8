//! Diagnostics of arguments of traffic management.

use expect_test::expect;
use terraform_provider_mesh::{
    mesh::{duration::Duration, resiliency::Preset},
    resources::service::Service,
};

use super::{payments, tcp_only, versions};
use crate::golden::{check, check_in, check_object, mesh, rendered_text};

#[test]
fn request_arguments_without_http_ports() {
    let text = r#"
        streaming = true
        retries {
          attempts = 1
        }
        circuit_breaker {
          max_connections      = 1
          max_pending_requests = 1
          max_requests         = 1
        }
        route {
          request_timeout = "1s"
        }
    "#;
    check::<Service>(
        &tcp_only(text),
        &expect![[r#"
        error at streaming: No HTTP port
          streaming applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at retries: No HTTP port
          retries applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at route: No HTTP port
          route applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at circuit_breaker.max_pending_requests: No HTTP port
          circuit_breaker.max_pending_requests applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at circuit_breaker.max_requests: No HTTP port
          circuit_breaker.max_requests applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
    "#]],
    );
    check::<Service>(
        &tcp_only("request_timeout = \"1s\""),
        &expect![[r#"
        error at request_timeout: No HTTP port
          request_timeout applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
    "#]],
    );
}

#[test]
fn traffic_arguments_without_a_service() {
    let text = format!(
        "name = \"payments\"\nnamespace = \"pci\"\nservice = \"none\"\nrequest_timeout = \"1s\"\nfailover_priority = [\"a\"]\ncircuit_breaker \
         {{}}\noutlier_detection {{}}\n{}",
        versions(90, 10)
    );
    check::<Service>(
        &text,
        &expect![[r#"
            error at request_timeout: request_timeout without a Service
              With service = "none" the workload can't be called by name, so request_timeout has no effect. Remove it, or write service = "existing" or "managed".
            error at failover_priority: failover_priority without a Service
              With service = "none" the workload can't be called by name, so failover_priority has no effect. Remove it, or write service = "existing" or "managed".
            error at circuit_breaker: circuit_breaker without a Service
              With service = "none" the workload can't be called by name, so circuit_breaker has no effect. Remove it, or write service = "existing" or "managed".
            error at outlier_detection: outlier_detection without a Service
              With service = "none" the workload can't be called by name, so outlier_detection has no effect. Remove it, or write service = "existing" or "managed".
            error at version: version without a Service
              With service = "none" the workload can't be called by name, so version has no effect. Remove it, or write service = "existing" or "managed".
        "#]],
    );
}

#[test]
fn request_timeout_with_streaming() {
    check::<Service>(
        &payments("streaming = true\nrequest_timeout = \"0s\""),
        &expect![[r#"
        error at request_timeout: Timeout with streaming
          With streaming = true requests have no timeout. Remove one of the two; a route block may have a request_timeout of its own.
    "#]],
    );
}

#[test]
fn contradictory_retries() {
    check::<Service>(
        &payments("retries {\n  per_try_timeout = \"1s\"\n}"),
        &expect![[r#"
            error at retries.per_try_timeout: per_try_timeout without idempotent
              A request whose attempt timed out may have reached the application, so it is retried only with idempotent = true, or on a condition in on. Without either, per_try_timeout would only shorten request_timeout. Write one of them, or remove per_try_timeout.
            error at retries: Retries without attempts
              Without a resiliency preset, and with "none", the block must say how many retries there are. Write attempts.
        "#]],
    );
    check::<Service>(
        &payments("retries {\n  attempts = 0\n  idempotent = true\n  per_try_timeout = \"1s\"\n}"),
        &expect![[r#"
            error at retries.attempts: Retries have no effect
              attempts = 0 switches retries off, so the rest of the block has no effect. Remove the rest, or set attempts.
        "#]],
    );
    check::<Service>(
        &payments("resiliency = \"none\"\nretries {\n  idempotent = true\n}"),
        &expect![[r#"
            error at retries: Retries without attempts
              Without a resiliency preset, and with "none", the block must say how many retries there are. Write attempts.
        "#]],
    );
}

/// The request timeout may come from the argument or from the provider, and from no preset.
#[test]
fn per_try_timeout_not_below_request_timeout() {
    let retries = "retries {\n  attempts = 2\n  idempotent = true\n  per_try_timeout = \"5s\"\n}";
    check::<Service>(
        &payments(&format!("request_timeout = \"5s\"\n{retries}")),
        &expect![[r#"
        error at retries.per_try_timeout: per_try_timeout is not shorter than request_timeout
          A request may take 5s, so a try that takes 5s is never followed by another. Write a shorter one, or a longer request_timeout.
    "#]],
    );
    let mut mesh = mesh();
    mesh.defaults.request_timeout = Some(Duration::seconds(3));
    check_in::<Service>(
        &mesh,
        &payments(retries),
        &expect![[r#"
        error at retries.per_try_timeout: per_try_timeout is not shorter than request_timeout
          A request may take 3s, so a try that takes 5s is never followed by another. Write a shorter one, or a longer request_timeout.
    "#]],
    );
    for arguments in
        ["resiliency = \"high\"", "request_timeout = \"0s\"", "request_timeout = \"6s\"", "streaming = true"]
    {
        let text = rendered_text::<Service>(&crate::golden::mesh(), &payments(&format!("{arguments}\n{retries}")));
        assert!(!text.contains("error at"), "{arguments}: {text}");
    }
}

#[test]
fn failover_without_outlier_detection() {
    let failover = "failover {\n  from = \"eu\"\n  to = \"us\"\n}";
    check::<Service>(
        &payments(&format!("resiliency = \"none\"\n{failover}\noutlier_detection {{}}")),
        &expect![[r#"
            error at outlier_detection: outlier_detection without a threshold
              No number of errors ejects an endpoint. Write consecutive_gateway_errors (502, 503, 504 and failed connections) or consecutive_5xx (every status of 5xx), or remove the block.
        "#]],
    );
    let mut mesh = mesh();
    mesh.defaults.resiliency = Some(Preset::None);
    check_in::<Service>(
        &mesh,
        &payments("failover_priority = [\"topology.kubernetes.io/region\"]"),
        &expect![[r#"
            error at failover_priority: Failover without outlier detection
              Requests go elsewhere when the near endpoints are ejected, and without a resiliency preset, or with "none", none ever is (IST0133). Write an outlier_detection block, or resiliency = "medium".
        "#]],
    );
}

#[test]
fn contradictory_failover() {
    let text = r#"
        failover_priority = ["topology.kubernetes.io/region"]
        failover {
          from = "eu"
          to   = "eu"
        }
        failover {
          from = "us"
          to   = "eu"
        }
        failover {
          from = "us"
          to   = "asia"
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at failover_priority: failover combined with failover_priority
              failover says which region takes over, failover_priority by which labels endpoints are preferred. Remove one of them.
            error at failover[0].to: Failover to the same region
              Requests of eu stay there while any of its endpoints lives. Write another region.
            error at failover[2].from: Region declared twice
              us has a failover block above, and Istio takes one. Remove one of them.
            error at failover: Failover without outlier detection
              Requests go elsewhere when the near endpoints are ejected, and without a resiliency preset, or with "none", none ever is (IST0133). Write an outlier_detection block, or resiliency = "medium".
        "#]],
    );
}

#[test]
fn invalid_weights() {
    check::<Service>(
        &payments(&versions(90, 20)),
        &expect![[r#"
            error at version: Weights don't add up to 100
              The weights add up to 110, and must add up to 100.
        "#]],
    );
    check::<Service>(
        &payments(&versions(90, 10).replace("weight = 10", "")),
        &expect![[r#"
            error at version[1].weight: Missing weight
              No weight: version[1]. The other weights add up to 90. If one block sets a weight or a route has several destinations, each needs one, and they add up to 100. Write weight = 0 for one that gets no requests.
        "#]],
    );
    let one = "version {\n  name = \"v1\"\n  labels = { version = \"v1\" }\n  weight = 99\n}";
    check::<Service>(
        &payments(one),
        &expect![[r#"
            error at version: Weights don't add up to 100
              The weights add up to 99, and must add up to 100.
        "#]],
    );
}

#[test]
fn indistinguishable_versions() {
    let text = r#"
        selector = { app = "payments", tier = "backend" }
        version {
          name   = "v1"
          labels = { version = "1" }
          weight = 100
        }
        version {
          name   = "v1"
          labels = { version = "2" }
          weight = 0
        }
        version {
          name   = "v3"
          labels = { version = "1", track = "canary" }
          weight = 0
        }
        version {
          name   = "all"
          labels = { app = "payments" }
          weight = 0
        }
        version {
          name   = "others"
          labels = { app = "ledger", version = "5" }
          weight = 0
        }
        version {
          name   = "odd"
          labels = { version = "not a label" }
          weight = 0
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at version[1].name: Version declared twice
              "v1" is another version's name, too. Give each its own.
            error at version[2].labels: Versions that share pods
              Pods with the labels of one are pods of the other, too: "v1" and "v3". Give the two another value of the same label, like version = "v1" and version = "v2".
            error at version[3].labels: Version selects all pods
              Every pod that selector takes has these labels, so they don't distinguish versions. Write labels in which versions differ, like version = "v1".
            error at version[4].labels["app"]: Version labels contradict the selector
              selector asks for app = "payments", so none of its pods has app = "ledger". Write labels in which versions differ.
            error at version[5].labels["version"]: Invalid label value
              "not a label": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
        "#]],
    );
}

#[test]
fn versions_on_tls_ports_only() {
    check::<Service>(
        &tcp_only(&versions(90, 10)).replace("\"tcp\"", "\"tls\""),
        &expect![[r#"
            error at version[0]: Weights without an HTTP or TCP port
              The service's ports speak TLS: proxies see no requests in TLS of the application, and tell its connections apart by server name alone. Remove the version blocks.
        "#]],
    );
}

#[test]
fn undeclared_versions() {
    let route = r#"
        route {
          match {
            path = "/a"
          }
          to {
            version = "v3"
          }
          mirror {
            version = "v4"
          }
        }
    "#;
    check::<Service>(
        &payments(&format!("{}{route}", versions(90, 10))),
        &expect![[r#"
            error at route[0].to[0].version: Unknown version
              "v3" isn't a version: the service has the versions "v1", "v2". Requests to one that isn't there fail (IST0101). Write a version block of that name, or one of those that are there.
            error at route[0].mirror[0].version: Unknown version
              "v4" isn't a version: the service has the versions "v1", "v2". Requests to one that isn't there fail (IST0101). Write a version block of that name, or one of those that are there.
        "#]],
    );
    check::<Service>(
        &payments(route),
        &expect![[r#"
            error at route[0].to[0].version: Unknown version
              "v3" isn't a version: the service has no version block. Requests to one that isn't there fail (IST0101). Write a version block of that name, or one of those that are there.
            error at route[0].mirror[0].version: Unknown version
              "v4" isn't a version: the service has no version block. Requests to one that isn't there fail (IST0101). Write a version block of that name, or one of those that are there.
        "#]],
    );
}

#[test]
fn invalid_route_names_and_destinations() {
    let text = r#"
        route {
          name = "default"
          match {
            path = "/a"
          }
          to {
            version = "v1"
            weight  = 50
          }
          to {
            version = "v1"
            weight  = 40
          }
        }
    "#;
    check::<Service>(
        &payments(&format!("{}{text}", versions(90, 10))),
        &expect![[r#"
            error at route[0].name: Route name "default" is reserved
              Istio calls the routes so that it makes itself, and mesh-wide defaults are written into every route of that name. Give it another name, or none.
            error at route[0].to: Weights don't add up to 100
              The weights add up to 90, and must add up to 100.
            error at route[0].to[1]: Duplicate destination
              route[0].to[0] has this destination, too. Remove one of the blocks, and add up the percentages.
        "#]],
    );
}

#[test]
fn unreachable_routes() {
    let route = |conditions: &str| format!("route {{\n{conditions}\n}}\n");
    let condition = |text: &str| format!("match {{\n{text}\n}}\n");
    let text = [
        route(&(condition("path = \"/a*\"") + &condition("path = \"/b\""))),
        route(&condition("path = \"/a/b\"\nmethod = \"GET\"")),
        route(&condition("path = \"/b\"")),
        route(&(condition("method = \"GET\"") + &condition("method = \"POST\"\nheaders = { \"X-A\" = \"b*\" }"))),
        route(&condition("method = \"POST\"\nheaders = { x-a = \"bc\", x-b = \"*\" }")),
        // The conditions of these are narrower than or different from those above.
        route(&condition("headers = { x-a = \"b*\" }")),
        route(&condition("method = \"POST\"\nquery = { a = \"b\" }")),
        route(""),
        route(""),
        route(&condition("path = \"/c\"")),
    ];
    check::<Service>(
        &payments(&text.concat()),
        &expect![[r#"
            error at route[1].match[0]: Route is never reached
              route[0].match[0] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
            error at route[2].match[0]: Duplicate match
              route[0].match[1] stands before, and takes the same requests (IST0131). Put the narrower one first, or remove one of them.
            error at route[4].match[0]: Route is never reached
              route[3].match[1] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
            error at route[8]: Duplicate match
              route[7] stands before, and takes the same requests (IST0131). Put the narrower one first, or remove one of them.
            error at route[9].match[0]: Route is never reached
              route[7] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
        "#]],
    );
}

#[test]
fn empty_match_block() {
    check::<Service>(
        &payments("route {\n  match {}\n}"),
        &expect![[r#"
        error at route[0].match[0]: Empty match block
          It takes every request, like a route without match. Write what it asks of a request, or remove the block.
    "#]],
    );
}

#[test]
fn invalid_redirects() {
    let text = r#"
        route {
          match {
            path = "/a"
          }
          request_timeout = "1s"
          redirect {
            host = "b.example.com"
          }
          to {
            version = "v1"
          }
          rewrite {
            path = "/b"
          }
          mirror {
            version = "v2"
          }
          fault {
            abort_status = 500
          }
        }
        route {
          match {
            path = "/b"
          }
          redirect {
            status = 302
          }
        }
    "#;
    check::<Service>(
        &payments(&format!("{}{text}", versions(90, 10))),
        &expect![[r#"
            error at route[0].to: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove to, or redirect.
            error at route[0].rewrite: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove rewrite, or redirect.
            error at route[0].mirror: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove mirror, or redirect.
            error at route[0].fault: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove fault, or redirect.
            error at route[0].request_timeout: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove request_timeout, or redirect.
            error at route[1].redirect: Redirect to the same URL
              Write path, host, or both: where the caller is to go instead.
        "#]],
    );
}

#[test]
fn rewrite_and_match_disagree_on_slashes() {
    let route = |path: &str, to: &str| {
        format!("route {{\n  match {{\n    {path}\n  }}\n  rewrite {{\n    path = {to:?}\n  }}\n}}\n")
    };
    let text = [
        route("path = \"/v1/*\"", "/v2"),
        route("path = \"/v3*\"", "/"),
        route("method = \"PUT\"", "/api"),
        // The following are valid.
        route("path = \"/v4/*\"", "/"),
        route("path = \"/v5*\"", "/v6"),
        route("path = \"/v7\"", "/"),
        "route {\n  rewrite {}\n}".to_owned(),
    ];
    check::<Service>(
        &payments(&text.concat()),
        &expect![[r#"
            error at route[0].rewrite.path: Rewrite path and match disagree on the trailing slash
              /v2 replaces only /v1/, so /v1/orders becomes /v2orders. Let both end with "/", or neither (route[0].match[0]).
            error at route[1].rewrite.path: Rewrite path and match disagree on the trailing slash
              / replaces only /v3, so /v3/orders becomes //orders. Let both end with "/", or neither (route[1].match[0]).
            error at route[2].rewrite.path: Rewrite path and match disagree on the trailing slash
              /api replaces only /, so /orders becomes /apiorders. Let both end with "/", or neither (route[2].match[0]).
            error at route[6].rewrite: Empty rewrite block
              Write path, host, or both.
        "#]],
    );
}

#[test]
fn incomplete_faults() {
    let route = |path: &str, fault: &str| {
        format!("route {{\n  match {{\n    path = {path:?}\n  }}\n  fault {{\n    {fault}\n  }}\n}}\n")
    };
    let text = route("/a", "")
        + &route("/b", "delay_percent = 1\nabort_status = 500")
        + &route("/c", "delay = \"1s\"\nabort_percent = 1");
    check::<Service>(
        &payments(&text),
        &expect![[r#"
        error at route[0].fault: Fault without delay or abort
          Write delay, abort_status, or both.
        error at route[1].fault.delay_percent: Percentage without a delay or abort
          delay_percent says how many requests meet delay. Write delay, or remove delay_percent.
        error at route[2].fault.abort_percent: Percentage without a delay or abort
          abort_percent says how many requests meet abort_status. Write abort_status, or remove abort_percent.
    "#]],
    );
}

#[test]
#[allow(clippy::too_many_lines)]
fn invalid_values() {
    let text = r#"
        settle_seconds     = 301
        failover_priority = ["-", "topology.kubernetes.io/zone=a"]
        retries {
          attempts        = 11
          per_try_timeout = "0s"
        }
        circuit_breaker {
          connect_timeout = "0s"
          max_connections = 0
        }
        outlier_detection {
          consecutive_5xx      = 0
          max_ejection_percent = 101
        }
        failover {
          from = "eu/a"
          to   = "*"
        }
        version {
          name   = "V1"
          labels = {}
          weight = 101
        }
        route {
          name = "a b"
          match {
            path    = "a"
            method  = "get"
            headers = { "authority" = "x", "a b" = "x", x = "a*b", y = "" }
            query   = { a = "*b" }
          }
          rewrite {
            path = "b"
            host = "B"
          }
          fault {
            delay        = "0s"
            abort_status = 600
          }
        }
        route {
          redirect {
            status = 300
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at failover_priority: Invalid failover_priority
              Keys of labels, alone or as `key=value`. Got ["-", "topology.kubernetes.io/zone=a"].
            error at settle_seconds: Invalid settle_seconds
              0 to 300. Got 301.
            error at retries.attempts: Invalid retries.attempts
              0 to 10. Got 11.
            error at retries.per_try_timeout: Invalid retries.per_try_timeout
              More than `0s`. Got "0s".
            error at circuit_breaker.connect_timeout: Invalid circuit_breaker.connect_timeout
              More than `0s`. Got "0s".
            error at circuit_breaker.max_connections: Invalid circuit_breaker.max_connections
              1 or more. Got 0.
            error at outlier_detection.max_ejection_percent: Invalid outlier_detection.max_ejection_percent
              1 to 100. Got 101.
            error at version[0].name: Invalid version[0].name
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "V1".
            error at version[0].labels: Invalid version[0].labels
              At least one label. Got {}.
            error at version[0].weight: Invalid version[0].weight
              0 to 100. Got 101.
            error at route[0].name: Invalid route[0].name
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "a b".
            error at route[0].match[0].path: Invalid route[0].match[0].path
              A path that starts with `/`, with `*` at the end alone. Got "a".
            error at route[0].match[0].method: Invalid route[0].match[0].method
              A method in capitals, like `GET`. Got "get".
            error at route[0].match[0].headers: Invalid route[0].match[0].headers
              Names of headers. Istio ignores `uri`, `scheme`, `method` and `authority` among them: use the arguments of these names, and `path`. Got {a b, authority, x, y}.
            error at route[0].match[0].headers: Invalid route[0].match[0].headers
              Values with `*` only at the end, or `*`. Got {a b, authority, x, y}.
            error at route[0].match[0].query: Invalid route[0].match[0].query
              Values with `*` only at the end, or `*`. Got {a}.
            error at route[0].rewrite.path: Invalid route[0].rewrite.path
              A path that starts with `/`. Got "b".
            error at route[0].rewrite.host: Invalid route[0].rewrite.host
              Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "B".
            error at route[0].fault.delay: Invalid route[0].fault.delay
              More than `0s`. Got "0s".
            error at route[0].fault.abort_status: Invalid route[0].fault.abort_status
              200 to 599. Got 600.
            error at route[1].redirect.status: Invalid route[1].redirect.status
              One of 301, 302, 303, 307 and 308. Got 300.
            error at failover[0].from: Invalid failover[0].from
              A region, without its zones, like `eu-central-1`. Got "eu/a".
            error at failover[0].to: Invalid failover[0].to
              A region, without its zones, like `eu-central-1`. Got "*".
            error at route[1].redirect: Redirect to the same URL
              Write path, host, or both: where the caller is to go instead.
        "#]],
    );
}

/// The waits count towards the timeout of the operation.
#[test]
fn settle_time_exceeds_the_operation_timeout() {
    check::<Service>(
        &payments("settle_seconds = 60\ntimeouts {\n  update = \"1m\"\n}"),
        &expect![[r#"
            error at settle_seconds: settle_seconds outlasts timeouts.update
              timeouts.update is 60 s, and the operation may wait three times for settle_seconds = 60. Write a smaller settle_seconds, or a longer timeouts.update.
        "#]],
    );
}

#[test]
fn blocks_without_effect() {
    for (arguments, expected) in [
        (
            "circuit_breaker {}",
            expect![[r#"
                error at circuit_breaker: circuit_breaker without a limit
                  Without a resiliency preset only the limits of the block are written, and it has none. Write connect_timeout, max_connections, max_pending_requests, max_requests or max_retries, or remove the block.
            "#]],
        ),
        (
            "outlier_detection {\n  interval = \"1s\"\n}",
            expect![[r#"
            error at outlier_detection: outlier_detection without a threshold
              No number of errors ejects an endpoint. Write consecutive_gateway_errors (502, 503, 504 and failed connections) or consecutive_5xx (every status of 5xx), or remove the block.
        "#]],
        ),
        (
            "resiliency = \"low\"\noutlier_detection {\n  consecutive_gateway_errors = 0\n}",
            expect![[r#"
            error at outlier_detection: outlier_detection without a threshold
              No number of errors ejects an endpoint. Write consecutive_gateway_errors (502, 503, 504 and failed connections) or consecutive_5xx (every status of 5xx), or remove the block.
        "#]],
        ),
    ] {
        check::<Service>(&payments(arguments), &expected);
    }
    for arguments in ["circuit_breaker {}", "outlier_detection {\n  interval = \"1s\"\n}"] {
        let text = rendered_text::<Service>(&mesh(), &payments(&format!("resiliency = \"low\"\n{arguments}")));
        assert!(!text.contains("error at"), "{arguments}: {text}");
    }
}

#[test]
fn changes_of_headers_without_effect() {
    let text = r#"
        headers {}
        route {
          match {
            path = "/a"
          }
          headers {
            request {
              set    = { x-a = "b" }
              remove = ["X-A"]
            }
            response {}
          }
        }
        route {
          headers {
            request {
              set = { host = "a", ":path" = "b" }
            }
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at route[1].headers.request.set: Invalid route[1].headers.request.set
              Names of headers, like `x-team`. `host` is changed by `rewrite`, and names that start with `:` can't be changed. Got {:path, host}.
            error at headers: No header is changed
              Write request { } or response { } with what changes, or remove the block.
            error at route[0].headers.request.remove: Header both set and removed
              Envoy removes headers first, so "X-A" would still be there. Leave it out of remove: set replaces what was there.
            error at route[0].headers.response: No header is changed
              Write set, add or remove, or remove the block.
        "#]],
    );
}

#[test]
fn cors_for_any_page() {
    let text = r#"
        cors {
          allow_origins     = ["*"]
          allow_credentials = true
        }
        route {
          match {
            path = "/a"
          }
          cors {
            allow_methods = ["GET"]
          }
        }
        route {
          cors {
            allow_origins       = ["shop.example.com", "https://a.example.com/"]
            allow_origins_regex = ["[a"]
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at route[1].cors.allow_origins: Invalid route[1].cors.allow_origins
              Origins with a scheme and without a path, like `https://shop.example.com`, with `*` at the end alone, or `*`. Got ["https://a.example.com/", "shop.example.com"].
            error at route[1].cors.allow_origins_regex: Invalid route[1].cors.allow_origins_regex
              Regular expressions in the syntax of RE2, without `^` and `$`: they match the whole text. Got ["[a"].
            error at cors.allow_origins: allow_credentials with origin "*"
              With allow_credentials = true and the origin "*", any page can send requests with its visitors' cookies and read the responses. Name the origins, or set allow_credentials = false.
            error at route[0].cors: CORS without an origin
              Write allow_origins, for example ["https://shop.example.com"].
        "#]],
    );
}

#[test]
fn contradictory_conditions() {
    let text = r#"
        route {
          match {
            path       = "/v[0-9]+"
            path_regex = "/v[0-9]+"
          }
          match {
            headers       = { x-a = "b.*", cookie = "a" }
            headers_regex = { X-A = "b" }
            cookies       = { beta = "1" }
            from {}
          }
          direct_response {
            status = 200
          }
          redirect {
            path = "/b"
          }
        }
        route {
          match {
            path_regex = "^/a$"
            cookies    = { a = "1", b = "2" }
          }
          direct_response {
            status = 200
          }
          rewrite {
            path = "/b"
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at route[1].match[0].path_regex: Invalid route[1].match[0].path_regex
              Regular expressions in the syntax of RE2, without `^` and `$`: they match the whole text. Got "^/a$".
            error at route[1].match[0].cookies: Invalid route[1].match[0].cookies
              One cookie. Got {a, b}.
            error at route[0].match[0].path_regex: Two conditions on the path
              path is literal, path_regex a regular expression, and a request has one path. Write one of them.
            error at route[0].match[0].path: Regular expression in path
              path is literal but for a * at its end, and "/v[0-9]+" would match no request that you mean. Write path_regex = "/v[0-9]+".
            error at route[0].match[1].headers: Regular expression in headers
              Values are literal but for a * at the end. Write headers_regex = { "x-a" = "b.*" }.
            error at route[0].match[1].headers_regex: Several conditions on one value
              "X-A" is in headers as well, and Istio takes one condition for each. Write one of them.
            error at route[0].match[1].cookies: Several conditions on one value
              cookies is a condition on the header cookie, which headers names as well. Write one of them.
            error at route[0].match[1].from: Empty match block
              Write namespace or labels of the callers, or remove the block.
            error at route[0].direct_response: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove direct_response, or redirect.
            error at route[1].rewrite: direct_response combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove rewrite, or direct_response.
        "#]],
    );
}

#[test]
fn retries_of_a_route_that_cannot_be() {
    let text = r#"
        route {
          match {
            path = "/a"
          }
          request_timeout = "1s"
          retries {
            attempts        = 1
            idempotent      = true
            per_try_timeout = "2s"
          }
        }
        route {
          match {
            path = "/b"
          }
          retries {
            idempotent = true
          }
        }
        route {
          retries {
            attempts = 1
          }
          redirect {
            path = "/c"
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at route[0].retries.per_try_timeout: per_try_timeout is not shorter than request_timeout
              A request may take 1s, so a try that takes 2s is never followed by another. Write a shorter one, or a longer request_timeout.
            error at route[2].retries: redirect combined with other actions
              The caller's proxy answers itself: nothing is sent to the service. Remove retries, or redirect.
            error at route[1].retries: Retries without attempts
              Without a resiliency preset, and with "none", the block must say how many retries there are. Write attempts.
        "#]],
    );
}

#[test]
fn targets_that_contradict_themselves() {
    let text = r#"
        route {
          to {
            version = "v1"
            port    = 80
            weight  = 20
          }
          to {
            service = "shop/cart"
            host    = "api.example.com"
            weight  = 20
          }
          to {
            service = "cart"
            weight  = 20
          }
          to {
            service = "cart"
            weight  = 20
          }
          to {
            weight = 20
          }
          mirror {
          }
        }
        route {
          match {
            path = "/a"
          }
          to {
            service = "shop/*"
          }
          mirror {
            host = "*.example.com"
          }
        }
    "#;
    check::<Service>(
        &payments(&format!("{}{text}", versions(90, 10))),
        &expect![[r#"
            error at route[1].to[0].service: Invalid route[1].to[0].service
              "shop/*" isn't a Service. Write "catalog" (this namespace) or "shop/catalog"; a host outside the mesh is host.
            error at route[1].mirror[0].host: Invalid route[1].mirror[0].host
              A host outside the mesh without wildcard, like `api.example.com`; a Service of the mesh is `service`. Got "*.example.com".
            error at route[0].to[0].port: Port of a version
              A version is part of this service, whose requests keep the port that was called. Remove port, or write service instead of version.
            error at route[0].to[1].host: Several targets in one block
              service says already where requests go. Remove one of them, or write a block for each.
            error at route[0].to[3]: Duplicate destination
              route[0].to[2] has this destination, too. Remove one of the blocks, and add up the percentages.
            error at route[0].to[4]: Route destination without a target
              The block doesn't say where requests go. Write version (of this service), service (another Service), or host (outside the mesh).
            error at route[0].mirror[0]: Route destination without a target
              The block doesn't say where requests go. Write version (of this service), service (another Service), or host (outside the mesh).
            error at route[1].match[0]: Route is never reached
              route[0] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
        "#]],
    );
}

#[test]
fn conditions_of_retries_that_contradict_themselves() {
    let text = r#"
        retries {
          attempts   = 0
          on         = ["5xx"]
        }
        route {
          retries {
            attempts   = 1
            idempotent = true
            on         = ["503"]
          }
        }
        route {
          match {
            path = "/a"
          }
          retries {
            attempts = 1
            on       = ["timeout", "600", "503"]
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at route[1].retries.on: Invalid route[1].retries.on
              `5xx`, `gateway-error`, `reset`, `reset-before-request`, `connect-failure`, `refused-stream`, `retriable-4xx`, `envoy-ratelimited`; for gRPC `cancelled`, `deadline-exceeded`, `internal`, `resource-exhausted`, `unavailable`; or status codes of errors, like `503`. Got ["503", "600", "timeout"].
            error at retries.attempts: Retries have no effect
              attempts = 0 switches retries off, so the rest of the block has no effect. Remove the rest, or set attempts.
            error at route[0].retries.on: on beside idempotent
              Both say which failures are retried: on by its conditions, idempotent by those of the preset. Remove one of them.
            error at route[1].match[0]: Route is never reached
              route[0] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
        "#]],
    );
}

#[test]
fn targets_that_cannot_be() {
    check::<Service>(
        &payments(
            r#"
        port {
          number   = 5432
          protocol = "tcp"
        }
        route {
          match {
            path = "/a"
          }
          to {
            service = "payments"
            port    = 8081
          }
          mirror {
            service = "pci/payments"
            port    = 5432
          }
          mirror {
            service = "ledger"
          }
          mirror {
            service = "pci/ledger"
          }
        }
        route {
          match {
            path = "/b"
          }
          to {
            service = "other/payments"
            port    = 8081
            weight  = 50
          }
          to {
            host   = "ledger.pci.svc.cluster.local"
            weight = 50
          }
          mirror {
            host = "ledger.pci.svc"
          }
        }
    "#,
        ),
        &expect![[r#"
            error at route[0].to[0].port: No HTTP port 8081
              The service itself is meant, and it has port 8080 (http), 5432 (tcp). Write the number of a port block (not its target port) that speaks http, http2 or grpc.
            error at route[0].mirror[0].port: No HTTP port 5432
              The service itself is meant, and it has port 8080 (http), 5432 (tcp). Write the number of a port block (not its target port) that speaks http, http2 or grpc.
            error at route[0].mirror[2]: Duplicate destination
              route[0].mirror[1] has this destination, too. Remove one of the blocks, and add up the percentages.
            error at route[1].to[1].host: Host of the cluster
              ledger.pci.svc.cluster.local is a Kubernetes Service, and host is for hosts outside the mesh. Write service = "pci/ledger" in its place.
            error at route[1].mirror[0].host: Host of the cluster
              ledger.pci.svc is a Kubernetes Service, and host is for hosts outside the mesh. Write service = "pci/ledger" in its place.
        "#]],
    );
}

/// Istio replaces the whole path where a regular expression matches it.
#[test]
fn rewrite_of_a_path_that_a_regular_expression_matches() {
    let text = payments("route {\n match {\n path_regex = \"/items/[0-9]+\"\n }\n rewrite {\n path = \"/item\"\n }\n}");
    check_object::<Service>(
        "VirtualService/",
        &text,
        &expect![[r#"
        VirtualService/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - "*"
          hosts:
          - payments.pci.svc.cluster.local
          http:
          - match:
            - port: 8080
              uri:
                regex: /items/[0-9]+
            name: default
            rewrite:
              uri: /item
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
          - match:
            - port: 8080
            name: default
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
    "#]],
    );
}
