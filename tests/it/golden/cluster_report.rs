//! `mesh_cluster`: what is made of the objects in a cluster. A sound mesh has no findings, and each change of it has those of one
//! best practice.

use std::{collections::BTreeSet, fmt::Write as _};

use expect_test::{expect, expect_file};
use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::cluster_report::{BestPractice, ClusterReport, Outputs},
    query::QueryResults,
    schema::{Attr, Value, model::Model},
};

use super::{
    access::lines,
    hcl,
    live::{objects, query_result},
    mesh,
};
use crate::generated::text;

const SOUND: &str = "tests/it/golden/cluster_report/sound.yaml";

/// A change of the sound mesh that departs from a best practice.
struct Change {
    practice: BestPractice,
    /// The objects that aren't there, as `Kind/name`.
    without: &'static [&'static str],
    /// The objects that are there in addition.
    with: &'static str,
}

const fn change(practice: BestPractice, without: &'static [&'static str], with: &'static str) -> Change {
    Change { practice, without, with }
}

#[rustfmt::skip]
const CHANGES: &[Change] = &[
    change(BestPractice::NamespaceNotInjected, &["Namespace/legacy"], "{kind: Namespace, metadata: {name: legacy}}"),
    change(BestPractice::PodMissingProxy, &[], "{kind: Pod, metadata: {name: old-0, namespace: shop}, spec: {containers: [{name: old}]}}"),
    change(BestPractice::TwoInjectionLabels, &["Namespace/shop"],
        "{kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled, istio.io/rev: prod}}}"),
    change(BestPractice::Ambient, &["Namespace/empty"], "{kind: Namespace, metadata: {name: empty, labels: {istio.io/dataplane-mode: ambient}}}"),
    change(BestPractice::DefaultAccount, &[],
        "{kind: Pod, metadata: {name: web-0, namespace: shop}, spec: {containers: [{name: web}, {name: istio-proxy}]}}"),
    change(BestPractice::DisabledMtls, &["DestinationRule/checkout"],
        "{kind: DestinationRule, metadata: {name: checkout, namespace: shop}, spec: {host: checkout, subsets: [{name: v1, trafficPolicy: {tls: {mode: DISABLE}}}]}}"),
    change(BestPractice::ExportedRoute, &[],
        "{kind: VirtualService, metadata: {name: open, namespace: shop}, spec: {hosts: [open], exportTo: ['*']}}"),
    change(BestPractice::ExternalHostNamespace, &[],
        "{kind: ServiceEntry, metadata: {name: api, namespace: shop}, spec: {hosts: [api.example.org]}}"),
    change(BestPractice::Fips, &["Deployment/istiod-stable"],
        "{kind: Deployment, metadata: {name: istiod-stable, namespace: istio-system, labels: {app: istiod, istio.io/rev: stable}}, \
         spec: {template: {spec: {containers: [{image: 'pilot:1.30.4', env: [{name: COMPLIANCE_POLICY, value: ''}]}]}}}}\n---\n\
         {kind: ConfigMap, metadata: {name: istio-stable, namespace: istio-system}}"),
    change(BestPractice::GatewayTls, &[],
        "{kind: Gateway, metadata: {name: old, namespace: shop}, spec: {servers: [{port: {number: 8443}, tls: {minProtocolVersion: TLSV1_1}}]}}"),
    change(BestPractice::MinimumTls, &["Deployment/istiod-stable"],
        "{kind: Deployment, metadata: {name: istiod-stable, namespace: istio-system, labels: {app: istiod, istio.io/rev: stable}}, \
         spec: {template: {spec: {containers: [{image: 'pilot:1.30.4'}]}}}}"),
    change(BestPractice::MissingDenyAll, &["AuthorizationPolicy/deny-all"],
        "{kind: AuthorizationPolicy, metadata: {name: deny-all, namespace: istio-system, annotations: {istio.io/dry-run: 'true'}}, spec: {action: ALLOW}}"),
    change(BestPractice::MissingSidecar, &["Sidecar/default"], "{kind: Sidecar, metadata: {name: default, namespace: pci}, spec: {outboundTrafficPolicy: {}}}"),
    change(BestPractice::MtlsException, &["PeerAuthentication/payments"],
        "{kind: PeerAuthentication, metadata: {name: payments, namespace: pci}, \
         spec: {selector: {matchLabels: {app: payments}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {'8443': {mode: DISABLE}}}}"),
    change(BestPractice::OpenPolicy, &[],
        "{kind: AuthorizationPolicy, metadata: {name: open, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, rules: [{from: []}]}}"),
    change(BestPractice::PermissiveMtls, &["PeerAuthentication/default"],
        "{kind: PeerAuthentication, metadata: {name: default, namespace: istio-system}, spec: {mtls: {mode: PERMISSIVE}}}"),
    change(BestPractice::ThirdPartyTokens, &["/api/v1"], "{path: /api/v1, resources: [{name: serviceaccounts, kind: ServiceAccount}]}"),
    change(BestPractice::UnknownRevision, &["Namespace/pci"], "{kind: Namespace, metadata: {name: pci, labels: {istio.io/rev: canary}}}"),
    change(BestPractice::UnrequiredToken, &[],
        "{kind: RequestAuthentication, metadata: {name: web, namespace: shop}, spec: {jwtRules: [{issuer: 'https://login.example.com'}]}}"),
    change(BestPractice::UnsupportedIstio, &["Deployment/istiod", "Deployment/istiod-stable"],
        "{kind: Deployment, metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, istio.io/rev: stable}}, \
         spec: {template: {spec: {containers: [{image: 'pilot:1.26.0', env: [{name: COMPLIANCE_POLICY, value: fips-140-2}]}]}}}}"),
    change(BestPractice::RevisionSkew, &["Deployment/istiod-stable"],
        "{kind: Deployment, metadata: {name: istiod-stable, namespace: istio-system, labels: {app: istiod, istio.io/rev: stable}}, \
         spec: {template: {spec: {containers: [{image: 'pilot:1.29.0', env: [{name: COMPLIANCE_POLICY, value: fips-140-2}]}]}}}}"),
    change(BestPractice::UnverifiedTls, &[],
        "{kind: DestinationRule, metadata: {name: one, namespace: istio-system}, spec: {host: one.example.com, trafficPolicy: {tls: {mode: SIMPLE, sni: one.example.com}}}}\n---\n\
         {kind: DestinationRule, metadata: {name: two, namespace: istio-system}, spec: {host: two.example.com, trafficPolicy: {tls: {mode: MUTUAL, insecureSkipVerify: true}}}}"),
    change(BestPractice::WildcardHost, &[],
        "{kind: ServiceEntry, metadata: {name: wildcard, namespace: istio-system}, spec: {hosts: ['*.example.org']}}"),
    change(BestPractice::MeshOutbound, &[],
        "{kind: Sidecar, metadata: {name: web, namespace: shop}, spec: {workloadSelector: {labels: {app: web}}, outboundTrafficPolicy: {mode: ALLOW_ANY}}}"),
];

