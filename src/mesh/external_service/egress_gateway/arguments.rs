//! The arguments of `egress_gateway`.

use crate::{
    known::Known,
    mesh::{manifest::StringMap, names, port::PortNumber},
    model,
    schema::{
        Attr, Map,
        model::{optional, required},
    },
};

model! {
    /// The gateway through which all traffic for the hosts leaves the mesh, requests and connections. Callers
    /// speak mutual TLS to it, and it connects to the hosts: TLS that proxies originate begins there, TLS of
    /// applications passes through. A chart installs its pods. They admit only traffic that a policy allows: this
    /// resource writes one for `export_to`. It is no security boundary without a NetworkPolicy that lets only the
    /// gateway out: an application can bypass its proxy.
    pub struct EgressGateway {
        /// Namespace of the gateway's pods and of its Service.
        namespace: Attr<String> = required().text(names::LABEL, names::is_label),
        /// Kubernetes Service of the gateway.
        service: Attr<String> = required().text(names::SERVICE_NAME, names::is_service_name),
        /// Port of that Service which proxies connect to: any port that is forwarded to the pods. Several hosts
        /// share it. Defaults to `443`.
        port: Attr<PortNumber> = optional(),
        /// Labels of the gateway's pods. Defaults to `{ app = service }`.
        selector: Map<String> = optional().non_empty("At least one label."),
    }
}

impl EgressGateway {
    /// The port of the Service: 443 by default.
    pub(super) fn port(&self) -> Known<PortNumber> {
        self.port.or(PortNumber::HTTPS)
    }

    /// The labels of the pods: `app` with the name of the Service by default.
    pub(super) fn selector(&self) -> Known<StringMap> {
        match self.selector.elements()? {
            Some(selector) => Ok(selector),
            None => Ok(StringMap::from([("app".to_owned(), self.service.required()?.clone())])),
        }
    }
}
