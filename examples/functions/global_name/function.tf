# The name under which every namespace reaches a service, by the provider's template.
output "payments_name" {
  value = provider::mesh::global_name("{name}.{namespace}.example.internal", "payments", "pci")
}
