import {
  to = mesh_namespace.shop
  id = "storefront"
}
