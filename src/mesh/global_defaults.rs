//! What holds for the whole mesh where nobody says otherwise. Everything lives in the root namespace, and nothing is there
//! that isn't written.

use std::{collections::BTreeSet, fmt};

use super::{
    Mesh, Rendered,
    istio::{
        DRY_RUN, ExportTo,
        authorization_policy::{AuthorizationPolicy, Rule},
        destination_rule::{DestinationRule, Traffic, TrafficPolicy},
        peer_authentication::{MtlsMode, PeerAuthentication},
        sidecar::{Egress, Outbound, Sidecar},
    },
    manifest::{Metadata, manifest},
    names::{is_label, is_subdomain},
    resiliency::Preset,
    stage,
    text::{Text, words},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, part},
    object::{Holding, Key, Kind, Object, Stage, Transition, kind},
};

words! {
    /// What happens to calls that no policy allows.
    pub enum Authorization {
        /// Nothing; workloads without a policy take every call.
        Off = "off",
        /// They are marked for access logs.
        Audit = "audit",
        /// They are counted.
        DryRun = "dry_run",
        /// They are refused.
        Enforce = "enforce",
    }
}

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

/// The parts. The outer `Known` says whether it is written, which decides whether there is an object.
#[derive(Clone, Debug)]
pub struct GlobalDefaults {
    /// Whether workloads accept clear text.
    pub mtls: Known<Option<Known<MtlsMode>>>,
    /// What happens to calls that no policy allows.
    pub authorization: Known<Option<Authorization>>,
    /// What workloads may call; `None` inside: their own namespace and the root one.
    pub sidecar: Known<Option<Known<Option<BTreeSet<EgressHost>>>>>,
    /// What happens to calls to anything else.
    pub outbound_traffic_policy: Known<Option<Outbound>>,
    /// How failures are met.
    pub resiliency: Known<Option<Preset>>,
}

/// Every object that some configuration renders.
pub fn could_render(mesh: &Mesh) -> Vec<(Key, Stage)> {
    [
        (&kind::DESTINATION_RULE, "default", stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, "deny-all-audit", stage::OPENING),
        (&kind::SIDECAR, "default", stage::ROUTES),
        (&kind::PEER_AUTHENTICATION, "default", stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, "deny-all", stage::CLOSING),
    ]
    .map(|(kind, name, stage)| (Key::new(kind, &mesh.root_namespace, name), stage))
    .into()
}

