//! What is measured: so many services in so many namespaces.

use std::fmt;

use serde_json::Value as Json;
use terraform_provider_mesh::object::from_text;

use super::{
    floor::{WrittenObjects, request_floor, terraform_floor},
    steps::{Step, run_steps, time, workspace},
    usage::usage_of,
};
use crate::support::{control_plane::ControlPlane, terraform::Workspace, users::Grant};

const SERVICES: &str = r#"
resource "mesh_service" "many_INDEX" {
  count     = SERVICES
  name      = "cart-${count.index}"
  namespace = "NAMESPACE"
  service   = "managed"
  calls     = ["catalog"]ARGUMENTS

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["web", "shop/checkout"]
    methods = ["GET", "POST"]
  }
}
"#;

/// Two versions of a service, by which its changes take several steps.
const VERSIONS: &str = r#"

  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 90
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 10
  }"#;

/// The services of one measurement.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) services: usize,
    pub(super) namespaces: usize,
    pub(super) versions: bool,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}{}", self.services, self.namespaces, if self.versions { ", versions" } else { "" })
    }
}

impl Load {
    /// Measures all steps on `plane`, and prints a row of the table for each.
    pub(super) fn measure(self, plane: &ControlPlane) {
        let namespaces = self.create_namespaces(plane);
        let grants =
            namespaces.iter().flat_map(|name| [Grant::AppTeam, Grant::LiveChecks].map(|grant| (grant, name.as_str())));
        let user = plane.user_with_grants(&namespaces[0], &grants.collect::<Vec<_>>());
        let kubeconfig = plane.kubeconfig(&user);
        let workspace = workspace();
        workspace.write_file("kubeconfig", &kubeconfig);

        let (mut rows, mut objects) = (Vec::new(), WrittenObjects::default());
        run_steps(
            &workspace,
            |is_changed| self.hcl(&namespaces, is_changed),
            |step, run| {
                plane.new_audit_events(&user);
                let (wall, usage) = usage_of(|| time(run));
                rows.push((step, wall, usage, plane.new_audit_events(&user).len()));
                match step {
                    Step::Apply => objects.created = objects_of(&workspace),
                    Step::Change => objects.changed = objects_of(&workspace),
                    _ => {}
                }
            },
        );
        let terraform = terraform_floor(self.services);
        let bare = request_floor(&kubeconfig, &objects);
        for (step, wall, usage, requests) in rows {
            let [wall, terraform, bare] = [wall, terraform[&step], bare[&step]].map(|time| time.as_secs_f64());
            let [terraform_cpu, cpu] = [usage.terraform_cpu, usage.provider_cpu].map(|time| time.as_secs_f64());
            let ratio = wall / (terraform + bare);
            println!(
                "| {self} | {} | {wall:.2} s | {terraform:.2} s | {bare:.2} s | {ratio:.2} | {terraform_cpu:.2} s | {cpu:.2} s | {requests} | {} MiB |",
                step.name(),
                usage.provider_memory
            );
        }
    }

    fn create_namespaces(self, plane: &ControlPlane) -> Vec<String> {
        let prefix =
            format!("bench-{}-{}{}", self.services, self.namespaces, if self.versions { "-versions" } else { "" });
        let names: Vec<String> = (0..self.namespaces).map(|index| format!("{prefix}-{index}")).collect();
        for name in &names {
            plane.create_namespace(name);
        }
        names
    }

    /// The configuration of the services; after the change, each has another timeout.
    fn hcl(self, namespaces: &[String], is_changed: bool) -> String {
        let mut hcl =
            "terraform {\n  required_providers {\n    mesh = { source = \"mesh-provider/mesh\" }\n  }\n}\n".to_owned();
        hcl.push_str("provider \"mesh\" {\n  owner       = \"bench\"\n  config_path = \"kubeconfig\"\n}\n");
        let mut arguments = if is_changed { "\n  request_timeout = \"7s\"".to_owned() } else { String::new() };
        arguments.push_str(if self.versions { VERSIONS } else { "" });
        for (index, namespace) in namespaces.iter().enumerate() {
            let services = (self.services / self.namespaces).to_string();
            let block = SERVICES.replace("INDEX", &index.to_string()).replace("SERVICES", &services);
            hcl.push_str(&block.replace("NAMESPACE", namespace).replace("ARGUMENTS", &arguments));
        }
        hcl
    }
}

/// The objects in the state, as their resources write them.
fn objects_of(workspace: &Workspace) -> Vec<Json> {
    let resources = workspace.resources();
    let objects = resources.iter().flat_map(|(_, values)| values["objects"].as_object().into_iter().flatten());
    let whole = |(key, body): (&String, &Json)| {
        from_text(&key.parse().expect("a key"), body.as_str().expect("text")).expect("an object")
    };
    objects.map(whole).collect()
}
