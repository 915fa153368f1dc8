//! `mesh_external_service`

mod config;

use config::Config;
pub use config::{Config as ExternalService, Outputs};

use super::{
    ResourceType,
    arguments::{cloned, copied, numbered, output_if_any, texts},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        external_service::{self, Endpoint, Port, Tls, TlsSettings},
        labels,
        resiliency::Preset,
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for ExternalService {
    const NAME: &'static str = resource_type::EXTERNAL_SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[
        ("namespace", "The namespace of its objects."),
        ("name", "The host with dashes for dots, or `name` where that is written."),
    ];
    type Outputs = Outputs;

    fn id(&self, mesh: Known<&Mesh>) -> Known<String> {
        intent(self).id(mesh?)
    }

    fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(Some(settings)) = self.tls_settings.known() {
            let at = Path::root().attribute("tls_settings").attribute("workload_selector");
            labels::validate_selector(&settings.workload_selector, &at, out);
        }
        intent(self).check(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        intent(self).check_in_mesh(mesh, out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        intent(self).render(mesh)
    }

    fn outputs(&self, _mesh: &Mesh) -> Outputs {
        Outputs { url: output_if_any(intent(self).url()) }
    }

    fn live_queries(&self, mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        intent(self).live_queries(mesh)
    }

    fn live_checks(&self, mesh: &Mesh, _rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        intent(self).live_checks(mesh, found, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| external_service::could_render(namespace, name)).unwrap_or_default()
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection.or(false).unwrap_or(false)
    }

    fn takeover(&self) -> Takeover {
        Takeover { adopt_existing: self.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> external_service::ExternalService {
    external_service::ExternalService {
        host: cloned(&config.host),
        hosts: config.hosts.owned_elements(),
        name: cloned(&config.name),
        tls: config.tls.or(Tls::Passthrough),
        tls_settings: config.tls_settings.inner().map(|block| block.map(tls_settings)),
        ports: config.port.known().map(|blocks| numbered("port", blocks).map(|(at, block)| port(at, block)).collect()),
        resolution: copied(&config.resolution),
        endpoints: config
            .endpoint
            .known()
            .map(|blocks| numbered("endpoint", blocks).map(|(at, block)| endpoint(at, block)).collect()),
        addresses: config.addresses.owned_elements().map(Option::unwrap_or_default),
        export_to: config.export_to.owned_elements().and_then(|namespaces| namespaces.ok_or(Unknown)),
        resiliency: config.resiliency.or(Preset::Medium),
        request_timeout: copied(&config.request_timeout),
        retries: config.retries.clone(),
        circuit_breaker: config.circuit_breaker.clone(),
        outlier_detection: config.outlier_detection.clone(),
        namespace: cloned(&config.namespace),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn port(at: Path, block: &config::ServicePort) -> Port {
    Port {
        at,
        number: block.number.owned(),
        protocol: block.protocol.owned(),
        target_port: copied(&block.target_port),
        tls: copied(&block.tls),
    }
}

fn tls_settings(block: &config::TlsSettings) -> TlsSettings {
    let chosen = block.workload_selector.known();
    TlsSettings {
        ca: cloned(&block.ca),
        sni: cloned(&block.sni),
        subject_alt_names: block.subject_alt_names.owned_elements(),
        client_certificate: cloned(&block.client_certificate),
        client_key: cloned(&block.client_key),
        credential_name: cloned(&block.credential_name),
        // Whether there is one is known before all of its labels are.
        workload_selector: chosen.map(|labels| labels.map(|_| texts(&block.workload_selector))),
    }
}

fn endpoint(at: Path, block: &config::Endpoint) -> Endpoint {
    Endpoint {
        at,
        address: block.address.owned(),
        ports: block.ports.owned_elements().map(Option::unwrap_or_default),
        locality: cloned(&block.locality),
    }
}
