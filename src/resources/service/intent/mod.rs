//! From the arguments of `mesh_service` to what they mean: defaults are filled in here, and nowhere else.

use super::config;
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        manifest::Texts,
        service::{Allow, Management, Port, Service},
    },
    resources::arguments::{numbered, texts},
};

/// What the arguments mean.
pub(super) fn intent(config: &config::Config) -> Service {
    let management = config.service.or(Management::Existing);
    Service {
        name: config.name.required(),
        namespace: config.namespace.required(),
        selector: selector(config),
        ports: config.port.known().map(|blocks| numbered("port", blocks).map(|(at, block)| port(at, block)).collect()),
        management,
        service_account: service_account(config),
        create_service_account: create_service_account(config, management),
        allow: config
            .allow
            .known()
            .map(|blocks| numbered("allow", blocks).map(|(at, block)| allow(at, block)).collect()),
        access: config.access.known().map(Option::<&_>::copied),
        authorization_mode: config.authorization_mode.known().map(Option::<&_>::copied),
        // Whether there is a Sidecar is known before all of its hosts are.
        calls: config.calls.known().map(|calls| calls.map(|_| config.calls.elements().map(Option::unwrap_or_default))),
        resiliency: config.resiliency.known().map(Option::<&_>::copied),
        request_timeout: config.request_timeout.known().map(Option::<&_>::copied),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn selector(config: &config::Config) -> Known<Texts> {
    match config.selector.elements()? {
        Some(written) => Ok(written),
        None => Ok(Texts::from([("app".to_owned(), config.name.required()?)])),
    }
}

fn service_account(config: &config::Config) -> Known<String> {
    match config.service_account.known()? {
        Some(written) => Ok(written.clone()),
        None => config.name.required(),
    }
}

fn create_service_account(config: &config::Config, management: Known<Management>) -> Known<bool> {
    match config.create_service_account.known()? {
        Some(written) => Ok(*written),
        None => Ok(management? == Management::Managed),
    }
}

fn port(at: Path, block: &config::ServicePort) -> Port {
    let number = block.number.required();
    let target_port = match block.target_port.known() {
        Ok(None) => number,
        Ok(Some(written)) => Ok(*written),
        Err(unknown) => Err(unknown),
    };
    Port { at, number, protocol: block.protocol.required(), target_port }
}

fn allow(at: Path, block: &config::Allow) -> Allow {
    Allow {
        at,
        from: block.from.elements().and_then(|from| from.ok_or(Unknown)),
        methods: block.methods.elements(),
        paths: block.paths.elements(),
        ports: block.ports.elements(),
    }
}
