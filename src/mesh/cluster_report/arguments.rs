//! The arguments and outputs of `mesh_cluster`.

use crate::{
    mesh::names,
    model,
    schema::{
        Attr, Elements, List, Map, Set,
        model::{Nested, computed, optional, required},
    },
};

model! {
    /// Inventory of the Istio installation in a cluster, with its departures from best practices. For audits and
    /// `check` blocks. It changes nothing, and resources never depend on it. Each kind is read by one list, and
    /// queries that the provider's user may not make are in `not_visible`.
    pub struct ClusterReport {
        /// Namespaces whose objects are read, in addition to the root namespace, for users who may not read all.
        /// Defaults to all.
        namespaces: Set<String> = optional().non_empty("At least one namespace.").each(names::LABEL, names::is_label),
        /// Whether cryptography must comply with FIPS 140-2 or 140-3. Only with `true` is the finding `fips` reported.
        /// Defaults to `false`.
        fips: Attr<bool> = optional(),
    }
}

model! {
    /// A control plane of Istio.
    pub struct Revision {
        /// The Deployment of istiod.
        control_plane: Attr<String> = required(),
        /// The version of istiod.
        version: Attr<String> = required(),
        /// The tags that stand for the revision.
        tags: Set<String> = required(),
        /// `meshConfig` as YAML.
        mesh_config: Attr<String> = required(),
    }
}

model! {
    /// A departure from a best practice.
    pub struct Finding {
        /// The code of the best practice.
        code: Attr<String> = required(),
        /// `high`, `medium` or `low`.
        severity: Attr<String> = required(),
        /// Object and setting that depart from the best practice.
        summary: Attr<String> = required(),
        /// Change that fixes the finding.
        remedy: Attr<String> = required(),
        /// The object, as `Kind/namespace/name` or `Kind/name`.
        object: Attr<String> = required(),
    }
}

model! {
    /// The computed attributes of the report.
    pub struct Outputs {
        /// Whether the API server answers. If it doesn't, `not_visible` says why, and all other attributes are empty or null.
        reachable: Attr<bool> = computed(),
        /// Version of the API server, such as `v1.35.0`.
        kubernetes_version: Attr<String> = computed(),
        /// Versions of the control planes of Istio (istiod), by the tags of their images, such as `1.31.1`.
        istio_versions: Set<String> = computed(),
        /// Istio's kinds and those of the Gateway API, such as `VirtualService.networking.istio.io`, with the versions in which the
        /// cluster serves each.
        kinds: Map<Elements<String>> = computed(),
        /// Revisions of Istio. Each has `control_plane` (the Deployment of istiod as `namespace/name`), `version`, `tags` (the revision
        /// tags that stand for it) and `mesh_config` (the `meshConfig` that istiod reads, as YAML; without the defaults of Istio, and with `(hidden)` in the
        /// place of access tokens and of values of headers).
        /// Control planes are those in the root namespace. What can't be read is null.
        revisions: Map<Nested<Revision>> = computed(),
        /// The label of each Namespace that decides about sidecars, such as `istio-injection=enabled` or `istio.io/rev=canary`.
        injection_labels: Map<String> = computed(),
        /// The data plane of each Namespace by its labels: `sidecar`, `ambient` or `none`. Labels of pods may say otherwise.
        data_planes: Map<String> = computed(),
        /// Whether the API server issues tokens for one audience (`serviceaccounts/token` of kind TokenRequest), which proxies need as
        /// third-party tokens.
        third_party_tokens: Attr<bool> = computed(),
        /// Departures from best practices. Each has `code`, `severity` (`high`: calls or secrets are exposed, `medium`, `low`),
        /// `summary`, `remedy` and `object` (such as `PeerAuthentication/shop/default`). The codes are listed below. Those that need
        /// something in `not_visible` aren't reported.
        findings: List<Nested<Finding>> = computed(),
        /// Queries that failed, such as `no right to list pods everywhere`.
        not_visible: Set<String> = computed(),
    }
}
