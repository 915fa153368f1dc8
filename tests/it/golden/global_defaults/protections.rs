//! Warnings about changes and destroys that end a protection of the mesh.

use expect_test::{Expect, expect};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    resources::global_defaults::GlobalDefaults,
    schema::model::Model,
};

use crate::golden::hcl;

type Config = GlobalDefaults;

const ALL_PROTECTIONS: &str = r#"
    mtls {}
    authorization {
      mode = "enforce"
    }
    sidecar {}
    jwt {
      issuer = "https://accounts.example.com"
    }
    require_end_user {}
    external_authorization {
      provider = "opa"
    }
    guardrails {
      team_rules = true
    }
"#;

fn config(text: &str) -> Config {
    let value = hcl::resource(text, Config::schema());
    Config::decode(&value, &Path::root(), &mut Diagnostics::default())
}

fn change(prior: &str, planned: &str, expect: &Expect) {
    let mut out = Diagnostics::default();
    GlobalDefaults::warn_of_change(&config(prior), &config(planned), &mut out);
    expect.assert_eq(&out.to_string());
}

fn destroy(text: &str, expect: &Expect) {
    let mut out = Diagnostics::default();
    GlobalDefaults::warn_of_destroy(&config(text), &mut out);
    expect.assert_eq(&out.to_string());
}

#[test]
fn destroy_of_all_protections() {
    destroy(
        ALL_PROTECTIONS,
        &expect![[r#"
        warning: Change removes protection of the mesh
          After the destroy these defaults no longer apply. Unless other objects say otherwise:
          - workloads accept clear text, and callers without identity (mtls)
          - workloads without a policy of their own take every call (authorization)
          - workloads call what the mesh doesn't declare (outbound_traffic_policy)
          - tokens aren't verified (jwt)
          - requests without an end user's token pass (require_end_user)
          - no authorizer is asked about requests (external_authorization)
          - the API server takes from teams whatever their rights allow (guardrails)
    "#]],
    );
}

#[test]
fn no_protection_ends() {
    destroy("resiliency = \"low\"\nauthorization {\n mode = \"dry_run\"\n}", &expect![[""]]);
    change(ALL_PROTECTIONS, ALL_PROTECTIONS, &expect![[""]]);
    change("resiliency = \"low\"", ALL_PROTECTIONS, &expect![[""]]);
}

#[test]
fn change_that_ends_all_protections() {
    change(
        ALL_PROTECTIONS,
        "resiliency = \"low\"",
        &expect![[r#"
            warning at mtls: Change removes protection of the mesh
              mtls no longer applies after this apply: from then on workloads accept clear text, and callers without identity, unless another policy says otherwise. If that isn't intended, restore it.
            warning at authorization: Change removes protection of the mesh
              authorization no longer applies after this apply: from then on workloads without a policy of their own take every call, unless another policy says otherwise. If that isn't intended, restore it.
            warning at outbound_traffic_policy: Change removes protection of the mesh
              outbound_traffic_policy no longer applies after this apply: from then on workloads call what the mesh doesn't declare, unless another policy says otherwise. If that isn't intended, restore it.
            warning at jwt: Change removes protection of the mesh
              jwt no longer applies after this apply: from then on tokens aren't verified, unless another policy says otherwise. If that isn't intended, restore it.
            warning at require_end_user: Change removes protection of the mesh
              require_end_user no longer applies after this apply: from then on requests without an end user's token pass, unless another policy says otherwise. If that isn't intended, restore it.
            warning at external_authorization: Change removes protection of the mesh
              external_authorization no longer applies after this apply: from then on no authorizer is asked about requests, unless another policy says otherwise. If that isn't intended, restore it.
            warning at guardrails: Change removes protection of the mesh
              guardrails no longer applies after this apply: from then on the API server takes from teams whatever their rights allow, unless another policy says otherwise. If that isn't intended, restore it.
        "#]],
    );
}

/// Modes and actions that protect less.
#[test]
fn weaker_modes() {
    for mode in ["off", "audit", "dry_run"] {
        let prior = "authorization {\n mode = \"enforce\"\n}";
        let mut out = Diagnostics::default();
        GlobalDefaults::warn_of_change(&config(prior), &config(&prior.replace("enforce", mode)), &mut out);
        assert!(
            out.to_string().starts_with("warning at authorization: Change removes protection of the mesh"),
            "{mode}: {out}"
        );
    }
    change(
        "mtls {}",
        "mtls {\n mode = \"permissive\"\n}",
        &expect![[r#"
        warning at mtls: Change removes protection of the mesh
          mtls no longer applies after this apply: from then on workloads accept clear text, and callers without identity, unless another policy says otherwise. If that isn't intended, restore it.
    "#]],
    );
    change(
        "sidecar {}",
        "sidecar {}\noutbound_traffic_policy = \"allow_any\"",
        &expect![[r#"
        warning at outbound_traffic_policy: Change removes protection of the mesh
          outbound_traffic_policy no longer applies after this apply: from then on workloads call what the mesh doesn't declare, unless another policy says otherwise. If that isn't intended, restore it.
    "#]],
    );
    change(
        "guardrails {\n team_rules = true\n}",
        "guardrails {\n team_rules = true\n action = \"warn\"\n}",
        &expect![[r#"
            warning at guardrails: Change removes protection of the mesh
              guardrails no longer applies after this apply: from then on the API server takes from teams whatever their rights allow, unless another policy says otherwise. If that isn't intended, restore it.
        "#]],
    );
}

/// A protection that may persist causes no warning.
#[test]
fn unknown_values() {
    change(
        ALL_PROTECTIONS,
        &ALL_PROTECTIONS.replace("\"enforce\"", "unknown").replace("mtls {}", "mtls { mode = unknown }"),
        &expect![[""]],
    );
    for block in ["mtls", "authorization", "sidecar", "jwt", "require_end_user", "external_authorization", "guardrails"]
    {
        let unknown = format!("{block} = unknown");
        let mut out = Diagnostics::default();
        GlobalDefaults::warn_of_change(&config(ALL_PROTECTIONS), &config(&unknown), &mut out);
        let at = if block == "sidecar" { "outbound_traffic_policy" } else { block };
        assert!(!out.to_string().contains(&format!("warning at {at}:")), "{block}: {out}");
    }
}
