# A dashboard that draws the limit of connections.
output "max_connections" {
  value = provider::mesh::resiliency_preset("medium").max_connections
}
