//! Checks of a change: access, tokens and destinations.

use expect_test::expect;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    resources::{ResourceType, global_defaults::GlobalDefaults},
    schema::model::Model,
};

use crate::golden::{hcl, live, mesh};

fn findings(prior: Option<&str>, planned: &str) -> String {
    let config = |text: &str| {
        GlobalDefaults::decode(
            &hcl::resource(text, GlobalDefaults::schema()),
            &Path::root(),
            &mut Diagnostics::default(),
        )
    };
    let mut out = Findings::default();
    let planned = config(planned);
    <GlobalDefaults as ResourceType>::checks_of_change(prior.map(config).as_ref(), &planned, &mesh(), &mut out);
    live::format_findings(out)
}

#[test]
fn tokens_and_destinations_that_stop() {
    let planned = "sidecar {}\njwt {\n issuer = \"https://idp.test\"\n}";
    for prior in [None, Some("mtls {}"), Some("jwt {\n issuer = \"https://idp.test\"\n selector = { app = \"g\" }\n}")]
    {
        let found = findings(prior, planned);
        assert!(found.contains("foreign-tokens") && found.contains("narrowed-calls"), "{found}");
    }
    expect![[r#"
        warn at jwt: Every workload refuses tokens of other issuers
          A jwt block without namespace and selector holds for every workload: from this apply on, requests with a bearer token that no jwt block verifies get 401, opaque tokens and those of other issuers among them. Write a jwt block for each issuer, or give the block the namespace or selector of the workloads that it is for. (foreign-tokens)
        warn at sidecar: Proxies know only what sidecar lists
          From this apply on, workloads without calls of their own know the services of sidecar alone: by default those of their own namespace and of the root namespace. With outbound_traffic_policy = "registry_only", calls of other namespaces, of external hosts and of the Kubernetes API fail (502, or a reset connection). Write calls for services that call others, and list the Kubernetes API as "default/kubernetes" where workloads use it. (narrowed-calls)
    "#]].assert_eq(&findings(Some("mtls {}"), planned));
    assert_eq!(findings(Some(planned), planned), "");
}

#[test]
fn callers_of_all_workloads() {
    let mode = |mode: &str, allow: &str| format!("authorization {{\n mode = \"{mode}\"\n{allow}\n}}");
    let scrapers = "allow {\n from = [\"monitoring/prometheus\"]\n ports = [9090]\n}";
    expect![[r#"
        warn at authorization: Callers lose access
          After this apply these requests to workloads without policies of their own aren't admitted any more by its policies:
        - monitoring/prometheus
         (changed-access)
    "#]].assert_eq(&findings(Some(&mode("enforce", scrapers)), &mode("enforce", "")));
    expect![[r#"
        warn at authorization: Callers lose access
          After this apply these requests to workloads without policies of their own aren't admitted any more by its policies:
        - clients without an identity
        - every other workload of the mesh
         (changed-access)
    "#]].assert_eq(&findings(Some(&mode("dry_run", "")), &mode("enforce", scrapers)));
}
