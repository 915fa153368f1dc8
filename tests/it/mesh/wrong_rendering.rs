//! Deliberately wrong renderings: a scenario that doesn't notice one of them proves nothing about it.

use serde_json::Value as Json;
use terraform_provider_mesh::object::Key;

use crate::support::{mesh::Mesh, proxy::Proxy, terraform::Workspace};

/// A rendering that is wrong in one point.
pub(super) struct WrongRendering<N> {
    pub(super) name: &'static str,
    /// The object that is rewritten, as `Kind/namespace/name`.
    pub(super) object: &'static str,
    pub(super) change: fn(&mut Json),
    /// What the scenario observes with it, and not without it.
    pub(super) noticed_by: N,
}

impl<N> WrongRendering<N> {
    /// Lets Terraform write the object so, as [`apply_wrong_rendering`] does.
    pub(super) fn apply(&self, mesh: &Mesh, proxy: &Proxy, workspace: &Workspace) {
        eprintln!("wrong rendering: {}", self.name);
        apply_wrong_rendering((mesh, proxy, workspace), self.object, self.change);
    }
}

/// Deletes an object (`Kind/namespace/name`), and lets Terraform make it again through a proxy that rewrites it.
///
/// The workspace's kubeconfig must be the proxy's. [`repair`] ends it.
pub(super) fn apply_wrong_rendering(
    (mesh, proxy, workspace): (&Mesh, &Proxy, &Workspace),
    object: &'static str,
    change: fn(&mut Json),
) {
    let key: Key = object.parse().expect("a key");
    proxy.reset();
    proxy.rewrite_objects(move |written| {
        let metadata = &written["metadata"];
        let named = format!("{}/{}/{}", written["kind"], metadata["namespace"], metadata["name"]).replace('"', "");
        if named == object {
            change(written);
        }
    });
    mesh.api().delete(&key);
    workspace.apply().expect_success();
}

/// Lets Terraform write its objects as they should be.
pub(super) fn repair(proxy: &Proxy, workspace: &Workspace) {
    proxy.reset();
    workspace.converge();
}

/// Removes a field, which must be there.
pub(super) fn remove(object: &mut Json, field: &str) {
    object.as_object_mut().expect("an object").remove(field).expect("the field is there");
}
