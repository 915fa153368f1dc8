//! Rules for `override` blocks: they patch objects that are there, and what they remove from lists is reported.

use serde_json::Value as Json;

use super::{Override, SuffixOf, lost_values::lost_values};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::Rendered,
    object::{Key, Object},
    schema::{At, Blocks},
};

/// The number of lost values that a warning lists.
const MAX_LISTED: usize = 12;

/// Reports patches of objects that the configuration doesn't render, values that patches remove from lists, and routes that
/// they leave without a destination. `unpatched` are the objects before the patches.
pub(in crate::mesh) fn validate_overrides(
    overrides: &Blocks<Override>,
    suffix_of: &SuffixOf,
    unpatched: &Rendered,
    out: &mut Diagnostics,
) {
    let (Ok(overrides), Ok(objects)) = (overrides.known(), unpatched) else { return };
    for patch in overrides {
        let matches = objects.iter().map(|(key, _)| patch.matches(key, suffix_of)).collect::<Known<Vec<_>>>();
        if matches.is_ok_and(|matches| !matches.contains(&true)) {
            let objects = objects.iter().filter_map(|(key, _)| describe(key, suffix_of)).collect::<Vec<_>>().join("; ");
            out.error(
                &patch.at,
                "override matches no object",
                format!("This configuration renders no such object. To patch one that it renders, write {objects}."),
            );
        }
    }
    for (key, object) in objects {
        let _ = validate_patches_of(key, object, overrides, suffix_of, out);
    }
}

/// The arguments that choose an object, such as `kind = "VirtualService", suffix = "ingress"`.
fn describe(key: &Key, suffix_of: &SuffixOf) -> Option<String> {
    let kind = format!("kind = \"{}\"", key.kind.kind);
    Some(match suffix_of(key)?.as_str() {
        "" => kind,
        suffix => format!("{kind}, suffix = \"{suffix}\""),
    })
}

/// Applies the patches of one object in their order, and reports the effect of each.
fn validate_patches_of(
    key: &Key,
    object: &Known<Object>,
    overrides: &[At<Override>],
    suffix_of: &SuffixOf,
    out: &mut Diagnostics,
) -> Known<()> {
    let mut body = object.as_ref().map_err(|unknown| *unknown)?.body.clone();
    for block in overrides {
        if !block.matches(key, suffix_of)? {
            continue;
        }
        let (before, patch) = (body.clone(), block.patch.required()?);
        patch.apply(&mut body);
        let lost = lost_values(&before, &body);
        if !lost.is_empty() {
            warn_of_lost_values(block, key, &lost, out);
        }
        if patch.value("/spec/http").is_some() {
            report_routes_without_action(block, key, &body, out);
        }
    }
    Ok(())
}

fn warn_of_lost_values(block: &At<Override>, key: &Key, lost: &[String], out: &mut Diagnostics) {
    let (listed, others) = lost.split_at(lost.len().min(MAX_LISTED));
    let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    out.warn(
        &block.at.attribute("patch"),
        "The patch replaces a list, and values are lost",
        format!(
            "A merge patch doesn't merge lists: a list in the patch replaces the whole list that this resource renders. \
             {key} loses {}{others}. Repeat in the patch the values to keep (`objects` shows them), or use arguments instead of the patch.",
            listed.join(", ")
        ),
    );
}

/// What a rule of `spec.http` does with a request. Istio requires one of them.
const ACTIONS: [&str; 4] = ["route", "redirect", "directResponse", "delegate"];

fn report_routes_without_action(block: &At<Override>, key: &Key, body: &Json, out: &mut Diagnostics) {
    let rules = body.pointer("/spec/http").and_then(Json::as_array).into_iter().flatten();
    for (n, _) in rules.enumerate().filter(|(_, rule)| ACTIONS.iter().all(|action| rule.get(action).is_none())) {
        out.error(
            &block.at.attribute("patch"),
            "HTTP rule without a route",
            format!(
                "After the patch, spec.http[{n}] of {key} has neither route nor redirect nor directResponse, so requests that it \
                 matches would go nowhere, and Istio refuses it. Write the whole rule in the patch, its route too."
            ),
        );
    }
}
