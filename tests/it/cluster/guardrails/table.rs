//! Tables of objects that guardrails refuse or admit, as YAML.

use std::fs;

use serde_json::{Value as Json, json};

use super::GuardedMesh;
use crate::support::{
    api::Api,
    control_plane::{parse_yaml, repository_root},
};

impl GuardedMesh {
    /// Writes each object of the table `file` in a dry run as `api`, and reports every one that isn't answered as the table says.
    pub(super) fn check_table(&self, api: &Api, file: &str) {
        let path = repository_root().join("tests/it/cluster/guardrails").join(file);
        let rows = parse_yaml(&fs::read_to_string(path).expect("reading the table")).remove(0);
        let rows = rows.as_array().expect("a list").clone();
        assert!(rows.len() > 10, "{file} has {} rows", rows.len());
        let mistakes: Vec<String> = rows
            .iter()
            .filter_map(|row| {
                let mut object = row["object"].clone();
                if object["metadata"]["name"].is_null() {
                    object["metadata"]["name"] = json!("x");
                }
                mistake(api, &self.in_team_namespace(&object), row["refused"].as_str())
            })
            .collect();
        assert!(mistakes.is_empty(), "{file}: {} of {} rows\n{}", mistakes.len(), rows.len(), mistakes.join("\n"));
    }
}

/// Describes the difference between the answer to a dry run and the expected one; `None` if there is none. `refused` is a part of
/// the message with which the server has to refuse the object.
pub(super) fn mistake(api: &Api, object: &Json, refused: Option<&str>) -> Option<String> {
    match (api.dry_run(object, "tests"), refused) {
        (Ok(_), None) => None,
        (Ok(_), Some(message)) => Some(format!("admitted instead of {message:?}: {object}")),
        (Err(error), None) => Some(format!("refused: {object}\n  {}", error.message)),
        (Err(error), Some(message)) => {
            let expected = error.code == 403
                && [message, "Ask the mesh team, #mesh."].iter().all(|part| error.message.contains(part));
            (!expected).then(|| format!("{message:?} isn't in the message for {object}\n  {}", error.message))
        }
    }
}

/// What else a team writes: a table for each guardrail, as the team, with the team's rights.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn team_rules() {
    let arguments = "global_names = { other = [\"theirs.example.internal\"] }\n \
                     ingress_hosts = { TEAM = [\"shop.example.com\", \"*.shop.example.com\"] }";
    let guarded = GuardedMesh::new("deny", arguments).enforced();
    guarded.check_table(&guarded.team_api(), "team_rules.yaml");
    guarded.workspace.destroy().expect_success();
}
