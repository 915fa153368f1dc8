//! The documents of an installation for one version of Istio.

use serde_json::{Map, Value as Json, json};

use super::{ExtensionProvider, InstallConfig, Tls, json_fields::set};
use crate::{
    known::Known,
    mesh::{istio::sidecar::OutboundMode, resiliency::Preset, text::text_enum},
};

text_enum! {
    /// A minor version of Istio.
    pub enum IstioMinor {
        /// Istio 1.27, the oldest that is supported.
        V27 = "1.27",
        /// Istio 1.28.
        V28 = "1.28",
        /// Istio 1.29.
        V29 = "1.29",
        /// Istio 1.30.
        V30 = "1.30",
        /// Istio 1.31.
        V31 = "1.31",
    }
}

/// The newest minor version of Istio that is supported.
pub const NEWEST_ISTIO: IstioMinor = IstioMinor::V31;

/// The documents for one version of Istio.
#[derive(Clone, Debug, PartialEq)]
pub struct Documents {
    /// `meshConfig`.
    pub mesh_config: Json,
    /// Values of the Helm charts `base`, `istiod` and `gateway`, by the name of the chart.
    pub helm_values: [(&'static str, Json); 3],
    /// An IstioOperator, for `istioctl install`.
    pub istio_operator: Json,
}

impl InstallConfig {
    /// Renders the documents for one version of Istio.
    pub fn documents(&self, minor: IstioMinor) -> Known<Documents> {
        let mesh_config = self.mesh_config()?;
        let environment = self.istiod_environment(minor)?;
        let root_namespace = self.root_namespace()?;
        let (mut base, mut istiod) = (json!({}), json!({ "meshConfig": mesh_config }));
        let mut operator_values = json!({});
        if root_namespace != "istio-system" {
            for values in [&mut base, &mut istiod, &mut operator_values] {
                set(values, "global", json!({ "istioNamespace": root_namespace }));
            }
        }
        if let Some(environment) = environment {
            set(&mut istiod, "env", environment.clone());
            set(&mut operator_values, "pilot", json!({ "env": environment }));
        }
        let istio_operator = json!({
            "apiVersion": "install.istio.io/v1alpha1",
            "kind": "IstioOperator",
            "metadata": { "name": "mesh", "namespace": root_namespace },
            "spec": { "meshConfig": mesh_config, "values": operator_values },
        });
        Ok(Documents {
            mesh_config,
            helm_values: [("base", base), ("istiod", istiod), ("gateway", json!({}))],
            istio_operator,
        })
    }

    /// The environment of istiod; `None` where it has no variable. istiod passes its policy on to the proxies.
    fn istiod_environment(&self, minor: IstioMinor) -> Known<Option<Json>> {
        let Some(tls) = self.tls.known()? else { return Ok(None) };
        let policy = if minor >= IstioMinor::V31 { "fips-140-3" } else { "fips-140-2" };
        Ok(tls.fips.copied()?.map(|_| json!({ "COMPLIANCE_POLICY": policy })))
    }

    fn mesh_config(&self) -> Known<Json> {
        let mut config = Map::new();
        let mode = match self.outbound_traffic_policy()? {
            OutboundMode::RegistryOnly => "REGISTRY_ONLY",
            OutboundMode::AllowAny => "ALLOW_ANY",
        };
        for (name, value) in [
            ("outboundTrafficPolicy", json!({ "mode": mode })),
            ("defaultServiceExportTo", json!(self.default_export_to(&self.default_service_export_to)?)),
            ("defaultVirtualServiceExportTo", json!(self.default_export_to(&self.default_virtual_service_export_to)?)),
            (
                "defaultDestinationRuleExportTo",
                json!(self.default_export_to(&self.default_destination_rule_export_to)?),
            ),
            ("trustDomain", json!(self.trust_domain.or("cluster.local".to_owned())?)),
            ("rootNamespace", json!(self.root_namespace()?)),
            ("defaultConfig", self.proxy_config()?),
        ] {
            config.insert(name.to_owned(), value);
        }
        if let Some(aliases) = self.trust_domain_aliases.elements()? {
            config.insert("trustDomainAliases".to_owned(), json!(aliases));
        }
        if let Some(normalization) = self.path_normalization.copied()? {
            config.insert("pathNormalization".to_owned(), json!({ "normalization": normalization.istio() }));
        }
        match self.tls.known()? {
            Some(tls) => tls.render(&mut config)?,
            None => Tls::default().render(&mut config)?,
        }
        self.add_retries(&mut config)?;
        if let Some(locality) = self.locality.known()? {
            config.insert("localityLbSetting".to_owned(), locality.render()?);
        }
        self.add_discovery_selectors(&mut config)?;
        if let Some(log) = self.access_log.known()? {
            log.render(&mut config)?;
        }
        let providers = self.extension_provider.known()?;
        if !providers.is_empty() {
            let providers = providers.iter().map(|provider| ExtensionProvider::render(provider));
            config.insert("extensionProviders".to_owned(), json!(providers.collect::<Known<Vec<_>>>()?));
        }
        Ok(Json::Object(config))
    }

    fn proxy_config(&self) -> Known<Json> {
        let mut config =
            json!({ "holdApplicationUntilProxyStarts": self.hold_application_until_proxy_starts.or(true)? });
        if self.dns_capture()? {
            set(&mut config, "proxyMetadata", json!({ "ISTIO_META_DNS_CAPTURE": "true" }));
        }
        Ok(config)
    }

    fn add_retries(&self, config: &mut Map<String, Json>) -> Known<()> {
        let Some(retries) = self.default_retries.known()? else { return Ok(()) };
        let attempts = *retries.attempts.required()?;
        let mut policy = json!({ "attempts": attempts });
        if attempts > 0 {
            let preset = Preset::Medium.settings().map(|settings| settings.retry_on);
            let conditions = match retries.on.elements()? {
                Some(on) => json!(on.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
                None => json!(preset),
            };
            set(&mut policy, "retryOn", conditions);
        }
        config.insert("defaultHttpRetryPolicy".to_owned(), policy);
        Ok(())
    }

    /// Adds the selectors of namespaces. istiod takes the objects of the whole mesh from the root namespace only if a selector
    /// selects it.
    fn add_discovery_selectors(&self, config: &mut Map<String, Json>) -> Known<()> {
        let blocks = self.discovery_namespaces.known()?;
        if blocks.is_empty() {
            return Ok(());
        }
        let mut selectors = vec![json!({ "matchLabels": { "kubernetes.io/metadata.name": self.root_namespace()? } })];
        for block in blocks {
            selectors.push(json!({ "matchLabels": block.labels.required_elements()? }));
        }
        config.insert("discoverySelectors".to_owned(), json!(selectors));
        Ok(())
    }
}
