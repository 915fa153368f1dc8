//! The arguments of `mesh_install_config`, and their defaults.

use std::collections::BTreeSet;

use super::{AccessLog, ExtensionProvider, Locality, Tls};
use crate::{
    known::Known,
    mesh::{installed_mesh::InstalledMesh, istio::sidecar::OutboundMode, names, resiliency, text::text_enum},
    model,
    schema::{
        Attr, Block, Blocks, Map, Set,
        model::{block, optional, required},
    },
};

text_enum! {
    /// Normalization of paths before rules and routes see them.
    pub enum PathNormalization {
        /// Paths stay as they are.
        None = "none",
        /// RFC 3986: `/a/../b` becomes `/b`. It is Istio's own default.
        Base = "base",
        /// Like [`Base`](Self::Base), and adjacent slashes become one.
        MergeSlashes = "merge_slashes",
        /// Like [`MergeSlashes`](Self::MergeSlashes), after escaped slashes were decoded.
        DecodeAndMergeSlashes = "decode_and_merge_slashes",
    }
}

impl PathNormalization {
    pub(super) const fn istio(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Base => "BASE",
            Self::MergeSlashes => "MERGE_SLASHES",
            Self::DecodeAndMergeSlashes => "DECODE_AND_MERGE_SLASHES",
        }
    }
}

model! {
    /// The settings with which Istio is installed, as `meshConfig`, as values of the Helm charts and as an IstioOperator. Defaults are
    /// Istio's best practices for production. It reads nothing from a cluster, and installs nothing. Settings are those of Istio 1.27
    /// to 1.31.
    pub struct InstallConfig {
        /// Calls of hosts that the mesh doesn't know (`outboundTrafficPolicy`). `registry_only`: they fail.
        /// `allow_any`: they leave unchanged, in clear text if the application speaks clear text. It is no
        /// security boundary: an application can bypass its proxy. Defaults to `registry_only`. Source: Istio's
        /// "Security Best Practices", on egress.
        outbound_traffic_policy: Attr<OutboundMode> = optional(),
        /// Namespaces that see a Service, ServiceEntry, VirtualService or DestinationRule without an `exportTo` of its
        /// own: `.` is the object's namespace, `*` are all. The three arguments below override it for single kinds.
        /// Defaults to `["."]`, or to `["*"]` with `allow_any`, with which calls of a hidden service would leave as
        /// clear text. Source: Istio's "Configuration Scoping". With `["."]`, annotate the Services of other tools that
        /// every namespace calls, such as `default/kubernetes`, with `networking.istio.io/exportTo: "*"`.
        default_export_to: Set<String> = optional().non_empty("At least one element.").each(EXPORT, is_export),
        /// Override of `default_export_to` for Services and ServiceEntries (`defaultServiceExportTo`). Defaults to
        /// `default_export_to`.
        default_service_export_to: Set<String> = optional().non_empty("At least one element.").each(EXPORT, is_export),
        /// Override of `default_export_to` for VirtualServices (`defaultVirtualServiceExportTo`). Defaults to
        /// `default_export_to`.
        default_virtual_service_export_to: Set<String> = optional().non_empty("At least one element.").each(EXPORT, is_export),
        /// Override of `default_export_to` for DestinationRules (`defaultDestinationRuleExportTo`). Defaults to
        /// `default_export_to`.
        default_destination_rule_export_to: Set<String> = optional().non_empty("At least one element.").each(EXPORT, is_export),
        /// The trust domain of identities (`trustDomain`), and of the provider's argument of that name. Defaults to `cluster.local`.
        /// A change refuses calls until every certificate is renewed, unless the old one is among `trust_domain_aliases`.
        /// Source: Istio's "Trust Domain Migration".
        trust_domain: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Trust domains whose identities count as those of `trust_domain` (`trustDomainAliases`). Defaults to none.
        trust_domain_aliases: Set<String> = optional().each(names::SUBDOMAIN, names::is_subdomain),
        /// Whether proxies answer DNS queries for hosts of the mesh (`ISTIO_META_DNS_CAPTURE` in `proxyMetadata`).
        /// Defaults to `true`. With it, istiod allocates an address for each ServiceEntry without one. Source: Istio's
        /// "DNS Proxying". Running pods keep the previous setting until they are restarted.
        dns_capture: Attr<bool> = optional(),
        /// Normalization of paths before rules and routes are matched (`pathNormalization`), which applications
        /// receive as well. `decode_and_merge_slashes` closes four forms that bypass rules on paths. Defaults to
        /// Istio's `base`, and isn't written then. Source: Istio's "Security Best Practices", on path
        /// normalization.
        path_normalization: Attr<PathNormalization> = optional(),
        /// Whether an application starts only when its proxy is ready (`holdApplicationUntilProxyStarts`). Defaults to
        /// `true`: otherwise its first calls would fail. Source: Istio's "Common Problems", on sidecar injection. Pods
        /// started before stay as they are.
        hold_application_until_proxy_starts: Attr<bool> = optional(),
        /// Namespace of istiod and of the objects of the whole mesh. Defaults to `istio-system`.
        root_namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// TLS versions, cipher suites and curves of the mesh, and the defaults of gateways and of TLS to
        /// external hosts.
        tls: Block<Tls> = block(),
        /// Retries of requests whose routes have none of their own (`defaultHttpRetryPolicy`): in sidecars, at gateways
        /// and for VirtualServices of other tools. Without it Istio retries twice, also on a `503`, which may repeat a
        /// request that the application has processed. Source: Istio's "Traffic Management", on retries.
        default_retries: Block<DefaultRetries> = block(),
        /// Namespaces that istiod watches (`discoverySelectors`), one block for each set of labels; the root namespace
        /// is always one of them. Without it, all. Sidecars in other namespaces get no configuration, and Services
        /// there are unknown to the mesh. Source: Istio's "Configuration Scoping".
        discovery_namespaces: Blocks<DiscoveryNamespaces> = block(),
        /// Selection of endpoints by locality (`localityLbSetting`). Without it Istio prefers near endpoints where there is outlier
        /// detection. Source: Istio's "Locality Load Balancing".
        locality: Block<Locality> = block(),
        /// A log of all requests, in every proxy (`accessLogFile`). Without it there is none. Source: Istio's "Envoy Access Logs".
        access_log: Block<AccessLog> = block(),
        /// A service that other objects refer to by `name` (`extensionProviders`): it authorizes requests, or receives
        /// spans or logs.
        extension_provider: Blocks<ExtensionProvider> = block(),
    }
}

