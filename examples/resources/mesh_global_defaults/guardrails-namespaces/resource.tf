# Guardrails for namespaces: a new Namespace must have the labels that select it, and none may lose them. This applies to the
# whole cluster.
resource "mesh_global_defaults" "this" {
  guardrails {
    team_rules               = true
    require_namespace_labels = true
    namespace_selector       = { "example.com/mesh-guardrails" = "on" }
    exempt_groups            = ["platform-pipelines"]
  }
}
