//! Kinds that are left to other tools, and objects of other tools that are adopted or replaced.

use std::{collections::BTreeSet, fmt};

use serde_json::Value as Json;

use super::Service;
use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::text,
    known::Known,
    mesh::{
        Rendered, adoption, names, stage,
        text::{Text, text_enum},
    },
    model,
    object::{self, Key, Stage, StageOfLive, Takeover, kind},
    schema::{Attr, Set, model::optional},
};

text_enum! {
    /// Kinds that another tool may manage for a service.
    pub enum Unmanaged {
        /// Argo Rollouts changes the weights of an existing VirtualService. Flagger creates one.
        VirtualService = "VirtualService",
        /// Argo Rollouts changes the subsets of an existing DestinationRule. Flagger creates one.
        DestinationRule = "DestinationRule",
    }
}

impl Unmanaged {
    /// Returns the kind of object.
    pub fn kind(self) -> &'static object::Kind {
        match self {
            Self::VirtualService => &kind::VIRTUAL_SERVICE,
            Self::DestinationRule => &kind::DESTINATION_RULE,
        }
    }
}

/// An object of another tool for the same service and in its namespace, which the objects of this resource replace, like
/// `VirtualService/payments-vs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplacedObject {
    kind: &'static object::Kind,
    name: String,
}

/// The kinds of objects that can be replaced, with the stages of such objects.
const REPLACEABLE: [(&object::Kind, StageOfLive); 5] = [
    (&kind::SERVICE_ENTRY, |_| stage::TARGETS),
    (&kind::DESTINATION_RULE, |_| stage::TARGETS),
    (&kind::AUTHORIZATION_POLICY, stage_of_policy),
    (&kind::VIRTUAL_SERVICE, |_| stage::ROUTES),
    (&kind::SIDECAR, |_| stage::ROUTES),
];

/// The stage of an AuthorizationPolicy. ALLOW policies are deleted first: what they admit may be what others refuse.
fn stage_of_policy(live: &Json) -> Stage {
    match text(live, &["spec", "action"]) {
        None | Some("ALLOW") => stage::OPENING,
        _ => stage::SUBTRACTING,
    }
}

impl fmt::Display for ReplacedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.kind, self.name)
    }
}

impl Text for ReplacedObject {
    fn accepted_values() -> String {
        let kinds: Vec<_> = REPLACEABLE.iter().map(|(kind, _)| format!("`{}`", kind.kind)).collect();
        format!("`Kind/name`, where the kind is one of {}.", kinds.join(", "))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let fault = || {
            let kinds: Vec<_> = REPLACEABLE.iter().map(|(kind, _)| kind.kind).collect();
            format!(
                "{text:?} names no object. Write kind and name, like \"VirtualService/payments-vs\"; the kind is one of {}.",
                kinds.join(", ")
            )
        };
        let (kind_name, name) = text.split_once('/').ok_or_else(fault)?;
        let (kind, _) = REPLACEABLE.iter().find(|(kind, _)| kind.kind == kind_name).ok_or_else(fault)?;
        if names::is_subdomain(name) { Ok(Self { kind, name: name.to_owned() }) } else { Err(fault()) }
    }
}

model! {
    /// Objects of other tools: those that are replaced, taken over or left alone.
    pub struct TakeoverArguments {
        /// Objects of other tools in the namespace that the objects of this resource replace, as `Kind/name`:
        /// `VirtualService/payments-vs`. They are deleted after the new objects are created. Defaults to none.
        replaces: Set<ReplacedObject> = optional(),
        /// Kinds that another tool writes for this service, such as Argo Rollouts or Flagger. The resource writes
        /// no object of these kinds; one that it wrote before is released, not deleted. Defaults to none.
        unmanaged: Set<Unmanaged> = optional(),
        /// Whether existing objects of the same names that have no `owner` (those of other tools) are taken over.
        /// With `false` the plan fails and names the tool that wrote them. Adopted ServiceAccounts and Services
        /// remain after a destroy. For objects of another `owner` see `adopt_from_owner`. Defaults to `false`.
        adopt_existing: Attr<bool> = optional(),
        /// Value of `owner` in another configuration of this provider, whose objects of the same names are taken over
        /// (see the guide "Adopting existing objects"). Release them there first, with a `removed` block or
        /// `terraform state rm`: otherwise the two configurations take them from each other. Defaults to none: the
        /// plan refuses objects of every other owner, even with `adopt_existing`.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
    }
}

