# The objects of a service as YAML, for a review or a cluster that Terraform doesn't reach.
output "payments_yaml" {
  value = provider::mesh::render_yaml(mesh_service.payments.objects)
}
