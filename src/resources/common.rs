//! Computed attributes of all resource types.

use crate::{
    model,
    schema::{Attr, Map, model::computed},
};

model! {
    /// What every resource computes.
    pub struct CommonOutputs {
        /// The id, as `terraform import` takes it.
        id: Attr<String> = computed(),
        /// The Kubernetes objects of this resource, by `Kind/namespace/name`: compact JSON of the fields that this resource sets,
        /// without `apiVersion`, `kind` and the names, which the key says. A plan shows each field that will be written, a refresh
        /// the live ones. The function `render_yaml` gives manifests that `kubectl apply` takes.
        /// Sensitive values of arguments show here in clear, since Terraform doesn't mark what a provider computes.
        objects: Map<String> = computed(),
    }
}
