//! The way to one host: the gateway's address, and the server names by which it tells hosts and ports apart.

use super::{super::ports::ResolvedPort, EgressGateway, NamedHost, ObjectContext};
use crate::{
    known::Known,
    mesh::{names, port::PortNumber},
};

/// Ends the names of the objects that belong to the gateway.
pub(super) const SUFFIX: &str = "egress";

/// The length of a DNS label, less room for [`SUFFIX`], or the name and number of a port.
const MAX_NAME_LENGTH: usize = 45;

/// The way to one host through the gateway.
#[derive(Clone, Debug)]
pub(super) struct EgressPath<'a> {
    pub(super) context: &'a ObjectContext<'a>,
    pub(super) gateway: &'a EgressGateway,
    /// The host outside the mesh.
    pub(super) host: String,
    /// The name of the Gateway and the subsets, without a suffix.
    pub(super) name: String,
    /// The host of the gateway's Service.
    pub(super) service: String,
    /// The port of the gateway's Service.
    pub(super) port: PortNumber,
}

impl<'a> EgressPath<'a> {
    pub(super) fn new(context: &'a ObjectContext<'a>, gateway: &'a EgressGateway, host: &NamedHost) -> Known<Self> {
        Ok(Self {
            context,
            gateway,
            host: host.host.as_ref().map_err(|unknown| *unknown)?.to_string(),
            name: gateway_label(host),
            service: names::service_host(
                gateway.service.required()?,
                gateway.namespace.required()?,
                &context.mesh.cluster_domain,
            ),
            port: gateway.port()?,
        })
    }

    /// The server name that callers send to the gateway for a port of the host.
    pub(super) fn server_name(&self, port: ResolvedPort) -> String {
        server_name(&self.host, port)
    }

    /// The subset of the gateway's Service for a port of the host. Subsets of all hosts have one list.
    pub(super) fn subset(&self, port: ResolvedPort) -> String {
        format!("{}-{}", self.name, port.number)
    }

    /// The Gateway, as routes refer to it.
    pub(super) fn gateway_reference(&self) -> Known<String> {
        Ok(format!("{}/{}-{SUFFIX}", self.gateway.namespace.required()?, self.name))
    }
}

/// The name of a host's Gateway and subsets without a suffix. Istio takes only DNS labels there, and hosts may be longer.
pub(super) fn gateway_label(host: &NamedHost) -> String {
    names::short_label(&host.name, MAX_NAME_LENGTH)
}

/// The server name of a port. Requests have the name of the host, which the gateway's routes need as well. Bytes are routed by the
/// server name alone, so each port has one of its own, in a domain that no DNS server answers for.
pub(super) fn server_name(host: &str, port: ResolvedPort) -> String {
    if port.protocol.is_http() { host.to_owned() } else { format!("{}.{host}.egress.invalid", port.name()) }
}
