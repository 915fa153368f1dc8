//! What workloads may call where their service or namespace doesn't say it.

use std::{collections::BTreeSet, fmt};

use super::Site;
use crate::{
    known::{Known, as_known},
    mesh::{
        Rendered,
        istio::sidecar::{Egress, OutboundMode, Sidecar},
        names::{is_label, is_subdomain},
        stage,
        text::Text,
    },
    object::{Key, Object, kind},
};

/// What workloads may call, `namespace/host` as Sidecars take it: `./*`, `istio-system/*`, `shop/api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EgressHost(String);

impl fmt::Display for EgressHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for EgressHost {
    fn admits() -> String {
        "Hosts as `namespace/host`: `./*` (the workload's own namespace), `istio-system/*`, `*/api.example.com`."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let sound = text.split_once('/').is_some_and(|(namespace, host)| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            (matches!(namespace, "." | "*" | "~") || is_label(namespace))
                && (host == "*" || name.contains('.') && is_subdomain(name))
        });
        if !sound {
            return Err(format!(
                "{text:?} isn't a host of the mesh. Write \"namespace/host\", like \"./*\" (the workload's own namespace), \
                 \"istio-system/*\" or \"shop/catalog.shop.svc.cluster.local\"; hosts are whole names."
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

pub(super) fn objects(site: &Site) -> Rendered {
    let written = as_known(&site.defaults.sidecar)?.is_some() || site.defaults.outbound_traffic_policy?.is_some();
    if !written {
        return Ok(Vec::new());
    }
    let key = site.key(&kind::SIDECAR, "default");
    Ok(vec![(key.clone(), object(site, key))])
}

fn object(site: &Site, key: Key) -> Known<Object> {
    let mut hosts: BTreeSet<String> = match as_known(&site.defaults.sidecar)? {
        None => BTreeSet::from(["*/*".to_owned()]),
        Some(written) => match as_known(written)? {
            None => BTreeSet::from(["./*".to_owned(), format!("{}/*", site.root())]),
            Some(written) => written.iter().map(EgressHost::to_string).collect(),
        },
    };
    if !hosts.contains("*/*") {
        hosts.extend(site.mesh.platform_hosts.iter().cloned());
    }
    let spec = Sidecar {
        workload_selector: None,
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: site.defaults.outbound_traffic_policy?.unwrap_or(OutboundMode::RegistryOnly).into(),
    };
    let origins = [("spec.egress", "sidecar"), ("spec.outboundTrafficPolicy", "outbound_traffic_policy")];
    site.object(key, &spec, stage::ROUTES, &origins)
}
