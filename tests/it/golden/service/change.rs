//! Checks of a change: arguments whose effect the plan doesn't show.

use expect_test::{Expect, expect};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    resources::{ResourceType, service::Service},
    schema::model::Model,
};

use super::payments;
use crate::golden::{hcl, live, mesh};

const WEB: &str = "allow {\n from = [\"shop/web\"]\n}";

fn config(arguments: &str) -> Service {
    let value = hcl::resource(&payments(arguments), Service::schema());
    Service::decode(&value, &Path::root(), &mut Diagnostics::default())
}

fn findings(prior: Option<&str>, planned: &str) -> String {
    let mut out = Findings::default();
    <Service as ResourceType>::checks_of_change(prior.map(config).as_ref(), &config(planned), &mesh(), &mut out);
    live::format_findings(out)
}

fn check(prior: Option<&str>, planned: &str, expect: &Expect) {
    expect.assert_eq(&findings(prior, planned));
}

#[test]
fn last_allow_block_goes() {
    check(
        Some(WEB),
        "",
        &expect![[r#"
            warn at allow: Without allow blocks the whole namespace may call
              pci/payments has neither an allow block nor access any more: by the default of access every workload of pci may call after this apply. Write access = "none" if only allow says who may call, also where a dynamic block has no elements; or access = "namespace" if the namespace is meant. (opened-access)
            warn at allow: Callers lose access
              After this apply these requests to pci/payments aren't admitted any more by its policies:
            - shop/web
             (changed-access)
            warn at allow: Callers gain access
              After this apply these requests to pci/payments are admitted by its policies:
            - other workloads of pci
             (changed-access)
        "#]],
    );
    for (prior, planned) in [
        (None, ""),
        (Some(""), ""),
        (Some(WEB), WEB),
        (Some(WEB), "access = \"none\""),
        (Some(WEB), "access = \"namespace\""),
        (Some(WEB), "authorization_mode = \"dry_run\""),
        (Some(WEB), "authorization_mode = \"off\""),
        (Some("access = \"namespace\"\nallow {\n from = [\"shop/web\"]\n}"), ""),
        (Some("access = \"mesh\""), ""),
        (Some("authorization_mode = \"dry_run\"\nallow {\n from = [\"shop/web\"]\n}"), ""),
        (Some(WEB), "access = unknown"),
        (Some(WEB), "allow = unknown"),
    ] {
        assert!(!findings(prior, planned).contains("opened-access"), "{prior:?} to {planned:?}");
    }
}

/// The same opening without blocks: `access = "none"` is removed.
#[test]
fn access_none_goes() {
    assert!(findings(Some("access = \"none\""), "").contains("(opened-access)"));
}

#[test]
fn override_of_a_policy() {
    let patch = |kind: &str| {
        format!("override {{\n kind = \"{kind}\"\n patch = jsonencode({{ spec = {{ rules = [{{}}] }} }})\n}}")
    };
    check(
        None,
        &patch("AuthorizationPolicy"),
        &expect![[r#"
        warn at override[0].patch: override patches an AuthorizationPolicy
          This override patches an AuthorizationPolicy. allow, deny and access no longer decide who may call, no check reads the patched rules, and effective_callers is null. Prefer these arguments, or read the policy in objects. (policy-override)
    "#]],
    );
    assert!(findings(Some(""), &patch("AuthorizationPolicy")).contains("(policy-override)"));
    assert_eq!(findings(None, &patch("DestinationRule")), "");
    let callers = |arguments: &str| {
        let value = Service::outputs(&config(arguments), &mesh()).encode();
        format!("{:?}", value.member("effective_callers"))
    };
    expect![[r#"
        List([String("shop/web")])
        Null
        List([String("pci/*")])
        Unknown"#]]
    .assert_eq(
        &[
            callers(WEB),
            callers(&patch("AuthorizationPolicy")),
            callers(&patch("DestinationRule")),
            callers("override {\n kind = unknown\n patch = unknown\n}"),
        ]
        .join("\n"),
    );
}

/// Whatever the cause: callers, methods, paths and ports that one of the two configurations admits.
#[test]
fn callers_gain_and_lose_access() {
    let block = |text: &str| text.replace("; ", "\n").replace("{ ", "{\n").replace(" }", "\n}");
    let all = block(r#"allow { from = ["shop/*"]; }"#);
    let get = block(r#"allow { from = ["shop/web", "shop/cart"]; methods = ["GET"]; paths = ["/v1/*"] }"#);
    let deny = block(r#"deny { from = ["shop/cart"]; paths = ["/internal/*"] }"#);
    check(
        Some(&all),
        &get,
        &expect![[r#"
        warn at allow: Callers lose access
          After this apply these requests to pci/payments aren't admitted any more by its policies:
        - other workloads of shop
        - shop/cart: GET other paths; other methods /v1/x; other methods other paths
        - shop/web: GET other paths; other methods /v1/x; other methods other paths
         (changed-access)
    "#]],
    );
    check(
        Some(&all),
        &(all.clone() + "\n" + &deny),
        &expect![[r#"
        warn at allow: Callers lose access
          After this apply these requests to pci/payments aren't admitted any more by its policies:
        - shop/cart: /internal/x
         (changed-access)
    "#]],
    );
    check(
        Some("authorization_mode = \"dry_run\""),
        "",
        &expect![[r#"
        warn at allow: Callers lose access
          After this apply these requests to pci/payments aren't admitted any more by its policies:
        - clients without an identity
        - every other workload of the mesh
         (changed-access)
    "#]],
    );
    check(
        Some(&all),
        &(all.clone() + "\nrequire_end_user {}"),
        &expect![[r#"
        warn at allow: Callers lose access
          After this apply these requests to pci/payments aren't admitted any more by its policies:
        - other workloads of shop: without token
         (changed-access)
    "#]],
    );
    check(
        Some(&all),
        &block(r#"allow { from = ["shop/*"]; except { from = ["shop/cart"]; paths = ["/internal/*"] } }"#),
        &expect![[r#"
            warn at allow: Callers lose access
              After this apply these requests to pci/payments aren't admitted any more by its policies:
            - other workloads of shop: /internal/x
            - shop/cart
             (changed-access)
        "#]],
    );
    check(
        Some(&all),
        &block(
            r#"allow { from = ["shop/*"]; when { key = "request.headers[x-team]"; values = ["a*"]; not_values = ["ab"] } }"#,
        ),
        &expect![[r#"
            warn at allow: Callers lose access
              After this apply these requests to pci/payments aren't admitted any more by its policies:
            - other workloads of shop: with other attributes; with request.headers[x-team] = ab
             (changed-access)
        "#]],
    );
    let edge = block(r#"ingress { gateway = "edge/public"; hosts = ["*.example.com"] }"#) + "\n";
    check(
        Some(&(edge.clone() + &block(r#"allow { from = ["edge/public"]; methods = ["GET"] }"#))),
        &(edge
            + &block(r#"allow { from = ["edge/public"]; methods = ["GET"]; remote_ip_blocks = ["198.51.100.0/24"] }"#)),
        &expect![[r#"
            warn at allow: Callers lose access
              After this apply these requests to pci/payments aren't admitted any more by its policies:
            - edge/public: GET clients of other addresses
             (changed-access)
        "#]],
    );
    let other_pods = format!("selector = {{ tier = \"front\" }}\n{all}");
    for (prior, planned) in [(&all, &all), (&all, &other_pods)] {
        assert_eq!(findings(Some(prior), planned), "");
    }
}

#[test]
fn calls_are_narrowed() {
    check(
        Some("calls = [\"ledger\", \"shop/*\", \"shop/cart\"]"),
        "calls = [\"shop/*\"]",
        &expect![[r#"
        warn at calls: Proxies lose destinations
          After this apply, proxies of pci/payments don't know pci/ledger.pci.svc.cluster.local any more: calls of them fail, if they aren't platform_hosts. (narrowed-calls)
    "#]],
    );
    check(
        Some(""),
        "calls = []",
        &expect![[r#"
        warn at calls: Proxies know only what calls lists
          From this apply on, proxies of pci/payments know the destinations of calls and the provider's platform_hosts alone. Calls of other services, of external hosts and of the Kubernetes API fail (502, or a reset connection). List the Kubernetes API as "default/kubernetes" if its workloads use it. (narrowed-calls)
    "#]],
    );
    assert_eq!(findings(Some("calls = [\"ledger\"]"), "calls = [\"ledger\", \"shop/cart\"]"), "");
}
