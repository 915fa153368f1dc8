import {
  to = mesh_namespace.shop
  identity = {
    name = "storefront"
  }
}
