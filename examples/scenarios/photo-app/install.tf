# What the platform team installs Istio with. Nothing here is applied: the values go to the chart `istiod`.
data "mesh_install_config" "this" {
  access_log {}
}

output "istiod_values" {
  description = "Values of the Helm chart `istiod`."
  value       = data.mesh_install_config.this.helm_values["istiod"]
}
