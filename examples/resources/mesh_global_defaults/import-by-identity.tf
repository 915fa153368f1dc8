import {
  to = mesh_global_defaults.this
  identity = {
    name = "default"
  }
}
