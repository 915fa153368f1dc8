//! `mesh_external_service`

mod config;

pub use config::{Config, Outputs};

use super::{
    ResourceType,
    arguments::{check_annotations, check_labels, check_selector, cloned, copied, numbered, output_if_any, texts},
    failures,
    timeouts::OperationTimeouts,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        external_service::{self, Endpoint, Port, Tls, TlsSettings},
        resiliency::Preset,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct ExternalService;

impl ResourceType for ExternalService {
    const NAME: &'static str = resource_type::EXTERNAL_SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[
        ("namespace", "The namespace of its objects."),
        ("name", "The host with dashes for dots, or `name` where that is written."),
    ];
    type Config = Config;
    type Outputs = Outputs;

    fn id(config: &Config, mesh: Known<&Mesh>) -> Known<String> {
        intent(config).id(mesh?)
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        check_labels(&config.labels, &Path::root().attribute("labels"), out);
        check_annotations(&config.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(Some(settings)) = config.tls_settings.known() {
            let at = Path::root().attribute("tls_settings").attribute("workload_selector");
            check_selector(&settings.workload_selector, &at, out);
        }
        intent(config).check(out);
    }

    fn check_in_mesh(config: &Config, mesh: &Mesh, out: &mut Diagnostics) {
        intent(config).check_in_mesh(mesh, out);
    }

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(config: &Config, _mesh: &Mesh) -> Outputs {
        Outputs { url: output_if_any(intent(config).url()) }
    }

    fn live_queries(config: &Config, mesh: &Mesh) -> Vec<LiveQuery> {
        intent(config).live_queries(mesh)
    }

    fn live_checks(config: &Config, mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        intent(config).live_checks(mesh, found, out);
    }

    fn could_render(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| external_service::could_render(namespace, name)).unwrap_or_default()
    }

    fn is_protected(config: &Config) -> bool {
        config.deletion_protection.or(false).unwrap_or(false)
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover { adopt_existing: config.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(config: &Config) -> OperationTimeouts {
        OperationTimeouts::of(&config.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> external_service::ExternalService {
    external_service::ExternalService {
        host: cloned(&config.host),
        hosts: config.hosts.elements(),
        name: cloned(&config.name),
        tls: config.tls.or(Tls::Passthrough),
        tls_settings: config.tls_settings.known().map(|block| block.map(tls_settings)),
        ports: config.port.known().map(|blocks| numbered("port", blocks).map(|(at, block)| port(at, block)).collect()),
        resolution: copied(&config.resolution),
        endpoints: config
            .endpoint
            .known()
            .map(|blocks| numbered("endpoint", blocks).map(|(at, block)| endpoint(at, block)).collect()),
        addresses: config.addresses.elements().map(Option::unwrap_or_default),
        export_to: config.export_to.elements().and_then(|namespaces| namespaces.ok_or(Unknown)),
        resiliency: config.resiliency.or(Preset::Medium),
        request_timeout: copied(&config.request_timeout),
        retries: failures::retries(&config.retries),
        circuit_breaker: failures::circuit_breaker(&config.circuit_breaker),
        outlier_detection: failures::outlier_detection(&config.outlier_detection),
        namespace: cloned(&config.namespace),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn port(at: Path, block: &config::ServicePort) -> Port {
    Port {
        at,
        number: block.number.required(),
        protocol: block.protocol.required(),
        target_port: copied(&block.target_port),
        tls: copied(&block.tls),
    }
}

fn tls_settings(block: &config::TlsSettings) -> TlsSettings {
    let chosen = block.workload_selector.known();
    TlsSettings {
        ca: cloned(&block.ca),
        sni: cloned(&block.sni),
        subject_alt_names: block.subject_alt_names.elements(),
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
        address: block.address.required(),
        ports: block.ports.elements().map(Option::unwrap_or_default),
        locality: cloned(&block.locality),
    }
}