impl TakeoverArguments {
    /// Whether another tool manages objects of `kind`.
    pub(super) fn is_unmanaged(&self, kind: Unmanaged) -> Known<bool> {
        Ok(self.unmanaged.elements()?.is_some_and(|kinds| kinds.contains(&kind)))
    }

    /// The objects that are deleted once those of this resource exist.
    fn replaced(&self) -> Known<BTreeSet<ReplacedObject>> {
        self.replaces.elements_or_empty()
    }
}

impl Service {
    /// Returns what the engine does with objects of other tools. Unknown arguments count as not set, since a plan with unknown
    /// arguments takes over no objects.
    pub fn takeover(&self) -> Takeover {
        let takeover = &self.takeover;
        let stage = |replaced: &ReplacedObject| {
            REPLACEABLE.iter().find(|(kind, _)| *kind == replaced.kind).map(|(_, stage)| *stage)
        };
        let replaced = takeover.replaced().ok().zip(self.namespace().ok());
        let keys = replaced.into_iter().flat_map(|(replaced, namespace)| {
            let key = |object: &ReplacedObject| Some((object.key(namespace), stage(object)?));
            replaced.iter().filter_map(key).collect::<Vec<_>>()
        });
        Takeover {
            unmanaged_kinds: takeover.unmanaged.elements_or_empty().iter().flatten().map(|kind| kind.kind()).collect(),
            replaced_objects: keys.collect(),
            ..adoption::takeover(&takeover.adopt_existing, &takeover.adopt_from_owner)
        }
    }
}

impl ReplacedObject {
    fn key(&self, namespace: &str) -> Key {
        Key::new(self.kind, namespace, &self.name)
    }
}

impl Service {
    /// Reports arguments of an object that another tool manages: they would have no effect.
    pub(super) fn validate_unmanaged(&self, out: &mut Diagnostics) {
        for kind in [Unmanaged::VirtualService, Unmanaged::DestinationRule] {
            if self.takeover.is_unmanaged(kind) != Ok(true) {
                continue;
            }
            for (argument, _) in self.traffic.arguments_set().filter(|(_, rendered_into)| *rendered_into == kind) {
                out.error(
                    &Path::root().attribute(argument),
                    format!("{argument} without a {kind}"),
                    format!(
                        "{argument} is written into the {kind}, which unmanaged leaves to another tool. Remove \
                         {argument}, or take {kind} out of unmanaged."
                    ),
                );
            }
        }
    }

    /// Reports objects that are replaced although another tool manages their kind.
    pub(super) fn validate_replaced_kinds(&self, out: &mut Diagnostics) {
        let takeover = &self.takeover;
        let (Ok(replaced), Ok(unmanaged)) = (takeover.replaced(), takeover.unmanaged.elements_or_empty()) else {
            return;
        };
        for object in replaced.iter().filter(|object| unmanaged.iter().any(|kind| kind.kind() == object.kind)) {
            let kind = object.kind.kind;
            out.error(
                &Path::root().attribute("replaces"),
                format!("{kind} replaced and unmanaged"),
                format!(
                    "unmanaged leaves {kind} to another tool, so no {kind} of this resource would replace {object}. Take it out of \
                     replaces, or {kind} out of unmanaged."
                ),
            );
        }
    }

    /// Reports objects that are replaced although this resource renders an object of the same name.
    pub(super) fn validate_replaces(&self, rendered: &Rendered, out: &mut Diagnostics) {
        let (Ok(replaced), Ok(namespace), Ok(rendered)) = (self.takeover.replaced(), self.namespace(), rendered) else {
            return;
        };
        for object in replaced {
            if rendered.iter().any(|(key, _)| *key == object.key(namespace)) {
                out.error(
                    &Path::root().attribute("replaces"),
                    format!("Own object in replaces: {:.36}", object.to_string()),
                    format!(
                        "This resource writes {object} itself, so replaces would delete it right after it is created. \
                         Remove it from replaces; to take over the existing object of this name, write \
                         adopt_existing = true."
                    ),
                );
            }
        }
    }
}
