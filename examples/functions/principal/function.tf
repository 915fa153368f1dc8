# An identity for a policy that another tool writes. A mesh with another trust domain than cluster.local names it.
output "payments" {
  value = provider::mesh::principal("pci", "payments", "prod.example.com")
}
