# Facts of the installed mesh, which the provider blocks of all three states take over. The platform team changes them here, and
# nowhere else. `registry_only` is what mesh_global_defaults in platform/ sets; services are hidden from namespaces that may not
# call them only where it holds.
installed = {
  outbound_traffic_policy = "registry_only"
  dns_capture             = true
}
