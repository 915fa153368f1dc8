//! The page "Istio fields and their arguments" has every field of the kinds that it is about.

use serde_json::Value as Json;

use crate::{
    generated::istio_fields::rows,
    support::control_plane::{parse_yaml, tools_folder},
};

const KINDS: [&str; 9] = [
    "VirtualService",
    "DestinationRule",
    "ServiceEntry",
    "Sidecar",
    "Gateway",
    "AuthorizationPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
    "Telemetry",
];

/// The fields of a schema that contain no other fields, as `http[].match[].uri`. A map of objects has the member `*`, and the forms of a
/// match of a text are one field.
fn fields(schema: &Json, path: &str, found: &mut Vec<String>) {
    let members = schema["properties"].as_object();
    let is_text_match = members.is_some_and(|members| {
        members.keys().all(|name| matches!(name.as_str(), "exact" | "prefix" | "regex" | "ignoreCase"))
    });
    let each = &schema["additionalProperties"];
    match members {
        Some(members) if !is_text_match => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(member, &path, found);
            }
        }
        None if schema["items"]["properties"].is_object() => fields(&schema["items"], &format!("{path}[]"), found),
        None if each["properties"].is_object() => fields(each, &format!("{path}.*"), found),
        _ => found.push(path.to_owned()),
    }
}

/// Whether the row `row` stands for the field `field`.
fn covers(row: &str, field: &str) -> bool {
    field.strip_prefix(row).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[test]
#[ignore = "needs the files of `make tools`"]
fn page_has_every_field_of_istio() {
    let definitions = std::fs::read_to_string(tools_folder().join("istio-crds.yaml")).expect("`make tools` has run");
    let rows = rows();
    let (mut missing, mut unused) = (Vec::new(), Vec::new());
    for kind in KINDS {
        let definition =
            parse_yaml(&definitions).into_iter().find(|crd| crd["spec"]["names"]["kind"] == kind).expect(kind);
        let versions = definition["spec"]["versions"].as_array().expect("a list");
        let version = versions.iter().find(|version| version["name"] == "v1").expect("v1");
        let mut all = Vec::new();
        fields(&version["schema"]["openAPIV3Schema"]["properties"]["spec"], "", &mut all);
        let rows: Vec<&str> = rows.iter().filter(|row| row.0 == kind).map(|row| row.1.as_str()).collect();
        missing.extend(
            all.iter().filter(|field| !rows.iter().any(|row| covers(row, field))).map(|f| format!("{kind} {f}")),
        );
        unused.extend(rows.iter().filter(|row| !all.iter().any(|f| covers(row, f))).map(|row| format!("{kind} {row}")));
    }
    assert_eq!(missing, Vec::<String>::new(), "fields without a row");
    assert_eq!(unused, Vec::<String>::new(), "rows without a field");
}