/// `meshConfig` of the default revision in the place of the sound one, and the best practices that it departs from.
#[rustfmt::skip]
const MESH_CONFIGS: &[(&str, &[BestPractice])] = &[
    ("outboundTrafficPolicy: {mode: REGISTRY_ONLY}\nmeshMTLS: {minProtocolVersion: TLSV1_3}\npathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}",
        &[BestPractice::MeshExport]),
    ("defaultServiceExportTo: ['.']\ndefaultVirtualServiceExportTo: ['.']\ndefaultDestinationRuleExportTo: ['.']\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}",
        &[BestPractice::PathNormalization]),
    ("defaultServiceExportTo: ['.']\ndefaultVirtualServiceExportTo: ['.']\ndefaultDestinationRuleExportTo: ['.']\npathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}",
        &[BestPractice::HiddenClearText, BestPractice::MeshOutbound]),
];

/// The sound mesh without some objects, which are named as `Kind/name`, or by their path.
fn sound_without(names: &[&str]) -> Vec<Json> {
    let mut live = objects(&text(SOUND));
    for name in names {
        let before = live.len();
        live.retain(|object| match name.split_once('/') {
            Some(("", _)) => object["path"] != *name,
            Some((kind, name)) => object["kind"] != kind || object["metadata"]["name"] != name,
            None => true,
        });
        assert!(live.len() < before, "the sound mesh has no {name}");
    }
    live
}

/// The outputs with these objects, whose user has no right to read the kinds `forbidden`.
fn outputs(arguments: &str, live: &[Json], forbidden: &[&str]) -> Outputs {
    let value = hcl::resource(arguments, ClusterReport::schema());
    let mut out = Diagnostics::default();
    let arguments = ClusterReport::decode(&value, &Path::root(), &mut out);
    assert!(!out.has_errors(), "{out}");
    let run = |queries: Vec<_>| -> QueryResults {
        let result = |query| (query_result(&query, live, forbidden), query);
        queries.into_iter().map(result).map(|(result, query)| (query, result)).collect()
    };
    let mut results = run(arguments.queries(&mesh()));
    results.extend(run(arguments.further_queries(&mesh(), &results)));
    arguments.report(&mesh(), &results)
}

