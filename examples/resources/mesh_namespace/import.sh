# The name of the namespace.
terraform import mesh_namespace.shop storefront
