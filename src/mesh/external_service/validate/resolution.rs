//! Rules for resolution, addresses and endpoints.

use super::{
    super::{Address, Endpoint, ExternalService, Resolution},
    argument,
};
use crate::{
    diagnostics::Diagnostics,
    schema::{At, Attr},
};

impl ExternalService {
    pub(super) fn validate_resolution(&self, out: &mut Diagnostics) {
        let endpoints = self.endpoint.known();
        if self.resolution == Attr::Known(Resolution::Dns) && self.has_wildcard() == Ok(true) {
            out.error(
                &argument("resolution"),
                "A wildcard has no address to look up",
                "A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the \
                 application wanted to. Or write the exact hosts.",
            );
        }
        if self.resolution == Attr::Known(Resolution::Static) && endpoints.is_ok_and(<[_]>::is_empty) {
            out.error(
                &argument("resolution"),
                "No endpoints",
                "With resolution = \"static\" requests go to endpoint blocks, and without one they fail. Write one for each \
                 address of the host.",
            );
        }
        if let (Attr::Known(resolution @ (Resolution::Dns | Resolution::None)), Ok([first, ..])) =
            (self.resolution, endpoints)
        {
            out.error(
                &first.at,
                "An endpoint that nothing goes to",
                format!(
                    "With resolution = \"{resolution}\" addresses come from elsewhere. Remove the endpoint blocks, or write \
                     resolution = \"static\"."
                ),
            );
        }
        self.validate_addresses(out);
        for endpoint in endpoints.unwrap_or_default() {
            self.validate_endpoint(endpoint, out);
        }
    }

    fn validate_addresses(&self, out: &mut Diagnostics) {
        if let (Ok(Resolution::Dns), Ok(Some(addresses))) = (self.resolution(), self.addresses.elements())
            && let Some(range) = addresses.iter().copied().find(|address| Address::is_range(*address))
        {
            out.error(
                &argument("addresses"),
                "A range of addresses with DNS",
                format!(
                    "Proxies would send whoever connects into {range} to the one address that DNS knows. Write single addresses, \
                     or resolution = \"none\" for connections to go where they wanted to."
                ),
            );
        }
    }

    fn validate_endpoint(&self, endpoint: &At<Endpoint>, out: &mut Diagnostics) {
        let (Ok(target_ports), Ok(ports)) = (endpoint.ports.elements_or_empty(), self.resolved_ports()) else { return };
        let numbers: Vec<String> = ports.iter().map(|port| port.number.to_string()).collect();
        for number in target_ports.keys().filter(|number| !numbers.contains(number)) {
            out.error(
                &endpoint.at.attribute("ports").key(number),
                "No such port",
                format!(
                    "ports says where the endpoint listens for each port that applications call, and these are {}.",
                    numbers.join(", ")
                ),
            );
        }
    }
}