model! {
    /// Retries of requests whose routes have none.
    pub struct DefaultRetries {
        /// Maximum number of retries of a request. `0` switches retries off.
        attempts: Attr<u32> = required().range(0..=10),
        /// Conditions of a retry. Defaults to those that never repeat a request that has reached the application:
        /// connections that fail or are refused, and those that are reset before the request was sent.
        on: Set<String> = optional().non_empty("At least one condition.").each(resiliency::CONDITION, resiliency::is_condition),
    }
}

model! {
    /// Namespaces with labels.
    pub struct DiscoveryNamespaces {
        /// Labels that the namespaces have, all of them.
        labels: Map<String> = required().non_empty("At least one label."),
    }
}

impl InstallConfig {
    /// Treatment of calls of unknown hosts: proxies refuse them by default.
    pub(super) fn outbound_traffic_policy(&self) -> Known<OutboundMode> {
        self.outbound_traffic_policy.or(OutboundMode::RegistryOnly)
    }

    /// The default of `exportTo` of one kind: that of all kinds, or else the own namespace, unless hidden services would be called in
    /// clear text.
    pub(super) fn default_export_to(&self, of_kind: &Set<String>) -> Known<BTreeSet<String>> {
        for written in [of_kind, &self.default_export_to] {
            if let Some(written) = written.elements()? {
                return Ok(written.clone());
            }
        }
        let is_open = self.outbound_traffic_policy()? == OutboundMode::AllowAny;
        Ok([if is_open { "*" } else { "." }.to_owned()].into())
    }

    /// Whether proxies answer DNS queries: they do by default.
    pub(super) fn dns_capture(&self) -> Known<bool> {
        self.dns_capture.or(true)
    }

    /// The namespace of istiod.
    pub(super) fn root_namespace(&self) -> Known<String> {
        self.root_namespace.or("istio-system".to_owned())
    }

    /// The facts of the mesh that the provider's `installed` block takes.
    pub fn installed(&self) -> Known<InstalledMesh> {
        Ok(InstalledMesh { outbound_traffic_policy: self.outbound_traffic_policy()?, dns_capture: self.dns_capture()? })
    }
}

const EXPORT: &str = "`.`, `*` or the name of a namespace.";

fn is_export(text: &str) -> bool {
    [".", "*"].contains(&text) || names::is_label(text)
}
