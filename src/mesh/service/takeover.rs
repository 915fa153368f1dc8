//! What somebody else has, or gets: kinds that are left to other tools, and objects that ours take the place of.

use std::{collections::BTreeSet, fmt};

use super::Service;
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
    mesh::{
        Mesh, names, stage,
        text::{Text, text_enum},
    },
    object::{self, Key, Stage, Takeover, kind},
};

text_enum! {
    /// Kinds that something else may make for a service.
    pub enum Unmanaged {
        /// Argo Rollouts moves its weights; Flagger makes it.
        VirtualService = "VirtualService",
        /// Argo Rollouts changes its subsets; Flagger makes it.
        DestinationRule = "DestinationRule",
    }
}

impl Unmanaged {
    /// The row of the table.
    pub fn kind(self) -> &'static object::Kind {
        match self {
            Self::VirtualService => &kind::VIRTUAL_SERVICE,
            Self::DestinationRule => &kind::DESTINATION_RULE,
        }
    }
}

/// An object of the service's namespace that somebody else made for the same service: `VirtualService/payments-vs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplacedObject {
    kind: &'static object::Kind,
    name: String,
}

/// Kinds that another tool may have made for a service, and when ours of the kind are written.
const RIVALS: [(&object::Kind, Stage); 5] = [
    (&kind::SERVICE_ENTRY, stage::TARGETS),
    (&kind::DESTINATION_RULE, stage::TARGETS),
    (&kind::AUTHORIZATION_POLICY, stage::OPENING),
    (&kind::VIRTUAL_SERVICE, stage::ROUTES),
    (&kind::SIDECAR, stage::ROUTES),
];

impl fmt::Display for ReplacedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.kind, self.name)
    }
}

impl Text for ReplacedObject {
    fn admits() -> String {
        let kinds: Vec<_> = RIVALS.iter().map(|(kind, _)| format!("`{}`", kind.kind)).collect();
        format!("`Kind/name`, where the kind is one of {}.", kinds.join(", "))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let fault = || {
            let kinds: Vec<_> = RIVALS.iter().map(|(kind, _)| kind.kind).collect();
            format!(
                "{text:?} names no object. Write kind and name, like \"VirtualService/payments-vs\"; the kind is one of {}.",
                kinds.join(", ")
            )
        };
        let (written, name) = text.split_once('/').ok_or_else(fault)?;
        let (kind, _) = RIVALS.iter().find(|(kind, _)| kind.kind == written).ok_or_else(fault)?;
        if names::is_subdomain(name) { Ok(Self { kind, name: name.to_owned() }) } else { Err(fault()) }
    }
}

/// What is left to others, and what is taken from them.
#[derive(Clone, Debug)]
pub struct Others {
    /// Objects of others with our names are taken over.
    pub adopt: Known<bool>,
    /// Kinds of which nothing is written.
    pub unmanaged: Known<BTreeSet<Unmanaged>>,
    /// Objects of others that go once ours are there.
    pub replaces: Known<BTreeSet<ReplacedObject>>,
}

impl Others {
    /// Whether objects of `kind` are left to somebody else.
    pub(super) fn leaves(&self, kind: Unmanaged) -> Known<bool> {
        Ok(as_known(&self.unmanaged)?.contains(&kind))
    }

    /// What the engine has to know. Arguments that come at apply count as not written until then.
    pub fn takeover(&self, namespace: &Known<String>) -> Takeover {
        let rivals = as_known(&self.replaces).ok().zip(as_known(namespace).ok());
        let stage =
            |rival: &ReplacedObject| RIVALS.iter().find(|(kind, _)| *kind == rival.kind).map(|(_, stage)| *stage);
        Takeover {
            adopt_existing: self.adopt.unwrap_or(false),
            unmanaged_kinds: self.unmanaged.iter().flatten().map(|kind| kind.kind()).collect(),
            replaced_objects: rivals
                .into_iter()
                .flat_map(|(rivals, namespace)| {
                    rivals.iter().filter_map(|rival| Some((rival.key(namespace), stage(rival)?)))
                })
                .collect(),
            force_destroy: false,
        }
    }
}

impl ReplacedObject {
    fn key(&self, namespace: &str) -> Key {
        Key::new(self.kind, namespace, &self.name)
    }
}

impl Service {
    /// What is written for a kind that is left to somebody else would have no effect, and silently.
    pub(super) fn check_unmanaged(&self, out: &mut Diagnostics) {
        for kind in [Unmanaged::VirtualService, Unmanaged::DestinationRule] {
            if self.others.leaves(kind) != Ok(true) {
                continue;
            }
            for (argument, _) in self.traffic.written().filter(|(_, held_by)| *held_by == kind) {
                out.error(
                    &Path::root().attribute(argument),
                    format!("{argument} without a {kind}"),
                    format!(
                        "{argument} is written into the {kind}, and unmanaged leaves that to somebody else. Remove \
                         {argument}, or take {kind} out of unmanaged."
                    ),
                );
            }
        }
    }

    /// Nothing of ours takes the place of what is left to somebody else.
    pub(super) fn check_rivals(&self, out: &mut Diagnostics) {
        let (Ok(rivals), Ok(left)) = (&self.others.replaces, &self.others.unmanaged) else { return };
        for rival in rivals.iter().filter(|rival| left.iter().any(|kind| kind.kind() == rival.kind)) {
            let kind = rival.kind.kind;
            out.error(
                &Path::root().attribute("replaces"),
                format!("{kind} replaced and unmanaged"),
                format!(
                    "unmanaged leaves {kind} to somebody else, so none of ours would take the place of {rival}. Take it out of \
                     replaces, or {kind} out of unmanaged."
                ),
            );
        }
    }

    /// What has the name of one of ours isn't replaced, but taken over.
    pub(super) fn check_replaces(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let (Ok(rivals), Ok(namespace), Ok(rendered)) = (&self.others.replaces, &self.namespace, self.render(mesh))
        else {
            return;
        };
        for rival in rivals {
            if rendered.iter().any(|(key, _)| *key == rival.key(namespace)) {
                out.error(
                    &Path::root().attribute("replaces"),
                    format!("{:.50} is ours", rival.to_string()),
                    format!(
                        "{rival} has the name of an object of this resource, which would be deleted as soon as it is made. Take \
                         it out of replaces, and write adopt_existing = true to take it over."
                    ),
                );
            }
        }
    }
}
