//! Labels, annotations and selectors: their validation, and the selector of a service that has none of its own.

use std::collections::BTreeMap;

use super::{manifest::StringMap, names};
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::{Attr, Map},
};

/// The labels of the pods of a service without a `selector`.
pub fn default_selector(service: &str) -> StringMap {
    StringMap::from([("app".to_owned(), service.to_owned())])
}

/// Reports labels of objects that Kubernetes refuses, or to which Istio or this provider gives a meaning.
pub fn validate_labels(labels: &Map<String>, at: &Path, out: &mut Diagnostics) {
    validate_not_reserved(labels, at, out);
    validate_selector(labels, at, out);
}

/// Reports labels of a selector that Kubernetes refuses.
pub fn validate_selector(labels: &Map<String>, at: &Path, out: &mut Diagnostics) {
    let Ok(Some(labels)) = labels.known() else { return };
    validate_keys(labels, at, out);
    for (key, value) in labels {
        if let Attr::Known(value) = value
            && !names::is_label_value(value)
        {
            out.error(
                &at.key(key),
                "Invalid label value",
                format!(
                    "{value:?}: letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 \
                     characters at most."
                ),
            );
        }
    }
}

/// Reports annotations of objects that Kubernetes refuses, or to which Istio or this provider gives a meaning.
pub fn validate_annotations(annotations: &Map<String>, at: &Path, out: &mut Diagnostics) {
    validate_not_reserved(annotations, at, out);
    if let Ok(Some(annotations)) = annotations.known() {
        validate_keys(annotations, at, out);
    }
}

fn validate_keys(texts: &BTreeMap<String, Attr<String>>, at: &Path, out: &mut Diagnostics) {
    for key in texts.keys().filter(|key| !names::is_metadata_key(key)) {
        out.error(
            &at.key(key),
            "Invalid key",
            "A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS \
             name and \"/\" in front, like \"example.com/team\".",
        );
    }
}

fn validate_not_reserved(texts: &Map<String>, at: &Path, out: &mut Diagnostics) {
    let Ok(Some(texts)) = texts.known() else { return };
    for key in texts.keys().filter(|key| names::is_reserved_key(key)) {
        out.error(
            &at.key(key),
            "Reserved key",
            format!("{key} is reserved: Istio or this provider uses it. Remove it, and use the argument that sets it."),
        );
    }
}
