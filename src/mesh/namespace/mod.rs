//! A team's namespace: the Namespace itself, what holds in it where a service doesn't say otherwise, and who may change
//! what there.
//!
//! | file | objects |
//! | --- | --- |
//! | [`namespace_object`] | the Namespace |
//! | [`defaults`] | the Sidecar, the deny-all |
//! | [`mtls`] | PeerAuthentications |
//! | [`team`] | Role and RoleBinding |
//! | [`validate`] | what must hold across arguments |
//! | [`live`] | what the cluster shows to be wrong |

mod defaults;
mod live;
mod mtls;
mod namespace_object;
mod team;
mod validate;

use std::collections::BTreeSet;

pub use mtls::{Exception, Mtls};
pub use team::{Account, Team};

use super::{
    Mesh, Rendered,
    global_defaults::Mode,
    manifest::{Metadata, Texts},
    reference::Destination,
    stage,
};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    object::{Key, Kind, ManagementScope, Object, Stage, Transition, kind},
};

/// The parts. A `Known` around another one says whether it is written, which decides whether there is an object.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name, and the resource's id.
    pub name: Known<String>,
    /// Ownership it is.
    pub team: Known<Option<String>>,
    /// Whether its pods get a sidecar of the default revision.
    pub injection: Known<Option<bool>>,
    /// The revision whose sidecar they get.
    pub revision: Known<Option<String>>,
    /// Whether the Namespace is made here; else some labels and annotations of it are ours.
    pub create: Known<bool>,
    /// What its workloads may call; the own namespace beside.
    pub calls: Known<Option<Known<BTreeSet<Destination>>>>,
    /// What happens to calls that no policy allows.
    pub authorization: Known<Mode>,
    /// Whether its workloads accept clear text.
    pub mtls: Known<Option<Mtls>>,
    /// Who works there.
    pub team_rights: Known<Option<Team>>,
    /// Of every object.
    pub labels: Known<Texts>,
    /// Of every object.
    pub annotations: Known<Texts>,
}

/// Every object that some configuration renders, but for the exceptions of [`mtls`], which services name.
pub fn could_render(name: &str) -> Vec<(Key, Stage)> {
    let inside = [
        (&kind::ROLE, team::NAME, stage::IDENTITY),
        (&kind::ROLE_BINDING, team::NAME, stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, defaults::AUDIT, stage::OPENING),
        (&kind::SIDECAR, defaults::SIDECAR, stage::ROUTES),
        (&kind::PEER_AUTHENTICATION, mtls::NAME, stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, defaults::DENY_ALL, stage::CLOSING),
    ];
    let inside = inside.map(|(kind, object, stage)| (Key::new(kind, name, object), stage));
    std::iter::once((namespace_object::key(name), stage::NAMESPACE)).chain(inside).collect()
}

/// A namespace whose name is known.
struct Site<'a> {
    namespace: &'a Namespace,
    name: &'a str,
    mesh: &'a Mesh,
}

impl Site<'_> {
    fn key(&self, kind: &'static Kind, name: &str) -> Key {
        Key::new(kind, self.name, name)
    }

    /// What every object carries that we create.
    fn metadata(&self) -> Known<Metadata> {
        Ok(Metadata::of(self.mesh).and(as_known(&self.namespace.labels)?, as_known(&self.namespace.annotations)?))
    }
}

impl Namespace {
    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let site = Site { namespace: self, name: as_known(&self.name)?, mesh };
        let mut objects = Vec::new();
        if self.has_place()? {
            let key = namespace_object::key(site.name);
            objects.push((key.clone(), namespace_object::namespace(&site, key)));
        }
        if as_known(&self.team_rights)?.is_some() {
            let (role, binding) = (site.key(&kind::ROLE, team::NAME), site.key(&kind::ROLE_BINDING, team::NAME));
            objects.push((role.clone(), team::role(&site, role)));
            objects.push((binding.clone(), team::binding(&site, binding)));
        }
        if as_known(&self.calls)?.is_some() {
            let key = site.key(&kind::SIDECAR, defaults::SIDECAR);
            objects.push((key.clone(), defaults::sidecar(&site, key)));
        }
        match self.authorization? {
            Mode::Off => {}
            Mode::Audit => {
                let key = site.key(&kind::AUTHORIZATION_POLICY, defaults::AUDIT);
                objects.push((key.clone(), defaults::audit(&site, key)));
            }
            mode => {
                let key = site.key(&kind::AUTHORIZATION_POLICY, defaults::DENY_ALL);
                objects.push((key.clone(), defaults::deny_all(&site, key, mode == Mode::DryRun)));
            }
        }
        objects.extend(mtls::objects(&site)?);
        Ok(objects)
    }
}

fn object(key: Key, body: serde_json::Value, stage: Stage, origins: Vec<(String, Path)>) -> Object {
    Object { key, scope: ManagementScope::Whole, body, stage, transition: Transition::InPlace, origins }
}

fn origin(field: &str, argument: &str) -> (String, Path) {
    (field.to_owned(), Path::root().attribute(argument))
}
