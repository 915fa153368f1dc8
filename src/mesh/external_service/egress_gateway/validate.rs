//! Rules for `egress_gateway`.

use super::{
    super::{ExternalService, Resolution},
    EgressGateway,
};
use crate::{diagnostics::Diagnostics, mesh::labels, schema::At};

impl ExternalService {
    pub(in super::super) fn validate_egress_gateway(&self, out: &mut Diagnostics) {
        let Ok(Some(gateway)) = self.egress_gateway.known() else { return };
        labels::validate_selector(&gateway.selector, &gateway.at.attribute("selector"), out);
        self.validate_host_of_gateway(gateway, out);
        if let Ok(ports) = self.resolved_ports()
            && ports.iter().filter(|port| port.protocol.is_http()).count() > 1
        {
            out.error(
                &gateway.at,
                "Several ports of requests through one gateway",
                "The gateway distinguishes requests by their host, and all arrive on one of its ports. Leave one port block that speaks \
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
