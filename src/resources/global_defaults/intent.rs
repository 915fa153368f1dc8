//! What the arguments mean: defaults are filled in here, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Config, access, guardrails, telemetry, tokens};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        global_defaults::{
            AccessLogging, Action, Allow, Authorization, ExternalAuthorization, GatewayAccess, GlobalDefaults,
            Guardrails, Jwt, Metrics, RequireEndUser, Telemetry, Tracing,
        },
        istio::peer_authentication::MtlsMode,
        manifest::Texts,
    },
    resources::arguments::{numbered, texts},
    schema::{Attr, Map, model::Set},
};

pub(super) fn intent(config: &Config) -> GlobalDefaults {
    GlobalDefaults {
        mtls: config.mtls.inner().map(|block| block.map(|mtls| mtls.mode.or(MtlsMode::Strict))),
        authorization: config.authorization.inner().map(|block| block.map(authorization)),
        gateway_access: config
            .gateway_access
            .known()
            .map(|blocks| numbered("gateway_access", blocks).map(gateway).collect()),
        sidecar: config.sidecar.inner().map(|block| block.map(|sidecar| sidecar.egress_hosts.owned_elements())),
        outbound_traffic_policy: config.outbound_traffic_policy.known().map(Option::<&_>::copied),
        resiliency: config.resiliency.known().map(Option::<&_>::copied),
        request_timeout: config.request_timeout.known().map(Option::<&_>::copied),
        retries: config.retries.clone(),
        jwt: config.jwt.known().map(|blocks| numbered("jwt", blocks).map(jwt).collect()),
        require_end_user: config.require_end_user.inner().map(|block| block.map(require_end_user)),
        external_authorization: config.external_authorization.inner().map(|block| block.map(external)),
        telemetry: config.telemetry.inner().map(|block| block.map(telemetry)),
        guardrails: config.guardrails.inner().map(|block| block.map(guardrails)),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

/// A map that is written, and `None` where it isn't.
fn labels(map: &Map<String>) -> Known<Option<Texts>> {
    map.owned_elements()
}

/// A set that is there, empty or not.
fn set<T: Ord + Clone>(set: &Set<T>) -> Known<BTreeSet<T>> {
    Ok(set.owned_elements()?.unwrap_or_default())
}

fn authorization(block: &access::Authorization) -> Authorization {
    let at = Path::root().attribute("authorization").attribute("allow");
    let allow = |blocks: &[crate::schema::At<access::Allow>]| {
        blocks.iter().enumerate().map(|(n, block)| self::allow(at.index(n), block)).collect()
    };
    Authorization { mode: block.mode.owned(), allow: block.allow.known().map(allow) }
}

fn allow(at: Path, block: &access::Allow) -> Allow {
    Allow {
        at,
        from: block.from.owned_elements().and_then(|from| from.ok_or(Unknown)),
        methods: block.methods.owned_elements(),
        paths: block.paths.owned_elements(),
        ports: block.ports.owned_elements(),
        ip_blocks: block.ip_blocks.owned_elements(),
    }
}

fn gateway((at, block): (Path, &access::GatewayAccess)) -> GatewayAccess {
    GatewayAccess {
        at,
        namespace: block.namespace.owned(),
        selector: labels(&block.selector).and_then(|labels| labels.ok_or(Unknown)),
        ports: block.ports.owned_elements().and_then(|ports| ports.ok_or(Unknown)),
    }
}

fn jwt((at, block): (Path, &tokens::Jwt)) -> Jwt {
    Jwt {
        at,
        issuer: block.issuer.owned(),
        jwks: cloned(&block.jwks),
        jwks_uri: cloned(&block.jwks_uri),
        audiences: block.audiences.owned_elements(),
        selector: labels(&block.selector),
        forward: block.forward.or(true),
        claims_to_headers: texts(&block.claims_to_headers),
    }
}

fn cloned<T: Clone>(argument: &Attr<T>) -> Known<Option<T>> {
    argument.known().map(Option::<&T>::cloned)
}

fn require_end_user(block: &tokens::RequireEndUser) -> RequireEndUser {
    RequireEndUser {
        except_ports: block.except_ports.owned_elements(),
        except_paths: block.except_paths.owned_elements(),
    }
}

fn external(block: &access::ExternalAuthorization) -> ExternalAuthorization {
    ExternalAuthorization {
        provider: block.provider.owned(),
        selector: labels(&block.selector),
        paths: block.paths.owned_elements(),
        except_paths: block.except_paths.owned_elements(),
        except_ports: block.except_ports.owned_elements(),
    }
}

fn telemetry(block: &telemetry::Telemetry) -> Telemetry {
    let tracing = |block: &telemetry::Tracing| Tracing {
        provider: block.provider.owned(),
        sampling_percentage: block.sampling_percentage.known().map(Option::<&_>::copied),
        tags: texts(&block.tags),
        header_tags: texts(&block.header_tags),
    };
    let access_logging = |block: &telemetry::AccessLogging| AccessLogging {
        provider: block.provider.or("envoy".to_owned()),
        filter: cloned(&block.filter),
    };
    let metrics = |block: &telemetry::Metrics| Metrics {
        provider: block.provider.or("prometheus".to_owned()),
        disabled: set(&block.disabled),
        removed_tags: set(&block.removed_tags),
    };
    Telemetry {
        tracing: block.tracing.inner().map(|block| block.map(tracing)),
        access_logging: block.access_logging.inner().map(|block| block.map(access_logging)),
        metrics: block.metrics.inner().map(|block| block.map(metrics)),
    }
}

fn guardrails(block: &guardrails::Guardrails) -> Guardrails {
    let granted = block.global_names.known().and_then(|names| {
        let names = names.into_iter().flatten();
        names.map(|(namespace, names)| Ok((namespace.clone(), names.owned_elements()?.unwrap_or_default()))).collect()
    });
    Guardrails {
        root_only: set(&block.root_only),
        team_rules: block.team_rules.or(false),
        global_names: granted.map(|granted: BTreeMap<_, _>| granted),
        action: block.action.or(Action::Deny),
        exempt_groups: set(&block.exempt_groups),
        namespace_selector: texts(&block.namespace_selector),
        contact: block.contact.or("the platform team".to_owned()),
    }
}
