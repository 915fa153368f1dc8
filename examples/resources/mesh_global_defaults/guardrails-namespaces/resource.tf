# No namespace evades the guardrails: a new one has the label that selects it, and none loses it. It holds in the whole cluster.
resource "mesh_global_defaults" "this" {
  guardrails {
    team_rules               = true
    require_namespace_labels = true
    namespace_selector       = { "example.com/mesh-guardrails" = "on" }
    exempt_groups            = ["platform-pipelines"]
  }
}
