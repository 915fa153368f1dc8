//! The guardrail that keeps teams from changing and deleting the platform's objects in their namespaces.

use super::{
    Guardrails, cel,
    policy::{Rules, namespaced, namespaces, not_the_control_plane, validation},
};
use crate::{
    known::Known,
    mesh::{
        admission::{MatchCondition, Variable},
        global_defaults::context::DefaultsContext,
    },
    object::{annotation, label, resource_name, resource_type},
};

const OPERATIONS: &[&str] = &["CREATE", "UPDATE", "DELETE"];

/// The resource types of the platform. Teams declare `mesh_service` alone.
const PLATFORM: [&str; 4] =
    [resource_type::EXTERNAL_SERVICE, resource_type::GATEWAY, resource_type::GLOBAL_DEFAULTS, resource_type::NAMESPACE];

/// Every object that a resource of the platform made belongs to it. The annotation that says so is protected, too: it is
/// neither removed nor written by others.
///
/// Of a Namespace only the marks of this provider are protected from changes, since other controllers label namespaces. An
/// owner reference would let the garbage collector delete the object.
pub(super) fn rules(_: &DefaultsContext, guardrails: &Guardrails) -> Known<Rules> {
    let prefixes = PLATFORM.map(|resource_type| resource_name(resource_type, ""));
    let belongs_to_the_platform = format!(
        "[object, oldObject].exists(it, it != null && \
         {}.exists(type, it.metadata.?annotations[?{}].orValue(\"\").startsWith(type)))",
        cel::strings(prefixes),
        cel::string(annotation::RESOURCE)
    );
    let changes = |field: &str, keys: &[&str]| {
        let keys = cel::strings(keys);
        format!("{keys}.exists(key, object{field}[?key] != oldObject{field}[?key])")
    };
    let marks =
        [annotation::ADOPTED, annotation::ARGUMENTS, annotation::INSTANCE, annotation::OWNER, annotation::RESOURCE];
    let marks = [
        changes(".metadata.?annotations", &marks),
        changes(".metadata.?labels", &[label::MANAGED]),
        changes(".metadata", &["ownerReferences"]),
    ];
    let content = [
        changes("", &["spec", "rules", "subjects", "roleRef"]),
        changes(".metadata", &["annotations", "labels", "ownerReferences"]),
    ];
    Ok(Rules {
        resources: vec![
            namespaces(OPERATIONS),
            namespaced(
                "networking.istio.io",
                vec!["destinationrules", "envoyfilters", "gateways", "serviceentries", "sidecars", "virtualservices"],
                OPERATIONS,
            ),
            namespaced("rbac.authorization.k8s.io", vec!["rolebindings", "roles"], OPERATIONS),
            namespaced(
                "security.istio.io",
                vec!["authorizationpolicies", "peerauthentications", "requestauthentications"],
                OPERATIONS,
            ),
            namespaced("telemetry.istio.io", vec!["telemetries"], OPERATIONS),
        ],
        conditions: vec![
            MatchCondition { name: "belongs-to-the-platform", expression: belongs_to_the_platform },
            not_the_control_plane(),
        ],
        variables: vec![Variable {
            name: "changes",
            expression: format!(
                "request.operation != \"UPDATE\" || (object.kind == \"Namespace\" ? {} : {})",
                marks.join(" || "),
                content.join(" || ")
            ),
        }],
        validations: vec![validation(
            guardrails,
            "!variables.changes".to_owned(),
            "Rule protect_platform_objects of the mesh: the platform manages this object, as its annotation \
             terraform-provider-mesh/resource says.",
        )?],
    })
}
