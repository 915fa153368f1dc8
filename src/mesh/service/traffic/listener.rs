//! The ports that callers use. Each of these listeners has routes of its own.

use super::super::{Port, ServiceContext, global_name::port_serving_80};
use crate::{known::Known, mesh::port::PortNumber, schema::At};

/// A port that callers use, and the port of the Service that serves it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Listener<'a> {
    /// The port that callers use.
    pub(in super::super) number: Known<PortNumber>,
    /// The port of the Service.
    pub(in super::super) port: &'a At<Port>,
}

/// The listeners: every port of the Service, and with the global name among the hosts port 80 as well.
pub(in super::super) fn listeners<'a>(context: &ServiceContext<'a>, global: bool) -> Known<Vec<Listener<'a>>> {
    let ports = context.service.ports()?;
    let port_80 = if global { port_serving_80(ports)? } else { None };
    let port_80 = port_80.map(|port| Listener { number: Ok(PortNumber::HTTP), port });
    Ok(port_80.into_iter().chain(ports.iter().map(|port| Listener { number: port.number(), port })).collect())
}
