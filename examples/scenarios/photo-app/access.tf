# Who may call the datastore, by all policies in the cluster, of other tools too. A plan warns as soon as another workload may.
data "mesh_access" "datastore" {
  namespace = "datastore"
  service   = "datastore"

  depends_on = [mesh_service.datastore, mesh_global_defaults.this]
}

check "callers_of_the_datastore" {
  assert {
    condition = (
      var.global_authorization != "enforce" ||
      data.mesh_access.datastore.callers == toset(["photo/photo-backend"])
    )
    error_message = "Callers of the datastore: ${join(", ", data.mesh_access.datastore.callers)}."
  }
}
