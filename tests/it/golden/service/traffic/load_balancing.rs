//! `load_balancing` blocks.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{check_part, payments};
use crate::golden::check;

/// The traffic policy of a service with this block.
fn check_policy(arguments: &str, expect: &expect_test::Expect) {
    check_part("DestinationRule", "  trafficPolicy:", &payments(arguments), expect);
}

#[test]
fn algorithm_and_warmup_without_other_settings() {
    check_policy(
        "load_balancing {\n  algorithm = \"round_robin\"\n  warmup = \"30s\"\n}",
        &expect![[r#"
        loadBalancer:
          simple: ROUND_ROBIN
          warmup:
            duration: 30s
    "#]],
    );
    check_policy(
        "load_balancing {\n  algorithm = \"random\"\n}",
        &expect![[r#"
        loadBalancer:
          simple: RANDOM
    "#]],
    );
    check_policy(
        "load_balancing {\n  algorithm = \"least_request\"\n}",
        &expect![[r#"
        loadBalancer:
          simple: LEAST_REQUEST
    "#]],
    );
}

#[test]
fn consistent_hash_of_each_part() {
    for (part, expected) in [
        (
            "header = \"x-user\"",
            expect![[r#"
            loadBalancer:
              consistentHash:
                httpHeaderName: x-user
        "#]],
        ),
        (
            "query_parameter = \"user\"",
            expect![[r#"
            loadBalancer:
              consistentHash:
                httpQueryParameterName: user
        "#]],
        ),
        (
            "source_ip = true",
            expect![[r#"
            loadBalancer:
              consistentHash:
                useSourceIp: true
        "#]],
        ),
        (
            "cookie {\n  name = \"session\"\n}",
            expect![[r#"
            loadBalancer:
              consistentHash:
                httpCookie:
                  name: session
        "#]],
        ),
        (
            "cookie {\n  name = \"session\"\n  ttl = \"0s\"\n  path = \"/\"\n}",
            expect![[r#"
            loadBalancer:
              consistentHash:
                httpCookie:
                  name: session
                  path: /
                  ttl: 0s
        "#]],
        ),
    ] {
        check_policy(&format!("load_balancing {{\n  consistent_hash {{\n  {part}\n  }}\n}}"), &expected);
    }
}

/// With outlier detection, the locality stays what it is without the block.
#[test]
fn locality_beside_an_algorithm() {
    let block = |locality: &str| {
        format!(
            "outlier_detection {{\n  consecutive_5xx = 3\n  min_health_percent = 30\n}}\nload_balancing {{\n  algorithm = \"random\"\n  \
             {locality}\n}}"
        )
    };
    check_policy(
        &block(""),
        &expect![[r#"
        loadBalancer:
          localityLbSetting:
            enabled: false
          simple: RANDOM
        outlierDetection:
          consecutive5xxErrors: 3
          minHealthPercent: 30
    "#]],
    );
    check_policy(
        &block("locality = \"inherit\""),
        &expect![[r#"
        loadBalancer:
          simple: RANDOM
        outlierDetection:
          consecutive5xxErrors: 3
          minHealthPercent: 30
    "#]],
    );
}

#[test]
fn contradictory_settings() {
    let text = r#"
        load_balancing {
          algorithm = "random"
          warmup    = "1s"
          consistent_hash {
            header    = "x-user"
            source_ip = true
          }
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
        error at load_balancing.warmup: warmup with a random algorithm
          Istio warms endpoints up with least_request and round_robin alone. Write one of them, or remove warmup.
        error at load_balancing.consistent_hash: consistent_hash with algorithm
          A hash selects the endpoint, so algorithm would have no effect. Remove one of the two.
        error at load_balancing.consistent_hash: consistent_hash with warmup
          A hash selects the endpoint, so warmup would have no effect. Remove one of the two.
        error at load_balancing.consistent_hash: consistent_hash takes exactly one argument
          Write exactly one of header, query_parameter, source_ip = true and cookie.
    "#]],
    );
    check::<Service>(
        &payments("load_balancing {\n  consistent_hash {}\n}"),
        &expect![[r#"
        error at load_balancing.consistent_hash: consistent_hash takes exactly one argument
          Write exactly one of header, query_parameter, source_ip = true and cookie.
    "#]],
    );
    check::<Service>(
        &payments("load_balancing {\n  algorithm = \"maglev\"\n}"),
        &expect![[r#"
        error at load_balancing.algorithm: Invalid load_balancing.algorithm
          "maglev" isn't one of "least_request", "round_robin", "random".
    "#]],
    );
}
