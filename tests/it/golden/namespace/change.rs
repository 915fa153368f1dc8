//! Checks of a change: access.

use expect_test::expect;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    resources::{ResourceType, namespace::Namespace},
    schema::model::Model,
};

use crate::golden::{hcl, live, mesh};

fn findings(prior: &str, planned: &str) -> String {
    let config = |arguments: &str| {
        let text = format!("name = \"shop\"\n{arguments}");
        Namespace::decode(&hcl::resource(&text, Namespace::schema()), &Path::root(), &mut Diagnostics::default())
    };
    let mut out = Findings::default();
    <Namespace as ResourceType>::checks_of_change(Some(&config(prior)), &config(planned), &mesh(), &mut out);
    live::format_findings(out)
}

/// Whom deny-all refuses from now on, and whom `allow` admits, is in the plan.
#[test]
fn callers_of_all_workloads() {
    let enforced =
        |from: &str| format!("authorization_mode = \"enforce\"\nallow {{\n from = [{from}]\n ports = [9090]\n}}");
    let one = enforced("\"monitoring/prometheus\"");
    expect![[r#"
        warn at allow: Callers gain access
          After this apply these requests to workloads of shop without policies of their own are admitted by its policies:
        - monitoring/prometheus
         (changed-access)
    "#]].assert_eq(&findings("authorization_mode = \"enforce\"", &one));
    expect![[r#"
        warn at allow: Callers lose access
          After this apply these requests to workloads of shop without policies of their own aren't admitted any more by its policies:
        - monitoring/prometheus
         (changed-access)
        warn at allow: Callers gain access
          After this apply these requests to workloads of shop without policies of their own are admitted by its policies:
        - monitoring/agent
         (changed-access)
    "#]].assert_eq(&findings(&one, &enforced("\"monitoring/agent\"")));
    expect![[r#"
        warn at authorization_mode: Callers lose access
          After this apply these requests to workloads of shop without policies of their own aren't admitted any more by its policies:
        - clients without an identity
        - every other workload of the mesh
         (changed-access)
    "#]].assert_eq(&findings("authorization_mode = \"dry_run\"", "authorization_mode = \"enforce\""));
    for (prior, planned) in [(one.as_str(), one.as_str()), ("", "authorization_mode = \"dry_run\""), ("", "")] {
        assert_eq!(findings(prior, planned), "", "{planned}");
    }
}