impl GlobalDefaults {
    /// Rules across arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        let unwritten = matches!(self.mtls, Ok(None))
            && matches!(self.authorization, Ok(None | Some(Authorization::Off)))
            && matches!(self.sidecar, Ok(None))
            && self.outbound_traffic_policy == Ok(None)
            && self.resiliency == Ok(None);
        if unwritten {
            out.error(
                &Path::root(),
                "The resource says nothing",
                "Nothing holds for the mesh that isn't written. Write mtls, authorization (with a mode other than \"off\"), \
                 sidecar, outbound_traffic_policy or resiliency, or remove the resource.",
            );
        }
    }

    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let key = |kind: &'static Kind, name: &str| Key::new(kind, &mesh.root_namespace, name);
        let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
        if let Some(mode) = self.mtls? {
            let key = key(&kind::PEER_AUTHENTICATION, "default");
            objects.push((key.clone(), mode.map(|mode| peer_authentication(mesh, key, mode))));
        }
        match self.authorization? {
            None | Some(Authorization::Off) => {}
            Some(Authorization::Audit) => {
                let key = key(&kind::AUTHORIZATION_POLICY, "deny-all-audit");
                objects.push((key.clone(), Ok(audit(mesh, key))));
            }
            Some(mode) => {
                let key = key(&kind::AUTHORIZATION_POLICY, "deny-all");
                objects.push((key.clone(), Ok(deny_all(mesh, key, mode == Authorization::DryRun))));
            }
        }
        if part(&self.sidecar)?.is_some() || self.outbound_traffic_policy?.is_some() {
            let key = key(&kind::SIDECAR, "default");
            objects.push((key.clone(), self.sidecar(mesh, key)));
        }
        if let Some(preset) = self.resiliency? {
            let key = key(&kind::DESTINATION_RULE, "default");
            objects.push((key.clone(), Ok(destination_rule(mesh, key, preset))));
        }
        Ok(objects)
    }

    fn sidecar(&self, mesh: &Mesh, key: Key) -> Known<Object> {
        let mut hosts: BTreeSet<String> = match part(&self.sidecar)? {
            None => BTreeSet::from(["*/*".to_owned()]),
            Some(written) => match part(written)? {
                None => BTreeSet::from(["./*".to_owned(), format!("{}/*", mesh.root_namespace)]),
                Some(written) => written.iter().map(EgressHost::to_string).collect(),
            },
        };
        if !hosts.contains("*/*") {
            hosts.extend(mesh.platform_hosts.iter().cloned());
        }
        let spec = Sidecar {
            workload_selector: None,
            egress: vec![Egress { hosts }],
            outbound_traffic_policy: self.outbound_traffic_policy?.unwrap_or(Outbound::RegistryOnly).into(),
        };
        let origins =
            [("spec.egress", "sidecar"), ("spec.outboundTrafficPolicy", "outbound_traffic_policy")].map(origin);
        Ok(object(key, Metadata::of(mesh), &spec, stage::ROUTES, &origins))
    }
}

fn peer_authentication(mesh: &Mesh, key: Key, mode: MtlsMode) -> Object {
    let stage = if mode == MtlsMode::Strict { stage::CLOSING } else { stage::OPENING };
    let spec = PeerAuthentication::of_all(mode);
    object(key, Metadata::of(mesh), &spec, stage, &[origin(("spec.mtls", "mtls"))])
}

/// AUDIT with a rule that matches everything; with none it would match nothing.
fn audit(mesh: &Mesh, key: Key) -> Object {
    let spec = AuthorizationPolicy { selector: None, action: "AUDIT", provider: None, rules: vec![Rule::default()] };
    object(key, Metadata::of(mesh), &spec, stage::OPENING, &[origin(("spec", "authorization"))])
}

/// ALLOW with no rule: it allows nothing, and other policies add to it. Everything is written, so that everything is ours.
fn deny_all(mesh: &Mesh, key: Key, dry_run: bool) -> Object {
    let spec = AuthorizationPolicy { selector: None, action: "ALLOW", provider: None, rules: Vec::new() };
    let metadata = Metadata::of(mesh).annotated(DRY_RUN, dry_run.to_string());
    object(key, metadata, &spec, stage::CLOSING, &[origin(("spec", "authorization"))])
}

/// For every Service that has no rule of its own, seen from every namespace.
fn destination_rule(mesh: &Mesh, key: Key, preset: Preset) -> Object {
    let spec = DestinationRule {
        host: format!("*.svc.{}", mesh.cluster_domain),
        export_to: ExportTo::from(["*".to_owned()]),
        workload_selector: None,
        traffic_policy: preset.resiliency().map(|r| TrafficPolicy::of(&r, Traffic::Requests)),
        subsets: Vec::new(),
    };
    object(key, Metadata::of(mesh), &spec, stage::TARGETS, &[origin(("spec", "resiliency"))])
}

fn origin((field, argument): (&str, &str)) -> (String, Path) {
    (field.to_owned(), Path::root().attribute(argument))
}

fn object(
    key: Key,
    metadata: Metadata,
    spec: &impl serde::Serialize,
    stage: Stage,
    origins: &[(String, Path)],
) -> Object {
    Object {
        body: manifest(&key, metadata, spec),
        key,
        holding: Holding::Whole,
        stage,
        transition: Transition::InPlace,
        origins: origins.to_vec(),
    }
}
