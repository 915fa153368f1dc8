//! The live Service of another tool: whether it has the ports, the selector and the type that the arguments suppose.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::text,
    known::{Known, Unknown},
    mesh::{
        checks::{
            Code::{MissingPort, OtherSelector, OtherTargetPort, PortProtocol, ServiceType, UndeclaredPort},
            Findings, Level,
        },
        live_objects::{
            TargetPort, container_ports_named, format_labels, port_number, port_protocol, service_target_port,
            string_map, tcp_ports,
        },
        service::{AuthorizationMode, Port, ServiceManagement},
    },
    object::kind,
    schema::At,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if view.context.service.management() == Ok(ServiceManagement::Existing) {
        let checks = &[MissingPort, OtherTargetPort, PortProtocol, OtherSelector, ServiceType, UndeclaredPort];
        queries.list(&kind::SERVICE, view.context.namespace, checks);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    if view.context.service.management() != Ok(ServiceManagement::Existing) {
        return;
    }
    let Ok(Some(live)) = view.live_service() else { return };
    check_type(view, live, out);
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_selector(view, live, out);
    for port in view.context.service.ports().unwrap_or_default() {
        let _ = check_port(view, live, port, out);
    }
    let _ = check_undeclared_ports(view, live, out);
}

/// Reports ports of the live Service without a `port` block: rules name the declared ports.
fn check_undeclared_ports(view: &ServiceView, live: &Json, out: &mut Findings) -> Known<()> {
    let mut declared = BTreeSet::new();
    for port in view.context.service.ports()? {
        declared.insert(i64::from(port.number()?));
    }
    let undeclared = tcp_ports(live).filter_map(port_number).filter(|port| !declared.contains(port));
    let undeclared: Vec<String> = undeclared.map(|port| port.to_string()).collect();
    if !undeclared.is_empty() {
        out.report(
            UndeclaredPort,
            "port",
            "The Service has ports without a port block",
            &format!(
                "Service {} has port {}, too, and rules name only declared ports: {}. Write a port block for each port that callers \
                 use.",
                view.id(),
                undeclared.join(", "),
                match view.context.authorization_mode()? {
                    AuthorizationMode::Enforce => "every call of another port is refused",
                    AuthorizationMode::DryRun | AuthorizationMode::Off =>
                        "with authorization_mode = \"enforce\" every call of another port is refused",
                }
            ),
        );
    }
    Ok(())
}

/// The level of a target port that differs. Enforced rules name it, so every caller of the port would be refused.
fn level_of_other_target_port(view: &ServiceView) -> Level {
    match view.context.authorization_mode() {
        Ok(AuthorizationMode::Enforce) if view.renders(&kind::AUTHORIZATION_POLICY) => Level::Error,
        _ => OtherTargetPort.level(),
    }
}

fn check_type(view: &ServiceView, live: &Json, out: &mut Findings) {
    let problem = match (text(live, &["spec", "type"]), text(live, &["spec", "clusterIP"])) {
        (Some("ExternalName"), _) => format!(
            "is an ExternalName: it has no pods of its own and is an alias of {}. Configure the mesh_service of that \
             Service instead, or a mesh_external_service if the name is outside the mesh",
            text(live, &["spec", "externalName"]).unwrap_or("another name")
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
        &format!("Service {} {problem}.", view.id()),
    );
}

fn check_selector(view: &ServiceView, live: &Json, out: &mut Findings) -> Known<()> {
    let (configured, found) = (view.context.selector()?, string_map(live, &["spec", "selector"]));
    if configured != found && text(live, &["spec", "type"]) != Some("ExternalName") {
        out.report(
            OtherSelector,
            "selector",
            "The Service selects other pods",
            &format!(
                "Service {} selects {}, and selector here is {}. Calls go to the former, and rules hold on the latter. Write the \
                 Service's labels as selector.",
                view.id(),
                format_labels(&found),
                format_labels(&configured)
            ),
        );
    }
    Ok(())
}

fn check_port(view: &ServiceView, live: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let number = i64::from(port.number()?);
    if let Some(live_port) = tcp_ports(live).find(|live_port| port_number(live_port) == Some(number)) {
        check_target_port(view, live_port, port, out)?;
        return check_protocol(view, live_port, port, out);
    }
    let numbers: Vec<String> = tcp_ports(live).filter_map(port_number).map(|number| number.to_string()).collect();
    out.report_at(
        MissingPort,
        port.at.attribute("number"),
        "Service doesn't have this port",
        &format!(
            "Service {} has {}: port {number} can't be called, and rules about it have no effect. Write a port of the Service, \
             or add it there.",
            view.id(),
            if numbers.is_empty() { "no TCP port".to_owned() } else { format!("port {} alone", numbers.join(", ")) }
        ),
    );
    Ok(())
}

fn check_target_port(view: &ServiceView, live_port: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let configured = i64::from(port.target_port()?);
    let mut level = level_of_other_target_port(view);
    let (found, explanation) = match service_target_port(live_port).ok_or(Unknown)? {
        TargetPort::Number(number) => (number.to_string(), String::new()),
        TargetPort::Name(name) => {
            let numbers = container_ports_named(&view.pods()?, name);
            let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
            match numbers.as_slice() {
                [] => return report_unresolved_target_port(view, port, name, out),
                [number] => (number.clone(), format!(", the container port named {name:?}")),
                several => {
                    if several.contains(&configured.to_string()) {
                        // A rollout is on its way: some of the pods listen there.
                        level = OtherTargetPort.level();
                    }
                    let explanation = format!(", the numbers of the container port {name:?} in different pods");
                    (several.join(" or "), explanation)
                }
            }
        }
    };
    if found != configured.to_string() {
        out.report_with_level(
            level,
            OtherTargetPort,
            port.at.attribute("target_port"),
            "Service has another target port",
            &format!(
                "Service {} sends port {} to {found}{explanation}, and rules here are written for {configured}: they govern the \
                 wrong port. Set target_port to where the workload listens.",
                view.id(),
                port.number()?
            ),
        );
    }
    Ok(())
}

/// Reports a named target port that no container of the pods has.
fn report_unresolved_target_port(view: &ServiceView, port: &At<Port>, name: &str, out: &mut Findings) -> Known<()> {
    out.report_at(
        OtherTargetPort,
        port.at.attribute("target_port"),
        "Target port can't be compared",
        &format!(
            "Service {} sends port {} to the container port named {name:?}, and no pod has a port of that name, so its \
             number isn't known. Rules are written for port {}: make sure that the workload listens there, or correct \
             target_port.",
            view.id(),
            port.number()?,
            port.target_port()?
        ),
    );
    Ok(())
}

fn check_protocol(view: &ServiceView, live_port: &Json, port: &At<Port>, out: &mut Findings) -> Known<()> {
    let configured = port.protocol()?;
    let found = port_protocol(live_port);
    if found == Some(configured) {
        return Ok(());
    }
    let declaration = match found {
        Some(found) => format!("says that it speaks {found}"),
        None => "doesn't say what it speaks, so proxies guess by the first bytes".to_owned(),
    };
    let name = text(live_port, &["name"]).unwrap_or_default();
    out.report_at(
        PortProtocol,
        port.at.attribute("protocol"),
        "Service declares another protocol",
        &format!(
            "Port {} ({name:?}) of Service {} {declaration}, and protocol here is {configured}. Proxies go by the Service. Set \
             appProtocol = {configured} there, or name the port {}, or correct protocol.",
            port.number()?,
            view.id(),
            configured.port_name(port.number()?)
        ),
    );
    Ok(())
}
