//! The objects of an external service.

use super::{Door, Host, Site};
use crate::{
    diagnostics::Path,
    known::{Known, part},
    mesh::{
        duration::Duration,
        istio::{
            ExportTo, PortSelector,
            destination_rule::{ClientTls, DestinationRule, PortPolicy, Traffic, TrafficPolicy},
            service_entry::{self, ServiceEntry, ServicePort},
            virtual_service::{HttpRoute, Retries, VirtualService},
        },
        manifest::{Metadata, manifest},
        port::Protocol,
        resiliency::Preset,
        stage,
    },
    object::{Holding, Object, Transition, kind},
};

fn export_to(site: &Site) -> Known<ExportTo> {
    Ok(part(&site.external.export_to)?.clone())
}

fn origins(own: &[(&str, &str)]) -> Vec<(String, Path)> {
    [("metadata.name", "host"), ("metadata.namespace", "namespace"), ("spec.exportTo", "export_to")]
        .iter()
        .chain(own)
        .map(|(field, argument)| ((*field).to_owned(), Path::root().attribute(argument)))
        .collect()
}

/// The host and its ports.
pub(super) fn service_entry(site: &Site) -> Known<Object> {
    let key = site.key(&kind::SERVICE_ENTRY);
    let doors = site.external.doors()?;
    let spec = ServiceEntry {
        hosts: vec![site.host.to_string()],
        export_to: export_to(site)?,
        location: "MESH_EXTERNAL",
        // A wildcard has no address to look up: the one that the application found is taken.
        resolution: if site.host.is_wildcard() { "NONE" } else { "DNS" },
        ports: doors.into_iter().map(service_port).collect(),
    };
    Ok(Object {
        body: manifest(&key, Metadata::of(site.mesh), &spec),
        key,
        holding: Holding::Whole,
        stage: stage::TARGETS,
        transition: service_entry::TRANSITION,
        origins: origins(&[("spec.hosts", "host"), ("spec.ports", "port")]),
    })
}

fn service_port(door: Door) -> ServicePort {
    ServicePort {
        number: door.number,
        name: door.protocol.port_name(door.number),
        protocol: door.protocol.istio(),
        target_port: door.target_port,
    }
}

/// Limits and ejection, and TLS of the ports that originate it: of these alone, or the application's own TLS would be wrapped
/// once more.
pub(super) fn destination_rule(site: &Site) -> Known<Object> {
    let key = site.key(&kind::DESTINATION_RULE);
    let doors = site.external.doors()?;
    let preset = site.external.resiliency?;
    let (originating, others): (Vec<Door>, Vec<Door>) = doors.into_iter().partition(|door| door.originates);
    let settings: Vec<PortPolicy> = originating.into_iter().map(|door| port_policy(site.host, door, preset)).collect();
    let requests = others.iter().any(|door| door.protocol.is_http());
    let mut origins = origins(&[("spec.host", "host"), ("spec.trafficPolicy", "resiliency")]);
    if !settings.is_empty() {
        origins.push(("spec.trafficPolicy.portLevelSettings".to_owned(), Path::root().attribute("tls")));
    }
    let policy = preset
        .resiliency()
        .map(|r| TrafficPolicy::of(&r, if requests { Traffic::Requests } else { Traffic::Connections }));
    let spec = DestinationRule {
        host: site.host.to_string(),
        export_to: export_to(site)?,
        subsets: Vec::new(),
        traffic_policy: if settings.is_empty() {
            policy
        } else {
            Some(TrafficPolicy { port_level_settings: Some(settings), ..policy.unwrap_or_default() })
        },
    };
    Ok(Object {
        body: manifest(&key, Metadata::of(site.mesh), &spec),
        key,
        holding: Holding::Whole,
        stage: stage::TARGETS,
        transition: Transition::InPlace,
        origins,
    })
}

/// A port inherits nothing, so the preset is repeated; the retry budget is the one part that ports can't have.
fn port_policy(host: &Host, door: Door, preset: Preset) -> PortPolicy {
    let traffic = if door.protocol.is_http() { Traffic::Requests } else { Traffic::Connections };
    let policy = preset.resiliency().map(|r| TrafficPolicy::of(&r, traffic)).unwrap_or_default();
    let name = (!host.is_wildcard()).then(|| host.to_string());
    PortPolicy {
        port: PortSelector { number: door.number },
        tls: Some(ClientTls { mode: "SIMPLE", sni: name.clone(), subject_alt_names: name.map(|name| vec![name]) }),
        connection_pool: policy.connection_pool,
        outlier_detection: policy.outlier_detection,
        load_balancer: policy.load_balancer,
    }
}

/// Timeouts and retries of the ports on which the proxy sees requests.
pub(super) fn virtual_service(site: &Site) -> Known<Object> {
    let key = site.key(&kind::VIRTUAL_SERVICE);
    let preset = site.external.resiliency?;
    let http = site.external.doors()?.into_iter().filter(|door| door.protocol.is_http()).map(|door| {
        let timeout = match preset.resiliency() {
            // A gRPC call may be a stream that lives for days.
            Some(r) if door.protocol != Protocol::Grpc => r.request_timeout,
            _ => Duration::ZERO,
        };
        HttpRoute::to_port(site.host.as_str(), door.number, timeout, Retries::of(preset))
    });
    let spec = VirtualService {
        hosts: vec![site.host.to_string()],
        gateways: Vec::new(),
        export_to: export_to(site)?,
        http: http.collect(),
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    Ok(Object {
        body: manifest(&key, Metadata::of(site.mesh), &spec),
        key,
        holding: Holding::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins: origins(&[("spec.hosts", "host"), ("spec.http", "port")]),
    })
}
