//! Arguments in logs. Any of them may have a sensitive value, since Terraform's mark of one doesn't reach a provider. So a
//! recognizable text is planted in each string of each example, one after the other, and looked for in the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use terraform_provider_mesh::schema::Value;

use crate::{
    generated::examples::resource_values,
    support::{core_client::CoreClient, host::binary, scripted_server::ScriptedServer},
};

/// The arguments whose values the log has. They name objects that are read or written, and each request is a line with the
/// name of its object.
const SHOWN: [&str; 19] = [
    "mesh_external_service.egress_gateway.namespace",
    "mesh_external_service.host",
    "mesh_external_service.hosts",
    "mesh_external_service.name",
    "mesh_gateway.name",
    "mesh_gateway.namespace",
    "mesh_gateway.workload_namespace",
    "mesh_global_defaults.gateway_access.namespace",
    "mesh_global_defaults.jwt.namespace",
    "mesh_namespace.mtls.exception.service",
    "mesh_namespace.name",
    "mesh_service.calls",
    "mesh_service.ingress.gateway",
    "mesh_service.name",
    "mesh_service.namespace",
    "mesh_service.object_name",
    "mesh_service.route.mirror.service",
    "mesh_service.route.to.service",
    "mesh_service.service_account",
];

/// The forms in which a text passes the validation of one argument or another. Each contains the same planted text.
fn forms(planted: &str) -> [String; 6] {
    [
        planted.to_owned(),
        format!("/{planted}"),
        format!("{planted}.example.com"),
        format!("https://{planted}.example.com"),
        format!("{planted}/account"),
        format!("/etc/{planted}.pem"),
    ]
}

/// Calls `visit` with the path of each string in a value, without indexes and keys, and with the string.
fn visit_strings(value: &mut Value, at: &str, visit: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::String(_) => visit(at, value),
        Value::List(items) => items.iter_mut().for_each(|item| visit_strings(item, at, visit)),
        Value::Map(members) => {
            for (name, member) in members {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                visit_strings(member, &path, visit);
            }
        }
        _ => {}
    }
}

/// The value with a text in place of its string number `position`.
fn with_text(value: &Value, position: usize, text: &str) -> Value {
    let (mut changed, mut count) = (value.clone(), 0);
    visit_strings(&mut changed, "", &mut |_, string| {
        if count == position {
            *string = Value::string(text);
        }
        count += 1;
    });
    changed
}

#[tokio::test]
async fn values_of_arguments_are_logged_only_where_they_name_objects() {
    let server = ScriptedServer::empty_cluster().await;
    let mut command = binary();
    command.env("TF_LOG_PROVIDER", "trace");
    let mut core = CoreClient::start(command).await;
    let configuration = json!({ "owner": "a", "host": server.url(), "token": "t" });
    let mut planted: BTreeMap<String, String> = BTreeMap::new();
    let (mut seen, mut accepted) = (BTreeSet::new(), BTreeSet::new());
    for (kind, mut value) in resource_values() {
        let mut strings = Vec::new();
        visit_strings(&mut value, "", &mut |path, _| strings.push(format!("{kind}.{path}")));
        for (position, argument) in strings.into_iter().enumerate() {
            if !seen.insert(argument.clone()) {
                continue;
            }
            let text = format!("planted-{}-", planted.len());
            planted.insert(text.clone(), argument.clone());
            for form in forms(&format!("{text}x")) {
                let config = core.with_sorted_sets(&kind, &with_text(&value, position, &form));
                if core.validate_config(&kind, &config).await.iter().any(|diagnostic| diagnostic.starts_with("ERROR")) {
                    continue;
                }
                core.configure(&configuration).await;
                core.plan_config(&kind, None, &config, Vec::new()).await;
                accepted.insert(argument.clone());
            }
        }
    }
    let log = core.plugin.shut_down().await;
    let shown: BTreeSet<&str> =
        planted.iter().filter(|(text, _)| log.contains(*text)).map(|(_, argument)| argument.as_str()).collect();
    assert_eq!(shown, BTreeSet::from(SHOWN));
    assert!(accepted.len() > planted.len() / 2, "most arguments accept one of the forms: {accepted:?}");
}
