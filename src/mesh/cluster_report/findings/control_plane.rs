//! Best practices of the installation: versions, `meshConfig`, and what the API server offers.

use super::Departures;
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        cluster_report::{
            BestPractice,
            installation::{ControlPlane, has_token_requests, minor},
            observed::Observed,
        },
        install_config::IstioMinor,
        live_objects::{namespaced_name, summarize_names},
        live_policies::names_paths,
        mesh_config::{self, MeshConfig},
        outbound_policy::{default_allows_any, mesh_config_allows_any},
    },
    object::kind,
};

pub(super) fn check(observed: &Observed, fips: bool, out: &mut Departures) {
    if has_token_requests(observed.results) == Ok(false) {
        out.report(
            BestPractice::ThirdPartyTokens,
            "APIResourceList/v1",
            "The API server doesn't serve serviceaccounts/token of kind TokenRequest.",
        );
    }
    let control_planes = ControlPlane::all(observed);
    for config in mesh_config::read(observed.mesh, observed.results) {
        check_config(&config, observed, &control_planes, out);
    }
    // Without the right to list Deployments nothing is said of control planes.
    let Ok(control_planes) = control_planes else { return };
    check_versions(&control_planes, out);
    if fips {
        check_fips(&control_planes, out);
    }
}

fn check_config(
    config: &MeshConfig,
    observed: &Observed,
    control_planes: &Known<Vec<ControlPlane>>,
    out: &mut Departures,
) {
    let object = format!("ConfigMap/{}/{}", observed.mesh.root_namespace, config.name);
    // The Sidecar of the root namespace may decide in the place of meshConfig.
    let default_allows_any = observed
        .of_root(&kind::SIDECAR)
        .map(|sidecars| default_allows_any(&sidecars).unwrap_or_else(|| mesh_config_allows_any(&config.config)));
    let narrow = config.narrow_default_exports();
    if default_allows_any == Ok(true) && !narrow.is_empty() {
        out.report(
            BestPractice::HiddenClearText,
            &object,
            format!(
                "Objects are hidden from other namespaces by {}, and proxies let calls of unknown hosts out.",
                narrow.join(", ")
            ),
        );
    }
    let open = config.open_default_exports();
    if !open.is_empty() {
        out.report(BestPractice::MeshExport, &object, format!("Fields that aren't [\".\"]: {}.", open.join(", ")));
    }
    // Without the right to list Deployments it isn't known whether istiod has a standard of its own.
    let has_standard = control_planes.as_ref().map(|all| {
        all.iter().any(|istiod| istiod.revision() == config.revision && istiod.compliance_policy().is_some())
    });
    let minimum = text(&config.config, &["meshMTLS", "minProtocolVersion"]).unwrap_or("TLS_AUTO");
    if minimum != "TLSV1_3" && has_standard == Ok(false) {
        out.report(BestPractice::MinimumTls, &object, format!("meshMTLS.minProtocolVersion is {minimum}."));
    }
    if !config.normalizes_slashes() && names_paths(observed.visible(&kind::AUTHORIZATION_POLICY).into_iter()) {
        let normalization = text(&config.config, &["pathNormalization", "normalization"]).unwrap_or("DEFAULT");
        out.report(
            BestPractice::PathNormalization,
            &object,
            format!("Policies name paths, and pathNormalization.normalization is {normalization}."),
        );
    }
}

fn check_versions(control_planes: &[ControlPlane], out: &mut Departures) {
    let oldest_supported = IstioMinor::ALL.first().and_then(|oldest| minor(oldest.as_str()));
    let versions = control_planes.iter().filter_map(|istiod| {
        let version = istiod.version()?;
        Some((minor(version)?, version, format!("Deployment/{}", namespaced_name(istiod.deployment))))
    });
    let mut versions: Vec<_> = versions.collect();
    versions.sort();
    for (minor, version, object) in &versions {
        if oldest_supported.is_some_and(|oldest| *minor < oldest) {
            out.report(BestPractice::UnsupportedIstio, object, format!("istiod is of version {version}."));
        }
    }
    if let (Some((oldest, _, object)), Some((newest, ..))) = (versions.first(), versions.last())
        && newest - oldest > 1
    {
        let names = versions.iter().map(|(_, version, _)| *version);
        out.report(
            BestPractice::RevisionSkew,
            object,
            format!("Control planes are of versions {}.", summarize_names(names)),
        );
    }
}

fn check_fips(control_planes: &[ControlPlane], out: &mut Departures) {
    for istiod in control_planes {
        let policy = istiod.compliance_policy();
        if !matches!(policy, Some("fips-140-2" | "fips-140-3")) {
            out.report(
                BestPractice::Fips,
                format!("Deployment/{}", namespaced_name(istiod.deployment)),
                format!("COMPLIANCE_POLICY of istiod is {}.", policy.unwrap_or("not set")),
            );
        }
    }
}
