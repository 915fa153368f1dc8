//! Rules for timeouts, retries and limits.

use super::{
    super::{ExternalService, resolution::Resolution},
    argument,
};
use crate::{diagnostics::Diagnostics, mesh::duration::Duration, schema::Attr};

impl ExternalService {
    pub(super) fn validate_resiliency(&self, out: &mut Diagnostics) {
        if self.sees_requests() == Ok(false) {
            self.validate_without_requests(out);
        }
        if let Ok(preset) = self.resiliency.copied() {
            if let Ok(Some(limits)) = self.circuit_breaker.known() {
                limits.validate_with_preset(preset, out);
            }
            if let Ok(Some(detection)) = self.outlier_detection.known() {
                detection.validate_with_preset(preset, out);
            }
            if let Ok(Some(retries)) = self.retries.known() {
                retries.validate_with_preset(preset, out);
            }
        }
        if let Ok(Some(load_balancing)) = self.load_balancing.known() {
            load_balancing.validate(out);
            if let Ok(resolution @ (Resolution::None | Resolution::DynamicDns)) = self.resolution() {
                out.error(
                    &load_balancing.at,
                    "load_balancing without a choice of addresses",
                    format!(
                        "With resolution = \"{resolution}\" a proxy connects to the one address that the application or the request means, \
                         and Istio ignores the block. Remove it, or write resolution = \"dns\" and the exact hosts."
                    ),
                );
            }
        }
        if let Ok(Some(connection)) = self.connections.known() {
            connection.validate(out);
        }
        let Ok(Some(retries)) = self.retries.known() else { return };
        retries.validate(out);
        if let Attr::Known(timeout) = self.request_timeout {
            retries.validate_with_timeout(timeout, out);
        }
    }

    /// Arguments about requests have no effect where proxies see none.
    fn validate_without_requests(&self, out: &mut Diagnostics) {
        let mut about_requests = Vec::new();
        if matches!(self.request_timeout, Attr::Known(timeout) if timeout > Duration::ZERO) {
            about_requests.push(argument("request_timeout"));
        }
        if self.retries.is_set() {
            about_requests.push(argument("retries"));
        }
        if let Ok(Some(limits)) = self.circuit_breaker.known() {
            about_requests.extend(limits.http_limits());
        }
        if let Ok(Some(connection)) = self.connections.known() {
            about_requests.extend(connection.http_settings());
        }
        for at in about_requests {
            out.error(
                &at,
                "Retries or timeout on TLS of the application",
                format!(
                    "{at} applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = \"originate\": the application calls http://, and the proxy speaks TLS."
                ),
            );
        }
    }
}