/// A finding on a line: code, severity, object and summary.
fn findings(outputs: &Outputs) -> Vec<String> {
    let findings = outputs.findings.elements().expect("known").expect("set");
    let member = |value: &Value, name: &str| match value.member(name) {
        Value::String(text) => text.clone(),
        other => panic!("{name}: {other:?}"),
    };
    let line = |finding: Value| {
        let remedy = member(&finding, "remedy");
        assert!(remedy.ends_with('.'), "{remedy}");
        let [code, severity, object, summary] =
            ["code", "severity", "object", "summary"].map(|name| member(&finding, name));
        format!("{code} ({severity}) {object}: {summary}")
    };
    findings.into_iter().map(|finding| line(finding.0.encode())).collect()
}

fn codes(findings: &[String]) -> BTreeSet<&str> {
    findings.iter().filter_map(|finding| finding.split(' ').next()).collect()
}

#[test]
fn sound_mesh_departs_from_no_best_practice() {
    let outputs = outputs("fips = true", &sound_without(&[]), &[]);
    assert_eq!(findings(&outputs), Vec::<String>::new());
    assert_eq!(outputs.not_visible.elements_or_empty(), Ok(BTreeSet::new()));
}

/// Each change has findings of its best practice, and of no other one.
#[test]
fn each_best_practice_finds_its_departure() {
    let (mut report, mut tested) = (String::new(), BTreeSet::new());
    for Change { practice, without, with } in CHANGES {
        let mut live = sound_without(without);
        // The added objects come first, so that they are those that a GET finds.
        live.splice(0..0, objects(with));
        let findings = findings(&outputs("fips = true", &live, &[]));
        let found = codes(&findings);
        assert!(found.contains(practice.as_str()), "{practice}: {findings:?}");
        let accompanied = [BestPractice::Fips, BestPractice::MinimumTls, BestPractice::MissingSidecar];
        assert!(found.len() == 1 || accompanied.contains(practice), "{practice}: {findings:?}");
        writeln!(report, "{practice}:\n  {}", findings.join("\n  ")).unwrap();
        tested.insert(*practice);
    }
    for (config, practices) in MESH_CONFIGS {
        let mut live = sound_without(&[
            "ConfigMap/istio",
            "Sidecar/default",
            "Deployment/istiod-stable",
            "ConfigMap/istio-stable",
            "MutatingWebhookConfiguration/istio-revision-tag-prod",
            "Namespace/pci",
        ]);
        live.extend(objects(
            "{kind: Sidecar, metadata: {name: default, namespace: shop}, spec: {outboundTrafficPolicy: {}}}",
        ));
        let mut config_map = objects("{kind: ConfigMap, metadata: {name: istio, namespace: istio-system}}").remove(0);
        config_map["data"]["mesh"] = (*config).into();
        live.push(config_map);
        let findings = findings(&outputs("", &live, &[]));
        let expected: BTreeSet<&str> = practices.iter().map(|practice| practice.as_str()).collect();
        let found = codes(&findings);
        assert!(expected.is_subset(&found), "{config}: {findings:?}");
        writeln!(report, "meshConfig:\n  {}\n=>\n  {}", config.replace('\n', "\n  "), findings.join("\n  ")).unwrap();
        tested.extend(practices.iter().copied());
    }
    expect_file!["cluster_report/findings.txt"].assert_eq(&report);
    let untested: Vec<&BestPractice> = BestPractice::ALL.iter().filter(|practice| !tested.contains(practice)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// FIPS is for those who ask for it.
#[test]
fn fips_is_checked_on_demand() {
    let live = sound_without(&["Deployment/istiod", "Deployment/istiod-stable"]);
    let with_istiod = |environment: &str| {
        let istiod = format!(
            "{{kind: Deployment, metadata: {{name: istiod, namespace: istio-system, labels: {{app: istiod, istio.io/rev: stable}}}}, \
             spec: {{template: {{spec: {{containers: [{{image: 'pilot:1.31.0', env: [{environment}]}}]}}}}}}}}"
        );
        [live.clone(), objects(&istiod)].concat()
    };
    let open = with_istiod("");
    assert!(!codes(&findings(&outputs("", &open, &[]))).contains("fips"));
    assert!(codes(&findings(&outputs("fips = true", &open, &[]))).contains("fips"));
    let compliant = with_istiod("{name: COMPLIANCE_POLICY, value: fips-140-3}");
    assert!(!codes(&findings(&outputs("fips = true", &compliant, &[]))).contains("fips"));
}

fn all_lines(outputs: &Outputs) -> String {
    let Value::Map(members) = outputs.encode() else { panic!("an object") };
    let mut text = String::new();
    for (name, value) in &members {
        lines(&mut text, name, value);
    }
    text
}

#[test]
fn versions_revisions_and_data_planes() {
    let mut live = sound_without(&["ConfigMap/istio"]);
    let config = "{kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'trustDomain: example.com'}}\n---\n\
                  {kind: Namespace, metadata: {name: mixed, labels: {istio.io/dataplane-mode: ambient, istio.io/rev: default}}}\n---\n\
                  {kind: Namespace, metadata: {name: quiet, labels: {istio.io/dataplane-mode: ambient, istio-injection: disabled}}}";
    live.extend(objects(config));
    let mut outputs = outputs("", &live, &[]);
    outputs.findings = Attr::Null;
    expect![[r#"
        data_planes empty: String("none")
        data_planes istio-system: String("none")
        data_planes kube-system: String("none")
        data_planes legacy: String("none")
        data_planes mixed: String("sidecar")
        data_planes pci: String("sidecar")
        data_planes quiet: String("ambient")
        data_planes shop: String("sidecar")
        findings: Null
        injection_labels legacy: String("istio-injection=disabled")
        injection_labels mixed: String("istio.io/rev=default")
        injection_labels pci: String("istio.io/rev=prod")
        injection_labels quiet: String("istio-injection=disabled")
        injection_labels shop: String("istio-injection=enabled")
        istio_versions: String("1.30.4"), String("1.31.1")
        kinds Gateway.networking.istio.io: String("v1")
        kinds PeerAuthentication.security.istio.io: String("v1")
        kinds Sidecar.networking.istio.io: String("v1"), String("v1beta1")
        kubernetes_version: String("v1.35.0")
        not_visible: 
        reachable: Bool(true)
        revisions default control_plane: String("istio-system/istiod")
        revisions default mesh_config: String("trustDomain: example.com\n")
        revisions default tags: 
        revisions default version: String("1.31.1")
        revisions stable control_plane: String("istio-system/istiod-stable")
        revisions stable mesh_config: String("defaultDestinationRuleExportTo:\n- '.'\ndefaultServiceExportTo:\n- '.'\ndefaultVirtualServiceExportTo:\n- '.'\noutboundTrafficPolicy: {}\npathNormalization:\n  normalization: DECODE_AND_MERGE_SLASHES\n")
        revisions stable tags: String("prod")
        revisions stable version: String("1.30.4")
        third_party_tokens: Bool(true)
    "#]].assert_eq(&all_lines(&outputs));
}

/// With the rights of a team, in its namespace: what isn't seen isn't judged, and is named.
#[test]
fn missing_rights_are_named_and_nothing_is_said_of_what_is_hidden() {
    let mut live = sound_without(&["PeerAuthentication/default", "AuthorizationPolicy/deny-all", "Sidecar/default"]);
    live.extend(objects(
        "{kind: AuthorizationPolicy, metadata: {name: open, namespace: shop}, spec: {rules: [{}]}}\n---\n\
         {kind: AuthorizationPolicy, metadata: {name: open, namespace: pci}, spec: {rules: [{}]}}",
    ));
    let everything_else = [
        "Deployment",
        "MutatingWebhookConfiguration",
        "ConfigMap",
        "Namespace",
        "Pod",
        "PeerAuthentication",
        "Sidecar",
    ];
    let outputs = outputs("namespaces = [\"shop\"]", &live, &everything_else);
    expect![[r#"
        missing-deny-all (high) Namespace/istio-system: istio-system has no enforced ALLOW policy for all workloads.
        open-policy (high) AuthorizationPolicy/shop/open: A rule without from, to and when admits every request.
        findings: Null
        istio_versions: 
        kinds Gateway.networking.istio.io: String("v1")
        kinds PeerAuthentication.security.istio.io: String("v1")
        kinds Sidecar.networking.istio.io: String("v1"), String("v1beta1")
        kubernetes_version: String("v1.35.0")
        not_visible: String("no right to get configmaps in istio-system"), String("no right to get namespaces istio-system"), String("no right to get namespaces shop"), String("no right to list deployments in istio-system"), String("no right to list mutatingwebhookconfigurations everywhere"), String("no right to list peerauthentications in istio-system"), String("no right to list peerauthentications in shop"), String("no right to list pods in istio-system"), String("no right to list pods in shop"), String("no right to list sidecars in istio-system"), String("no right to list sidecars in shop")
        reachable: Bool(true)
        third_party_tokens: Bool(true)
    "#]].assert_eq(
        &(findings(&outputs).join("\n")
            + "\n"
            + &all_lines(&Outputs { findings: Attr::Null, ..outputs })),
    );
}

#[test]
fn nothing_is_known_of_a_server_that_does_not_answer() {
    expect![[r#"
        findings: 
        istio_versions: 
        kubernetes_version: Null
        not_visible: String("the API server: connection refused")
        reachable: Bool(false)
        third_party_tokens: Null
    "#]]
    .assert_eq(&all_lines(&ClusterReport::unreachable("connection refused")));
}

#[test]
fn namespaces_are_names() {
    let value = hcl::resource("namespaces = [\"Shop\"]", ClusterReport::schema());
    let mut out = Diagnostics::default();
    ClusterReport::decode(&value, &Path::root(), &mut out);
    assert!(out.to_string().contains("Invalid namespaces"), "{out}");
}
