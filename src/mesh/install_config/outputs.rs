//! The outputs of `mesh_install_config`.

use std::collections::BTreeMap;

use super::{Documents, InstallConfig, IstioMinor, NEWEST_ISTIO};
use crate::{
    known::Known,
    mesh::yaml::yaml,
    model,
    schema::{
        Attr, Map,
        model::{Nested, computed, required},
    },
};

model! {
    /// The documents for one version of Istio.
    pub struct RenderedDocuments {
        /// Values of the Helm charts as YAML, by the name of the chart.
        helm_values: Map<String> = required(),
        /// An IstioOperator as YAML.
        istio_operator_yaml: Attr<String> = required(),
        /// `meshConfig` as YAML.
        mesh_config_yaml: Attr<String> = required(),
    }
}

model! {
    /// Facts of the mesh that rendering depends on.
    pub struct InstalledFacts {
        /// Whether proxies answer DNS queries.
        dns_capture: Attr<bool> = required(),
        /// Calls of unknown hosts: `registry_only` or `allow_any`.
        outbound_traffic_policy: Attr<String> = required(),
    }
}

model! {
    /// The computed attributes of the settings.
    pub struct Outputs {
        /// `meshConfig` as YAML for the newest version of Istio that is supported, 1.31.
        mesh_config_yaml: Attr<String> = computed(),
        /// Values of Istio's Helm charts as YAML, by the name of the chart: `base`, `istiod` and `gateway`. All settings are those of
        /// `istiod`; the other charts have values only where `root_namespace` is another one.
        helm_values: Map<String> = computed(),
        /// An IstioOperator as YAML, for `istioctl install -f`.
        istio_operator_yaml: Attr<String> = computed(),
        /// The three attributes above for each older minor version of Istio for which they differ, by its number, such as `1.30`.
        rendered: Map<Nested<RenderedDocuments>> = computed(),
        /// Facts of the mesh for the provider's `installed` block: `outbound_traffic_policy` and `dns_capture`. A provider block can't
        /// refer to a data source of itself: hand them over to other configurations.
        installed: Attr<Nested<InstalledFacts>> = computed(),
    }
}

impl InstallConfig {
    /// The outputs: the documents for the newest version of Istio, and those for older ones that differ from them.
    pub fn outputs(&self) -> Known<Outputs> {
        let newest = self.documents(NEWEST_ISTIO)?;
        let mut rendered = BTreeMap::new();
        for minor in IstioMinor::ALL {
            let documents = self.documents(*minor)?;
            if documents != newest {
                rendered.insert(minor.to_string(), Attr::Known(Nested(texts(&documents))));
            }
        }
        let RenderedDocuments { helm_values, istio_operator_yaml, mesh_config_yaml } = texts(&newest);
        let installed = self.installed()?;
        Ok(Outputs {
            mesh_config_yaml,
            helm_values,
            istio_operator_yaml,
            rendered: Attr::Known(rendered),
            installed: Attr::Known(Nested(InstalledFacts {
                dns_capture: Attr::Known(installed.dns_capture),
                outbound_traffic_policy: Attr::Known(installed.outbound_traffic_policy.to_string()),
            })),
        })
    }
}

fn texts(documents: &Documents) -> RenderedDocuments {
    let charts = documents.helm_values.iter();
    RenderedDocuments {
        helm_values: Attr::Known(
            charts.map(|(chart, values)| ((*chart).to_owned(), Attr::Known(yaml(values)))).collect(),
        ),
        istio_operator_yaml: Attr::Known(yaml(&documents.istio_operator)),
        mesh_config_yaml: Attr::Known(yaml(&documents.mesh_config)),
    }
}
