//! Computed attributes of all resource types.

use crate::{
    model,
    schema::{Attr, Map, model::computed},
};

model! {
    /// The computed attributes of every resource.
    pub struct CommonOutputs {
        /// Id of the resource, as `terraform import` takes it.
        id: Attr<String> = computed(),
        /// Kubernetes objects of this resource: `Kind/namespace/name` to compact JSON of the fields that the resource manages,
        /// without `apiVersion`, `kind` and names, which the key gives. A plan shows the objects that will be written, and after a
        /// refresh the objects in the cluster. The function `render_yaml` turns them into manifests for `kubectl apply`. Sensitive
        /// values of arguments are shown in clear text, because Terraform doesn't mark values that a provider computes.
        objects: Map<String> = computed(),
    }
}
