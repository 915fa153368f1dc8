//! The `egress_gateway` block. Callers send all traffic to the host through the gateway, with mutual TLS, and the gateway
//! connects to the host.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments of the block |
//! | [`path`] | the server names by which the gateway distinguishes ports and hosts |
//! | [`caller_side`] | the routes of callers, and the settings of their connections to the gateway |
//! | [`gateway_side`] | the Gateway, its routes, and the policy of its pods |
//! | [`validate`] | rules across arguments |

mod arguments;
mod caller_side;
mod gateway_side;
mod path;
mod validate;

pub use arguments::EgressGateway;
pub(super) use caller_side::caller_route;

use super::{NamedHost, ObjectContext, destination_rule};
use crate::{
    known::Known,
    mesh::Rendered,
    object::{Key, Object, kind},
};
use path::{EgressPath, SUFFIX, gateway_label};

/// Renders the objects of the gateway: all but the callers' ServiceEntry and VirtualServices. `has_rule` says whether there are
/// settings of the connections to the hosts.
pub(super) fn objects(context: &ObjectContext, gateway: &EgressGateway, has_rule: bool) -> Rendered {
    let namespace = gateway.namespace.required()?;
    let key = |kind, name: &str, suffix: &str| Key::new(kind, namespace, &format!("{name}-{suffix}"));
    let entry = key(&kind::SERVICE_ENTRY, &context.name, SUFFIX);
    let policy = key(&kind::AUTHORIZATION_POLICY, &context.name, SUFFIX);
    let mut objects: Vec<(Key, Known<Object>)> = vec![
        (entry.clone(), gateway_side::service_entry(context, entry)),
        (policy.clone(), gateway_side::policy(context, gateway, policy)),
    ];
    for host in context.named_hosts()? {
        let mut add = |key: Key, render: &dyn Fn(&EgressPath, Key) -> Known<Object>| {
            let object = EgressPath::new(context, gateway, &host).and_then(|path| render(&path, key.clone()));
            objects.push((key, object));
        };
        add(key(&kind::GATEWAY, &gateway_label(&host), SUFFIX), &gateway_side::gateway);
        add(key(&kind::DESTINATION_RULE, &host.name, "egress-gateway"), &caller_side::destination_rule);
        for port in context.external.resolved_ports()? {
            if port.protocol.is_http() {
                add(key(&kind::VIRTUAL_SERVICE, &host.name, SUFFIX), &|path, key| {
                    gateway_side::http_route(path, port, key)
                });
            } else {
                let suffix = format!("{SUFFIX}-{}", port.number);
                add(key(&kind::VIRTUAL_SERVICE, &host.name, &suffix), &|path, key| {
                    gateway_side::tcp_route(path, port, key)
                });
            }
        }
        if has_rule {
            let rule = key(&kind::DESTINATION_RULE, &host.name, SUFFIX);
            objects.push((rule.clone(), destination_rule::for_gateway(context, &host, rule)));
        }
    }
    Ok(objects)
}
