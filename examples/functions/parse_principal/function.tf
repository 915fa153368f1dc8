# The namespaces of all callers.
locals {
  callers    = ["cluster.local/ns/shop/sa/checkout", "cluster.local/ns/reports/sa/nightly"]
  namespaces = toset([for caller in local.callers : provider::mesh::parse_principal(caller).namespace])
}
