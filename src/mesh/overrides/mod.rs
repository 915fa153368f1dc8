//! `override` blocks: JSON merge patches of rendered objects, for fields of Istio that have no argument. All resources share them.
//!
//! | file | content |
//! | --- | --- |
//! | [`merge_patch`] | the type of a patch |
//! | [`lost_values`] | the values that a patch removes from lists |
//! | [`validate`] | patches of objects that aren't there, and patches that remove what routes need |

mod lost_values;
mod merge_patch;
mod validate;

pub use merge_patch::MergePatch;
pub(super) use validate::validate_overrides;

use crate::{
    known::Known,
    model,
    object::{Key, Object},
    schema::{
        At, Attr,
        model::{optional, required},
    },
};

model! {
    /// A JSON merge patch of one of the resource's objects, for an Istio field that no argument sets. Its result
    /// is shown in `objects`. Prefer an argument if there is one.
    pub struct Override {
        /// Kind of the object, such as `DestinationRule`.
        kind: Attr<String> = required(),
        /// Suffix that distinguishes objects of the same kind. For `mesh_service`: `ingress`, `deny`, `end-user`
        /// or `ext-authz`. For `mesh_external_service` with `hosts`: the host with dashes for dots. For
        /// `mesh_namespace` and `mesh_global_defaults`: the whole name of the object. Defaults to none: the
        /// object with the resource's usual name, or named `default`, `default-route` or `deny-all`.
        suffix: Attr<String> = optional(),
        /// JSON merge patch of `spec`: `jsonencode({ spec = { ... } })`. `null` removes a field. A list replaces
        /// the whole rendered list; the plan warns about values that are lost.
        patch: Attr<MergePatch> = required(),
    }
}

/// Gives the suffix by which blocks choose an object of a resource among those of its kind; empty for the usual name of the
/// resource's objects.
pub(super) type SuffixOf<'a> = dyn Fn(&Key) -> Option<String> + 'a;

/// The suffix of an object in a resource whose objects are all named after `base`: `base`, or `base` with a dash and a suffix.
pub(super) fn suffix_after(base: &str, key: &Key) -> Option<String> {
    match key.name.strip_prefix(base)? {
        "" => Some(String::new()),
        rest => rest.strip_prefix('-').map(str::to_owned),
    }
}

impl At<Override> {
    /// Whether the block patches the object.
    fn matches(&self, key: &Key, suffix_of: &SuffixOf) -> Known<bool> {
        let (kind, suffix) = (self.kind.required()?, self.suffix.known()?);
        let object_suffix = suffix_of(key);
        Ok(key.kind.kind == kind && object_suffix.as_deref() == Some(suffix.map_or("", String::as_str)))
    }

    fn apply(&self, mut object: Object) -> Known<Object> {
        let patch = self.patch.required()?;
        patch.apply(&mut object.body);
        object.origins.extend(patch.fields().into_iter().map(|field| (field, self.at.attribute("patch"))));
        Ok(object)
    }
}

/// Applies the patches to the objects.
pub(super) fn apply_overrides(
    overrides: &[At<Override>],
    suffix_of: &SuffixOf,
    objects: Vec<(Key, Known<Object>)>,
) -> Vec<(Key, Known<Object>)> {
    let apply = |(key, object): (Key, Known<Object>)| {
        let patched = overrides.iter().try_fold(object, |object, patch| {
            Ok(if patch.matches(&key, suffix_of)? { object.and_then(|object| patch.apply(object)) } else { object })
        });
        (key, patched.unwrap_or_else(Err))
    };
    objects.into_iter().map(apply).collect()
}
