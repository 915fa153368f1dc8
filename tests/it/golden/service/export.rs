//! Visibility: Service, DestinationRule and VirtualService are exported to the same namespaces.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use terraform_provider_mesh::{mesh::Mesh, resources::service::Service};

use super::payments;
use crate::golden::{check, mesh, registry_only_mesh, rendered_text};

/// Compares the namespaces to which each object of a configuration is exported. Only the policy has no such field.
fn check_export(mesh: &Mesh, arguments: &str, expect: &Expect) {
    let rendered = rendered_text::<Service>(mesh, &payments(&format!("resiliency = \"low\"\n{arguments}")));
    let mut exports = String::new();
    for object in rendered.split("--- # ").skip(1) {
        let kind = object.split('/').next().unwrap();
        let lines = object.lines().skip_while(|line| line.trim() != "exportTo:").skip(1);
        let namespaces: Vec<_> = lines.map_while(|line| line.trim().strip_prefix("- ")).collect();
        let annotation = object.lines().find_map(|line| line.trim().strip_prefix("networking.istio.io/exportTo: "));
        match annotation.map(str::to_owned).or((!namespaces.is_empty()).then(|| namespaces.join(","))) {
            Some(text) => writeln!(exports, "{kind}: {}", text.replace(['"', '\''], "")).unwrap(),
            None => assert_eq!(kind, "AuthorizationPolicy"),
        }
    }
    expect.assert_eq(&exports);
}

const ALLOW: &str = "allow {\n  from = [\"shop/checkout\", \"reporting/*\"]\n}\n";

fn mesh_with_gateways() -> Mesh {
    let mut mesh = registry_only_mesh();
    mesh.gateway_namespaces.insert("istio-ingress".to_owned());
    mesh
}

