# Guardrails for the objects of teams. Start with "warn".
resource "mesh_global_defaults" "this" {
  guardrails {
    root_only  = ["PeerAuthentication", "RequestAuthentication", "Telemetry", "EnvoyFilter"]
    team_rules = true
    action     = "deny"

    # Pods stay behind their proxies, and objects of the platform stay as they are.
    workload_rules           = true
    protect_platform_objects = true
    pod_annotations = {
      "traffic.sidecar.istio.io/excludeOutboundPorts" = ["3306"]
    }

    # The platform's own pipeline, which makes exceptions.
    exempt_groups = ["platform-pipelines"]

    # Namespace by namespace: those that the platform has labelled.
    namespace_selector = { "example.com/mesh-guardrails" = "on" }

    # Names that the provider's global_name_template doesn't make.
    global_names = {
      pci = ["payments.example.internal"]
    }
    # Hosts of gateways that a team may route.
    ingress_hosts = {
      shop = ["shop.example.com", "*.shop.example.com"]
    }
    contact = "the platform team, #mesh"
  }
}
