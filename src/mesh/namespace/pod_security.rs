//! Pod Security: labels of the Namespace by which the API server judges its pods.

use super::{Namespace, PodSecurity};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{manifest::StringMap, text::text_enum},
    schema::{At, Attr},
};

/// The prefix of the labels.
const PREFIX: &str = "pod-security.kubernetes.io/";

/// What [`is_version`] accepts.
pub(super) const VERSION: &str = "`latest`, or a minor version of Kubernetes like `v1.34`.";

text_enum! {
    /// A level of the Pod Security Standards.
    pub enum PodSecurityLevel {
        /// Everything is admitted.
        Privileged = "privileged",
        /// Known ways to more privileges are refused.
        Baseline = "baseline",
        /// Pods follow the practices of hardening.
        Restricted = "restricted",
    }
}

pub(super) fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|c| c.is_ascii_digit());
    text == "latest" || text.strip_prefix("v1.").is_some_and(is_number)
}

impl PodSecurity {
    /// The three modes: the word in labels, the level and the version.
    fn modes(&self) -> [(&'static str, &Attr<PodSecurityLevel>, &Attr<String>); 3] {
        [
            ("enforce", &self.enforce, &self.enforce_version),
            ("audit", &self.audit, &self.audit_version),
            ("warn", &self.warn, &self.warn_version),
        ]
    }
}

impl Namespace {
    /// The labels of the `pod_security` block; none without it.
    pub(super) fn pod_security_labels(&self) -> Known<StringMap> {
        let mut labels = StringMap::new();
        let Some(block) = self.pod_security.known()? else { return Ok(labels) };
        for (mode, level, version) in block.modes() {
            if let Some(level) = level.known()? {
                labels.insert(format!("{PREFIX}{mode}"), level.to_string());
            }
            if let Some(version) = version.known()? {
                labels.insert(format!("{PREFIX}{mode}-version"), version.clone());
            }
        }
        Ok(labels)
    }

    /// Reports a block without a level, versions without a level, and labels that the block writes as well.
    pub(super) fn validate_pod_security(&self, out: &mut Diagnostics) {
        let Ok(Some(block)) = self.pod_security.known() else { return };
        validate_levels(block, out);
        let Ok(labels) = self.labels.elements_or_empty() else { return };
        for label in labels.keys().filter(|label| label.starts_with(PREFIX)) {
            out.error(
                &Path::root().attribute("labels").key(label),
                "Pod Security label set twice",
                "The block pod_security writes labels of this kind. Remove the label, and write its value there.",
            );
        }
    }
}

fn validate_levels(block: &At<PodSecurity>, out: &mut Diagnostics) {
    if block.modes().iter().all(|(_, level, version)| **level == Attr::Null && **version == Attr::Null) {
        out.error(
            &block.at,
            "pod_security without a level",
            "Write enforce, audit or warn, such as enforce = \"baseline\", or remove the block.",
        );
    }
    for (mode, level, version) in block.modes() {
        if *level == Attr::Null && version.is_set() {
            out.error(
                &block.at.attribute(&format!("{mode}_version")),
                "Version without a level",
                format!(
                    "A version says which definition of a level holds, and {mode} has none. Write {mode}, or remove it."
                ),
            );
        }
    }
}
