# The mesh is installed with an access log whose lines name both identities, and the policies on trial that would refuse a request.
data "mesh_install_config" "this" {
  access_log {}
}

output "istiod_values" {
  description = "Values of the Helm chart `istiod`."
  value       = data.mesh_install_config.this.helm_values["istiod"]
}
