# The address at which a deployment reaches a service.
output "payments_url" {
  value = "http://${provider::mesh::host("payments", "pci")}:8080"
}