#[test]
fn exported_to_callers_and_gateways() {
    check_export(
        &mesh_with_gateways(),
        ALLOW,
        &expect![[r#"
            Service: .,istio-ingress,reporting,shop
            DestinationRule: .,istio-ingress,reporting,shop
            VirtualService: .,istio-ingress,reporting,shop
        "#]],
    );
}

#[test]
fn export_to_replaces_callers_but_not_gateways() {
    check_export(
        &mesh_with_gateways(),
        &format!("{ALLOW}export_to = [\"shop\", \"reporting\", \"audit\", \"pci\"]"),
        &expect![[r#"
            Service: .,audit,istio-ingress,reporting,shop
            DestinationRule: .,audit,istio-ingress,reporting,shop
            VirtualService: .,audit,istio-ingress,reporting,shop
        "#]],
    );
}

#[test]
fn own_namespace_only() {
    check_export(
        &registry_only_mesh(),
        "export_to = [\".\"]",
        &expect![[r#"
            Service: .
            DestinationRule: .
            VirtualService: .
        "#]],
    );
}

#[test]
fn all_namespaces() {
    check_export(
        &mesh_with_gateways(),
        "export_to = [\"*\"]",
        &expect![[r#"
            Service: *
            DestinationRule: *
            VirtualService: *
        "#]],
    );
}

/// Callers that no `allow` block names may still call, so they must see the service.
#[test]
fn exported_to_all_namespaces_unless_enforced() {
    let all_namespaces = expect![[r#"
        Service: *
        DestinationRule: *
        VirtualService: *
    "#]];
    check_export(&registry_only_mesh(), &format!("{ALLOW}authorization_mode = \"dry_run\""), &all_namespaces);
    check_export(&registry_only_mesh(), &format!("{ALLOW}authorization_mode = \"off\""), &all_namespaces);
}

/// A proxy that doesn't see the service would forward calls of it as clear text.
#[test]
fn exported_to_all_namespaces_without_registry_only() {
    let all_namespaces = expect![[r#"
        Service: *
        DestinationRule: *
        VirtualService: *
    "#]];
    check_export(&mesh(), ALLOW, &all_namespaces);
    check_export(&mesh(), "access = \"none\"", &all_namespaces);
}

/// The annotation of another tool stays, unless a rule or a route needs the Service where the rule is, `export_to` says who sees
/// it, or those who may not call must not see it.
#[test]
fn annotation_of_an_existing_service() {
    let routeless = "unmanaged = [\"DestinationRule\", \"VirtualService\"]\n";
    let annotation = |mesh: &Mesh, arguments: &str| {
        let text = format!(
            "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 80\n  protocol = \"tcp\"\n}}\n{arguments}"
        );
        let rendered = rendered_text::<Service>(mesh, &text);
        let annotation = rendered.split("networking.istio.io/exportTo: ").nth(1);
        annotation.and_then(|text| text.lines().next()).map(|line| line.trim_matches(['"', '\'']).to_owned())
    };
    let open = Some("*".to_owned());
    assert_eq!(annotation(&mesh(), ""), None, "no other object is exported");
    assert_eq!(annotation(&mesh(), "resiliency = \"low\""), open, "beside a DestinationRule");
    assert_eq!(annotation(&mesh(), routeless), None);
    assert_eq!(annotation(&mesh(), &format!("{routeless}export_to = [\"*\"]")), open);
    assert_eq!(annotation(&mesh(), &format!("{routeless}export_to = [\"shop\"]")), Some(".,shop".to_owned()));
    assert_eq!(annotation(&mesh(), &format!("{routeless}service = \"managed\"")), open);
    assert_eq!(annotation(&registry_only_mesh(), routeless), Some(".".to_owned()));
    assert_eq!(annotation(&registry_only_mesh(), &format!("{routeless}authorization_mode = \"dry_run\"")), None);
}

#[test]
fn written_export_without_registry_only() {
    let rendered = rendered_text::<Service>(&mesh(), &payments("export_to = [\"shop\"]"));
    expect![[r#"
        warning at export_to: export_to turns calls into clear text
          Proxies that don't see the service forward calls of it unchanged: as clear text, without identity, with the credentials in their headers, whatever mtls is. That is so unless the mesh's outbound traffic policy is REGISTRY_ONLY. Remove export_to (policies refuse who may not call, over mutual TLS), or make the mesh refuse calls of unknown hosts (outbound_traffic_policy = "registry_only" of mesh_global_defaults) and write in the provider block: installed { outbound_traffic_policy = "registry_only" }.
    "#]].assert_eq(rendered.split("---").next().unwrap_or_default());
    let text = rendered_text::<Service>(&mesh(), &payments("export_to = [\"*\"]"));
    assert!(text.starts_with("---"), "{text}");
}

#[test]
fn export_to_applies_without_enforcement() {
    let exports = expect![[r#"
        Service: .,reporting,shop
        DestinationRule: .,reporting,shop
        VirtualService: .,reporting,shop
    "#]];
    let export_to = "export_to = [\"shop\", \"reporting\"]\n";
    check_export(&registry_only_mesh(), &format!("{ALLOW}{export_to}authorization_mode = \"dry_run\""), &exports);
    check_export(&registry_only_mesh(), &format!("{ALLOW}{export_to}authorization_mode = \"off\""), &exports);
}

#[test]
fn star_with_other_namespaces() {
    check::<Service>(
        &payments("export_to = [\"*\", \"shop\"]"),
        &expect![[r#"
            error at export_to: "*" combined with other namespaces in export_to
              "*" is every namespace. Leave it out, or leave out the others.
        "#]],
    );
}

#[test]
fn callers_outside_export_to() {
    let rendered =
        rendered_text::<Service>(&registry_only_mesh(), &payments(&format!("{ALLOW}export_to = [\"audit\"]")));
    expect![[r#"
        warning at export_to: Service isn't visible to admitted callers
          allow names "reporting/*", "shop/checkout", but export_to hides the service from reporting, shop: proxies there don't know it, and calls fail. Add them to export_to ("audit"), or remove export_to, which follows allow then.
    "#]]
    .assert_eq(rendered.split("---").next().unwrap_or_default());
}
