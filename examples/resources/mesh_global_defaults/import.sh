# There is one for each cluster, so its id is a fixed word.
terraform import mesh_global_defaults.this default
