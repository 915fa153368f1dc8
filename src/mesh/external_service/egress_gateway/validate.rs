//! Rules for `egress_gateway`.

use super::{
    super::{ExternalService, Resolution},
    EgressGateway, SUFFIX,
};
use crate::{
    diagnostics::Diagnostics,
    mesh::{labels, names::is_label},
    schema::{At, Attr},
};

impl ExternalService {
    pub(in super::super) fn validate_egress_gateway(&self, out: &mut Diagnostics) {
        let Ok(Some(gateway)) = self.egress_gateway.known() else { return };
        labels::validate_selector(&gateway.selector, &gateway.at.attribute("selector"), out);
        self.validate_host_of_gateway(gateway, out);
        self.validate_gateway_name(gateway, out);
        if let Ok(ports) = self.resolved_ports()
            && ports.iter().filter(|port| port.protocol.is_http()).count() > 1
        {
            out.error(
                &gateway.at,
                "Several ports of requests through one gateway",
                "The gateway tells requests apart by their host, and all arrive on one port of it. Leave one port block that speaks \
                 http, http2 or grpc.",
            );
        }
        if let Ok(Some(settings)) = self.tls_settings.known()
            && settings.workload_selector.is_set()
        {
            out.error(
                &settings.at.attribute("workload_selector"),
                "workload_selector with an egress gateway",
                "The gateway begins TLS, and reads the Secret of credential_name in its own namespace. Remove workload_selector.",
            );
        }
    }

    /// Reports names that aren't labels: Istio refuses others for Gateways and subsets.
    fn validate_gateway_name(&self, gateway: &At<EgressGateway>, out: &mut Diagnostics) {
        let name = match (&self.name, &self.host) {
            (Attr::Known(name), _) => name.clone(),
            (Attr::Null, Attr::Known(host)) => host.object_name(),
            _ => return,
        };
        let names = match self.hosts.elements() {
            Ok(Some(hosts)) => hosts.iter().map(|host| format!("{name}-{}", host.object_name())).collect(),
            Ok(None) => vec![name],
            Err(_) => return,
        };
        if let Some(name) = names.iter().find(|name| !is_label(&format!("{name}-{SUFFIX}"))) {
            out.error(
                &gateway.at,
                "Name isn't valid for a Gateway",
                format!(
                    "The Gateway would be named \"{name}-{SUFFIX}\", and Istio takes at most 63 lowercase letters, digits and dashes, without \
                     dots. Write a shorter name, or one without dots."
                ),
            );
        }
    }

    /// The gateway connects to a host that it can find itself.
    fn validate_host_of_gateway(&self, gateway: &At<EgressGateway>, out: &mut Diagnostics) {
        if self.has_only_addresses() || self.has_wildcard() == Ok(true) {
            out.error(
                &gateway.at,
                "Wildcard host with an egress gateway",
                "The gateway looks up the host, and neither a wildcard nor addresses without a host tell it which. Write the exact \
                 hosts, or remove the block.",
            );
        } else if let Ok(resolution @ (Resolution::None | Resolution::DynamicDns)) = self.resolution() {
            out.error(
                &gateway.at,
                "Resolution not supported with an egress gateway",
                format!(
                    "With resolution = \"{resolution}\" proxies go by what the application wants, which the gateway doesn't learn. \
                     Write resolution = \"dns\", or \"static\" and endpoint blocks."
                ),
            );
        }
    }
}
