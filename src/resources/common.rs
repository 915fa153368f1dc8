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
        /// The Kubernetes objects of this resource, `Kind/namespace/name` to compact JSON of the fields that are its own. A
        /// plan shows what will be written, and after a refresh what is there, line by line.
        /// Sensitive values of arguments show here in clear, since Terraform doesn't mark what a provider computes.
        objects: Map<String> = computed(),
    }
}
