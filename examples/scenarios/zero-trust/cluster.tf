# Whether the mesh is closed, as the cluster says. A plan warns as long as it isn't, with what to do next.
data "mesh_cluster" "this" {
  namespaces = ["shop", "pci"]

  depends_on = [mesh_global_defaults.this]
}

check "mesh_is_closed" {
  assert {
    condition = !anytrue([
      for finding in data.mesh_cluster.this.findings :
      contains(["missing-deny-all", "open-policy", "permissive-mtls"], finding.code)
    ])
    error_message = join("\n", [
      for finding in data.mesh_cluster.this.findings : "${finding.summary} ${finding.remedy}" if finding.severity == "high"
    ])
  }
}
