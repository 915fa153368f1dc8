//! Other Services of the same pods. The inbound listener of a sidecar takes one protocol and one Service port for each target
//! port.

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    known::Known,
    mesh::{
        checks::{
            Code::{TwoPorts, TwoProtocols},
            Findings,
        },
        live_objects::{
            TargetPort, container_ports_named, name, namespaced_name, port_number, port_protocol, service_target_port,
            string_map, tcp_ports,
        },
        service::{Port, ServiceManagement},
    },
    object::kind,
    schema::At,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if matches!(view.context.service.management(), Ok(ServiceManagement::Existing | ServiceManagement::Managed)) {
        queries.list(&kind::SERVICE, view.context.namespace, &[TwoProtocols, TwoPorts]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // The checks are skipped where they need an unknown value or a query without a result.
    let _ = check_services(view, out);
}

fn check_services(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if view.context.service.management()? == ServiceManagement::None {
        return Ok(());
    }
    let mut conflicts = PortConflicts::default();
    for live in view.live_objects(&kind::SERVICE)? {
        let selector = string_map(live, &["spec", "selector"]);
        if name(live) == view.context.name || selector.is_empty() || !view.shares_pods_with(&selector)? {
            continue;
        }
        for live_port in tcp_ports(live) {
            if let Some(own) = target_number(view, live_port).and_then(|target| port_with_target(view, target)) {
                conflicts.compare(&namespaced_name(live), live_port, own)?;
            }
        }
    }
    conflicts.report(out);
    Ok(())
}

/// The port whose target port has this number.
fn port_with_target<'a>(view: &ServiceView<'a>, number: i64) -> Option<&'a At<Port>> {
    let ports = view.context.service.ports().unwrap_or_default();
    ports.iter().find(|port| port.target_port().is_ok_and(|target| i64::from(target) == number))
}

/// The number of the target port of a live Service's port. `None`: it has a name that the pods don't have, or have for
/// several numbers.
fn target_number(view: &ServiceView, live_port: &Json) -> Option<i64> {
    match service_target_port(live_port)? {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(name) => {
            let numbers = container_ports_named(&view.pods().unwrap_or_default(), name);
            numbers.first().copied().filter(|_| numbers.len() == 1)
        }
    }
}

/// Ports of other Services that differ from a port of this service with the same target port, as messages list them.
#[derive(Default)]
struct PortConflicts {
    /// The ports with another protocol.
    protocols: Vec<String>,
    /// The ports with another number.
    numbers: Vec<String>,
}

impl PortConflicts {
    /// Compares a port of another Service, whose name is `service`, with the own port of the same target port.
    fn compare(&mut self, service: &str, live_port: &Json, own: &At<Port>) -> Known<()> {
        let (number, target, protocol) = (own.number()?, own.target_port()?, own.protocol()?);
        if let Some(other) = port_protocol(live_port)
            && other.is_http() != protocol.is_http()
        {
            self.protocols.push(format!("{service} ({other} on {target}, {protocol} here)"));
        } else if let Some(other) = port_number(live_port)
            && other != i64::from(number)
        {
            self.numbers.push(format!("{service} ({other} for {target}, {number} here)"));
        }
        Ok(())
    }

    fn report(&self, out: &mut Findings) {
        if !self.protocols.is_empty() {
            out.report(
                TwoProtocols,
                "port",
                "Services disagree on the protocol of a target port",
                &format!(
                    "Another Service declares another protocol for the same target port of these pods: {}. The sidecar \
                     applies one protocol to the whole port. Declare the same protocol in both Services, or use separate \
                     target ports.",
                    self.protocols.join(", ")
                ),
            );
        }
        if !self.numbers.is_empty() {
            out.report(
                TwoPorts,
                "port",
                "Services disagree on the port of a target port",
                &format!(
                    "Another Service maps another port number to the same target port of these pods: {}. The sidecar uses \
                     only one of the numbers for inbound requests, so metrics and routes of the other are wrong. Use the \
                     same number in both Services, or separate target ports.",
                    self.numbers.join(", ")
                ),
            );
        }
    }
}
