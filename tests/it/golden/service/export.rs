//! Which namespaces see the service: Service, DestinationRule and VirtualService say the same.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use terraform_provider_mesh::{mesh::Mesh, resources::service::Service};

use super::payments;
use crate::golden::{check, meaning, mesh};

/// What the three say, in one line where they agree.
fn check_export(mesh: &Mesh, arguments: &str, expect: &Expect) {
    let meaning = meaning::<Service>(mesh, &payments(arguments));
    let mut said = String::new();
    for object in meaning.split("--- # ").skip(1) {
        let kind = object.split('/').next().unwrap();
        let lines = object.lines().skip_while(|line| line.trim() != "exportTo:").skip(1);
        let namespaces: Vec<_> = lines.map_while(|line| line.trim().strip_prefix("- ")).collect();
        let annotation = object.lines().find_map(|line| line.trim().strip_prefix("networking.istio.io/exportTo: "));
        match annotation.map(str::to_owned).or((!namespaces.is_empty()).then(|| namespaces.join(","))) {
            Some(text) => writeln!(said, "{kind}: {}", text.replace(['"', '\''], "")).unwrap(),
            None => assert_eq!(kind, "AuthorizationPolicy"),
        }
    }
    expect.assert_eq(&said);
}

const ALLOW: &str = "allow {\n  from = [\"shop/checkout\", \"reporting/*\"]\n}\n";

fn with_gateways() -> Mesh {
    let mut mesh = mesh();
    mesh.gateway_namespaces.insert("istio-ingress".to_owned());
    mesh
}

#[test]
fn of_callers_and_gateways() {
    check_export(
        &with_gateways(),
        ALLOW,
        &expect![[r#"
            Service: .,istio-ingress,reporting,shop
            DestinationRule: .,istio-ingress,reporting,shop
            VirtualService: .,istio-ingress,reporting,shop
        "#]],
    );
}

#[test]
fn what_is_written_takes_their_place_but_for_its_own_and_gateways() {
    check_export(
        &with_gateways(),
        &format!("{ALLOW}export_to = [\"shop\", \"reporting\", \"audit\", \"pci\"]"),
        &expect![[r#"
            Service: .,audit,istio-ingress,reporting,shop
            DestinationRule: .,audit,istio-ingress,reporting,shop
            VirtualService: .,audit,istio-ingress,reporting,shop
        "#]],
    );
}

#[test]
fn itself_alone() {
    check_export(
        &mesh(),
        "export_to = [\".\"]",
        &expect![[r#"
            Service: .
            DestinationRule: .
            VirtualService: .
        "#]],
    );
}

#[test]
fn every_namespace() {
    check_export(
        &with_gateways(),
        "export_to = [\"*\"]",
        &expect![[r#"
            Service: *
            DestinationRule: *
            VirtualService: *
        "#]],
    );
}

/// Whoever calls today is seen by the service tomorrow.
#[test]
fn while_nothing_is_enforced() {
    let everywhere = expect![[r#"
        Service: *
        DestinationRule: *
        VirtualService: *
    "#]];
    check_export(&mesh(), &format!("{ALLOW}authorization_mode = \"dry_run\""), &everywhere);
    check_export(&mesh(), &format!("{ALLOW}authorization_mode = \"off\""), &everywhere);
}

#[test]
fn what_is_written_holds_in_a_trial_too() {
    let written = expect![[r#"
        Service: .,reporting,shop
        DestinationRule: .,reporting,shop
        VirtualService: .,reporting,shop
    "#]];
    let export_to = "export_to = [\"shop\", \"reporting\"]\n";
    check_export(&mesh(), &format!("{ALLOW}{export_to}authorization_mode = \"dry_run\""), &written);
    check_export(&mesh(), &format!("{ALLOW}{export_to}authorization_mode = \"off\""), &written);
}

#[test]
fn everybody_and_somebody() {
    check::<Service>(
        &payments("export_to = [\"*\", \"shop\"]"),
        &expect![[r#"
            error at export_to: Everybody and somebody
              "*" is every namespace. Leave it out, or leave out the others.
        "#]],
    );
}

#[test]
fn callers_that_cannot_see_the_service() {
    let meaning = meaning::<Service>(&mesh(), &payments(&format!("{ALLOW}export_to = [\"audit\"]")));
    expect![[r#"
        warning at export_to: Callers that can't see the service
          allow names "reporting/*", "shop/checkout", but export_to hides the service from reporting, shop: proxies there don't know it, and calls fail. Add them to export_to ("audit"), or remove export_to, which follows allow then.
    "#]]
    .assert_eq(meaning.split("---").next().unwrap_or_default());
}
