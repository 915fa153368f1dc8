//! The live Service that belongs to somebody else: whether it is what the arguments say.

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{
        self, TargetPort, container_ports_named, format_labels, port_number, port_protocol, service_target_port,
        string_map, tcp_ports,
    },
};
use crate::{
    json_path::text,
    known::{Known, Unknown},
    mesh::{
        checks::{
            Code::{
                MissingPort, NarrowedVisibility, OtherSelector, OtherTargetPort, PortProtocol, ServiceType, TwoPorts,
                TwoProtocols,
            },
            Findings,
        },
        service::{Management, Port},
    },
    object::kind,
    schema::At,
};

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    match view.site.service.management() {
        Ok(Management::None) | Err(Unknown) => {}
        Ok(Management::Managed) => {
            wants.all(&kind::SERVICE, view.site.namespace, &[NarrowedVisibility, TwoProtocols, TwoPorts]);
        }
        Ok(Management::Existing) => wants.all(
            &kind::SERVICE,
            view.site.namespace,
            &[
                MissingPort,
                OtherTargetPort,
                PortProtocol,
                OtherSelector,
                ServiceType,
                NarrowedVisibility,
                TwoProtocols,
                TwoPorts,
            ],
        ),
    }
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    if view.site.service.management() != Ok(Management::Existing) {
        return;
    }
    let Ok(Some(live)) = view.service() else { return };
    kind_of_service(view, live, out);
    // A check that needs what nobody knows says nothing.
    let _ = selector(view, live, out);
    for port in view.site.service.ports().unwrap_or_default() {
        let _ = declared(view, live, port, out);
    }
}

fn kind_of_service(view: &View, live: &Json, out: &mut Findings) {
    let what = match (text(live, &["spec", "type"]), text(live, &["spec", "clusterIP"])) {
        (Some("ExternalName"), _) => format!(
            "is an ExternalName: another name for {}, without pods of its own. Write that service's resource instead, or a \
             mesh_external_service for what is outside",
            text(live, &["spec", "externalName"]).unwrap_or("something else")
        ),
        (_, Some("None")) => {
            "is headless: callers choose a pod by its address, and proxies send there. Versions, ejection and \
                              failover don't choose among its pods. Give callers a Service with a cluster IP"
                .to_owned()
        }
        _ => return,
    };
    out.report(
        ServiceType,
        "service",
        "Some settings don't work with this Service",
        &format!("Service {} {what}.", view.id()),
    );
}

fn selector(view: &View, live: &Json, out: &mut Findings) -> Known<()> {
    let (ours, theirs) = (view.site.selector()?, string_map(live, &["spec", "selector"]));
    if ours != theirs && text(live, &["spec", "type"]) != Some("ExternalName") {
        out.report(
            OtherSelector,
            "selector",
            "The Service selects other pods",
            &format!(
                "Service {} selects {}, and selector here is {}. Calls go to the former, and rules hold on the latter. Write the \
                 Service's labels as selector.",
                view.id(),
                format_labels(&theirs),
                format_labels(&ours)
            ),
        );
    }
    Ok(())
}

fn declared(view: &View, live: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let declared = i64::from(port.number()?);
    let Some(found) = tcp_ports(live).find(|live| port_number(live) == Some(declared)) else {
        let there: Vec<String> = tcp_ports(live).filter_map(port_number).map(|port| port.to_string()).collect();
        out.report_at(
            MissingPort,
            port.at.attribute("number"),
            "The Service hasn't this port",
            &format!(
                "Service {} has {}: nobody can call {declared}, and rules about it govern nothing. Write a port of the Service, \
                 or add it there.",
                view.id(),
                if there.is_empty() { "no TCP port".to_owned() } else { format!("port {} alone", there.join(", ")) }
            ),
        );
        return Ok(());
    };
    target_port(view, found, port, out)?;
    spoken(view, found, port, out)
}

fn target_port(view: &View, live: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let ours = i64::from(port.target_port()?);
    let (theirs, why) = match service_target_port(live).ok_or(Unknown)? {
        TargetPort::Number(theirs) => (theirs.to_string(), String::new()),
        TargetPort::Name(name) => {
            let numbers = container_ports_named(&view.pods()?, name);
            match numbers.iter().copied().collect::<Vec<_>>().as_slice() {
                [one] => (one.to_string(), format!(", which its pods call {name:?}")),
                [] => {
                    out.report_at(
                        OtherTargetPort,
                        port.at.attribute("target_port"),
                        "Nobody knows where the port leads",
                        &format!(
                            "Service {} sends port {} to the port that its pods call {name:?}, and no pod says which that is. \
                             Rules are written for {ours}: make sure that it is the same.",
                            view.id(),
                            port.number()?
                        ),
                    );
                    return Ok(());
                }
                many => {
                    let many: Vec<String> = many.iter().map(i64::to_string).collect();
                    (many.join(" or "), format!(", which its pods call {name:?}, not all the same one"))
                }
            }
        }
    };
    if theirs != ours.to_string() {
        out.report_at(
            OtherTargetPort,
            port.at.attribute("target_port"),
            "The Service sends this port elsewhere",
            &format!(
                "Service {} sends port {} to {theirs}{why}, and rules here are written for {ours}: they govern the wrong port. \
                 Set target_port to where the workload listens.",
                view.id(),
                port.number()?
            ),
        );
    }
    Ok(())
}

fn spoken(view: &View, live: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let ours = port.protocol()?;
    let theirs = port_protocol(live);
    if theirs == Some(ours) {
        return Ok(());
    }
    let said = match theirs {
        Some(theirs) => format!("says that it speaks {theirs}"),
        None => "doesn't say what it speaks, so proxies guess by the first bytes".to_owned(),
    };
    let name = text(live, &["name"]).unwrap_or_default();
    out.report_at(
        PortProtocol,
        port.at.attribute("protocol"),
        "The Service says another protocol",
        &format!(
            "Port {} ({name:?}) of Service {} {said}, and protocol here is {ours}. Proxies go by the Service. Set \
             appProtocol = {ours} there, or name the port {}, or correct protocol.",
            port.number()?,
            view.id(),
            ours.port_name(port.number()?)
        ),
    );
    Ok(())
}

/// The protocol that the service declares, or that its live Service says, on a target port.
pub(super) fn speaks<'a>(view: &'a View, wanted: i64) -> Option<&'a At<Port>> {
    let ports = view.site.service.ports().unwrap_or_default();
    ports.iter().find(|port| port.target_port().is_ok_and(|target| i64::from(target) == wanted))
}

/// Where a port of somebody's Service leads, as far as it can be known.
pub(super) fn leads_to(view: &View, port: &Json) -> Option<i64> {
    match service_target_port(port)? {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(name) => {
            let numbers = live_objects::container_ports_named(&view.pods().unwrap_or_default(), name);
            numbers.first().copied().filter(|_| numbers.len() == 1)
        }
    }
}
