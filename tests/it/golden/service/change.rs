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
        assert_eq!(findings(prior, planned), "", "{prior:?} to {planned:?}");
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
        warn at override[0].patch: The patch decides who may call
          This override patches an AuthorizationPolicy. allow, deny and access don't say any more who may call, no check judges the patched rules, and effective_callers is null. Prefer these arguments, or read the policy in objects. (policy-override)
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
