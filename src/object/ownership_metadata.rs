//! Names that the provider leaves on its objects: the field manager, labels and annotations. They are an interface: objects
//! in clusters carry them, so none of the values may change.

/// The field manager of every write, as `managedFields` names it. All resources and owners share it: the annotations tell
/// them apart.
pub const FIELD_MANAGER: &str = "terraform-provider-mesh";

/// Names of the Terraform resource types, with which the values of [`annotation::RESOURCE`] begin.
pub mod resource_type {
    /// `mesh_service`.
    pub const SERVICE: &str = "mesh_service";
    /// `mesh_external_service`.
    pub const EXTERNAL_SERVICE: &str = "mesh_external_service";
    /// `mesh_gateway`.
    pub const GATEWAY: &str = "mesh_gateway";
    /// `mesh_namespace`.
    pub const NAMESPACE: &str = "mesh_namespace";
    /// `mesh_global_defaults`.
    pub const GLOBAL_DEFAULTS: &str = "mesh_global_defaults";
}

/// Keys of the labels that the provider sets.
pub mod label {
    /// `"true"` on every object that the provider created. An import lists objects by it.
    pub const MANAGED: &str = "terraform-provider-mesh/managed";
}

/// Keys of the annotations by which the provider recognizes its objects.
pub mod annotation {
    /// The `owner` of the provider block.
    pub const OWNER: &str = "terraform-provider-mesh/owner";
    /// The resource that manages the object: `mesh_service/pci/payments`.
    pub const RESOURCE: &str = "terraform-provider-mesh/resource";
    /// The random id of one instance of a resource, from its create to its destroy.
    pub const INSTANCE: &str = "terraform-provider-mesh/instance";
    /// The arguments as written, on one object of each resource. An import reads them.
    pub const ARGUMENTS: &str = "terraform-provider-mesh/arguments";
    /// `"true"` on an object that another tool had made before the resource took it over, of the kinds that are released and not
    /// deleted then. The state can't be the only place that says so: it is lost where the first apply is killed.
    pub const ADOPTED: &str = "terraform-provider-mesh/adopted";
}

/// Whether the provider uses the label or annotation `key` to recognize its objects. Such keys are never part of the
/// `objects` attribute.
pub fn is_ownership_key(key: &str) -> bool {
    [
        label::MANAGED,
        annotation::OWNER,
        annotation::RESOURCE,
        annotation::INSTANCE,
        annotation::ARGUMENTS,
        annotation::ADOPTED,
    ]
    .contains(&key)
}

/// Returns the value of [`annotation::RESOURCE`] for a resource: `mesh_service/pci/payments`.
pub fn resource_name(resource_type: &str, id: &str) -> String {
    format!("{resource_type}/{id}")
}

/// Returns the id in a value of [`annotation::RESOURCE`], if that names a resource of `resource_type`.
pub fn resource_id<'a>(resource_type: &str, resource_name: &'a str) -> Option<&'a str> {
    resource_name.strip_prefix(resource_type)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_id_reads_what_resource_name_writes() {
        let name = resource_name(resource_type::SERVICE, "pci/payments");
        assert_eq!(name, "mesh_service/pci/payments");
        assert_eq!(resource_id(resource_type::SERVICE, &name), Some("pci/payments"));
        assert_eq!(resource_id(resource_type::NAMESPACE, &name), None);
        assert_eq!(resource_id("mesh_serv", &name), None);
    }
}
