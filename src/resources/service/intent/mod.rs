//! From the arguments of `mesh_service` to what they mean: defaults are filled in here, and nowhere else.

mod access;
mod ingress;
mod others;
mod traffic;

pub(super) use others::takeover;

use super::config;
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        manifest::Texts,
        service::{Management, Port, Service},
    },
    resources::arguments::{numbered, texts},
};

/// What the arguments mean.
pub(super) fn intent(config: &config::Config) -> Service {
    let management = config.service.or(Management::Existing);
    Service {
        name: config.name.owned(),
        namespace: config.namespace.owned(),
        global_name: config.global_name.known().map(Option::<&_>::cloned),
        object_name: config.object_name.known().map(Option::<&_>::cloned),
        selector: selector(config),
        ports: config.port.known().map(|blocks| numbered("port", blocks).map(|(at, block)| port(at, block)).collect()),
        management,
        service_account: service_account(config),
        create_service_account: create_service_account(config, management),
        authorization: access::authorization(config),
        // Whether there is a Sidecar is known before all of its hosts are.
        calls: config
            .calls
            .known()
            .map(|calls| calls.map(|_| config.calls.owned_elements().map(Option::unwrap_or_default))),
        ingress: ingress::ingress(config),
        traffic: traffic::traffic(config),
        others: others::others(config),
        overrides: others::overrides(config),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn selector(config: &config::Config) -> Known<Texts> {
    match config.selector.owned_elements()? {
        Some(written) => Ok(written),
        None => Ok(Texts::from([("app".to_owned(), config.name.owned()?)])),
    }
}

fn service_account(config: &config::Config) -> Known<String> {
    match config.service_account.known()? {
        Some(written) => Ok(written.clone()),
        None => config.name.owned(),
    }
}

fn create_service_account(config: &config::Config, management: Known<Management>) -> Known<bool> {
    match config.create_service_account.known()? {
        Some(written) => Ok(*written),
        None => Ok(management? == Management::Managed),
    }
}

fn port(at: Path, block: &config::ServicePort) -> Port {
    let number = block.number.owned();
    let target_port = match block.target_port.known() {
        Ok(None) => number,
        Ok(Some(written)) => Ok(*written),
        Err(unknown) => Err(unknown),
    };
    Port { at, number, protocol: block.protocol.owned(), target_port }
}
