# The address of a service's VirtualService, for a script that looks at it.
output "virtual_service" {
  value = "pci/${provider::mesh::object_name("payments", "pci")}"
}
