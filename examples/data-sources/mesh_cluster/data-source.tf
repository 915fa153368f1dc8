# A plan warns of each serious departure from best practices in the whole mesh.
data "mesh_cluster" "this" {
  fips = true
}

check "best_practices" {
  assert {
    condition     = data.mesh_cluster.this.reachable
    error_message = "Nothing could be checked: ${join(", ", data.mesh_cluster.this.not_visible)}."
  }
  assert {
    condition = !contains(data.mesh_cluster.this.findings[*].severity, "high")
    error_message = join("\n", [
      for finding in data.mesh_cluster.this.findings :
      "${finding.code}: ${finding.object}: ${finding.summary} ${finding.remedy}" if finding.severity == "high"
    ])
  }
}

# A team looks at its own namespace. The rights of its pipeline suffice.
data "mesh_cluster" "shop" {
  namespaces = ["shop"]
}

check "shop" {
  assert {
    condition     = length(data.mesh_cluster.shop.findings) == 0
    error_message = join("\n", [for finding in data.mesh_cluster.shop.findings : "${finding.object}: ${finding.summary}"])
  }
}

output "istio_versions" {
  value = data.mesh_cluster.this.istio_versions
}

output "trust_domains" {
  value = {
    for revision, istio in data.mesh_cluster.this.revisions :
    revision => try(yamldecode(istio.mesh_config).trustDomain, "cluster.local")
  }
}
