import {
  to = mesh_global_defaults.this
  id = "default"
}
