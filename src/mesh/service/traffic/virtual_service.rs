//! The VirtualServices for callers in the mesh.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value as Json;

use super::{
    super::{ServiceContext, access, origins},
    is_routed_tcp,
    listener::listeners,
    routes,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        istio::{
            route_transition::{keep_destinations, names_new_host, prepare},
            virtual_service::VirtualService,
        },
        manifest::manifest,
        stage,
    },
    object::{Key, Object, SettleTime, Stage, Transition},
};

/// The VirtualService of the cluster host; with the global name among its hosts, where no port speaks TLS.
pub(in super::super) fn virtual_service(context: &ServiceContext, key: Key) -> Known<Object> {
    let global =
        if context.has_global_name()? && !context.service.speaks_tls()? { context.global_name()? } else { None };
    let route = object(context, key, Some(context.host()), global.as_deref(), stage::ROUTES)?;
    Ok(moving_in_steps(context, route))
}

/// The VirtualService of the global name alone, for a service with a TLS port. A `tls` route lists server names, and refuses
/// clients that ask for another or for none, on all hosts of its VirtualService; so the cluster host isn't among them.
pub(in super::super) fn global_virtual_service(context: &ServiceContext, key: Key) -> Known<Object> {
    let global = context.global_name()?.ok_or(Unknown)?;
    object(context, key, None, Some(&global), stage::ALIASES)
}

fn object(
    context: &ServiceContext,
    key: Key,
    host: Option<String>,
    global: Option<&str>,
    stage: Stage,
) -> Known<Object> {
    let global_host_index = host.iter().len();
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", access::export_argument(context))]);
    if global.is_some() {
        origins.push((format!("spec.hosts[{global_host_index}]"), Path::root().attribute("global_name")));
    }
    let mut spec = VirtualService {
        hosts: host.into_iter().chain(global.map(str::to_owned)).collect(),
        gateways: Vec::new(),
        export_to: access::export_to(context)?,
        http: Vec::new(),
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    for listener in listeners(context, global.is_some())? {
        let protocol = listener.port.protocol()?;
        if protocol.is_http() {
            for (route, route_origins) in routes::http(context, listener)? {
                let at = format!("spec.http[{}]", spec.http.len());
                origins.extend(route_origins.into_iter().map(|(field, path)| (format!("{at}{field}"), path)));
                spec.http.push(route);
            }
        } else if is_routed_tcp(protocol) {
            if global.is_some() || !context.service.versions()?.is_empty() {
                origins.push((format!("spec.tcp[{}]", spec.tcp.len()), listener.port.at.clone()));
                spec.tcp.push(routes::tcp(context, listener)?);
            }
        } else if let Some(global) = global {
            origins.push((format!("spec.tls[{}]", spec.tls.len()), listener.port.at.clone()));
            spec.tls.push(routes::tls(context, listener, global)?);
        }
    }
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage).with_origins(origins))
}

/// Makes a VirtualService wait that names a new destination, and keep one that it doesn't name any more: a proxy that has the route
/// and not the cluster of the other Service or of the subset answers 503.
pub(in super::super) fn moving_in_steps(context: &ServiceContext, route: Object) -> Object {
    let duration = settle_duration(context);
    route
        .with_settle_time(SettleTime { is_needed: names_new_destination, duration, preparation: prepare })
        .with_transition(Transition::Computed { strategy: keep_destinations, propagation_delay: duration })
}

/// How long proxies get for what was written before. An unknown delay occurs only in plans, which don't wait.
pub(super) fn settle_duration(context: &ServiceContext) -> Duration {
    context.service.traffic.settle_time().map_or(Duration::ZERO, Into::into)
}

fn names_new_destination(live: &Json, desired: &Json) -> bool {
    names_new_subset(live, desired) || names_new_host(live, desired)
}

/// Whether a VirtualService names a subset that the live one doesn't.
fn names_new_subset(live: &Json, desired: &Json) -> bool {
    let (before, after) = (subsets(live), subsets(desired));
    after.difference(&before).next().is_some()
}

/// The subsets that the routes of a VirtualService name. A VirtualService has the field nowhere else.
fn subsets(json: &Json) -> BTreeSet<&str> {
    match json {
        Json::Object(members) => {
            let own = members.get("subset").and_then(Json::as_str);
            members.values().flat_map(subsets).chain(own).collect()
        }
        Json::Array(items) => items.iter().flat_map(subsets).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wait_is_needed_for_new_subsets() {
        let route = |subsets: &[&str]| {
            let to = |subset: &&str| json!({ "destination": { "host": "h", "subset": subset } });
            json!({ "spec": { "http": [{ "route": subsets.iter().map(to).collect::<Vec<_>>() }] } })
        };
        let mirror = json!({ "spec": { "http": [{ "mirror": { "host": "h", "subset": "v2" } }] } });
        let table = [
            (Json::Null, route(&["v1"]), true),
            (route(&["v1"]), route(&["v1", "v2"]), true),
            (route(&["v1"]), route(&["v2"]), true),
            (route(&["v1"]), mirror, true),
            (route(&["v1", "v2"]), route(&["v2"]), false),
            (route(&["v1", "v2"]), route(&["v2", "v1"]), false),
            (Json::Null, json!({ "spec": { "http": [{ "route": [{ "destination": { "host": "h" } }] }] } }), false),
        ];
        for (live, desired, expected) in table {
            assert_eq!(names_new_subset(&live, &desired), expected, "{live} to {desired}");
        }
    }
}
