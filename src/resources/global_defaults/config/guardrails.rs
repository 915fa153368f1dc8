//! What the API server keeps teams from.

use crate::{
    mesh::{
        global_defaults::{Action, Guarded},
        global_name::{GLOBAL_NAME, is_global_name},
        names,
    },
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr, Map, Value,
        model::{Elements, Set, optional},
    },
};

model! {
    /// Rules of the API server, by ValidatingAdmissionPolicies, for everything outside the root namespace. They hold for plans of
    /// this provider too: what would be refused is an error of the plan. What stands there already stays until somebody changes
    /// it.
    pub struct Guardrails {
        /// Kinds that are written in the root namespace alone.
        root_only: Set<Guarded> = optional().check("At least one kind; leave the argument out for none.", is_not_empty),
        /// Whether values are judged, too: a ServiceEntry is `MESH_INTERNAL`, without endpoints, for the namespace's own global
        /// names; a VirtualService is for hosts of its namespace or of gateways; no Sidecar with `ALLOW_ANY`, no DestinationRule with
        /// `tls` `DISABLE`, no ALLOW policy with an empty rule. False unless written.
        team_rules: Attr<bool> = optional(),
        /// Global names that `team_rules` grant a namespace, beside those of the provider's `global_name_template`: namespace to
        /// names.
        global_names: Map<Elements<String>> = optional()
            .check("Namespaces, with one name each at least.", are_granted)
            .check(GLOBAL_NAME, |v| every_name(v, is_global_name)),
        /// What becomes of what breaks a rule: refused, its author warned, or noted in the API server's audit log. `deny` unless
        /// written.
        action: Attr<Action> = optional(),
        /// Groups for which no rule holds, as the API server knows them: pipelines of the platform, which make exceptions.
        exempt_groups: Set<String> = optional()
            .check("At least one group; leave the argument out for none.", is_not_empty)
            .check("No empty text.", |v| every(v, |t| !t.is_empty())),
        /// The labels of the namespaces in which the rules hold; all unless written. Whoever may label namespaces decides, so teams
        /// shouldn't. For one namespace, `{ "kubernetes.io/metadata.name" = "shop" }`.
        namespace_selector: Map<String> = optional().check("At least one label; leave the argument out for all.", is_not_empty),
        /// Whom those who are refused shall ask, as the message says it; `the platform team` unless written.
        contact: Attr<String> = optional().check("One line.", |v| text(v, is_line)),
    }
}

fn are_granted(value: &Value) -> bool {
    let Value::Map(granted) = value else { return true };
    !granted.is_empty() && granted.iter().all(|(namespace, names)| names::is_label(namespace) && is_not_empty(names))
}

fn every_name(value: &Value, rule: fn(&str) -> bool) -> bool {
    let Value::Map(granted) = value else { return true };
    granted.values().all(|names| every(names, rule))
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}
