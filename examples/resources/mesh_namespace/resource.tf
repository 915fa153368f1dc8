# A team's namespace. It is destroyed only once it holds nothing that somebody else made.
resource "mesh_namespace" "shop" {
  name      = "storefront"
  team      = "shop"
  injection = true

  # What workloads may call where their service doesn't say it, beside the namespace itself.
  calls = ["pci/payments", "api.stripe.com"]

  # What calls doesn't list fails, whatever the mesh does with calls of unknown hosts.
  outbound_traffic_policy = "registry_only"

  # "dry_run" counts what "enforce" would refuse.
  authorization_mode = "enforce"

  mtls {
    mode = "strict"

    # Scraped by a job without a sidecar.
    exception {
      service     = "legacy"
      selector    = { app = "legacy" }
      port        = 80
      target_port = 8080
      mode        = "permissive"
    }
  }

  # Workloads, traffic settings and authorization are theirs; what is encrypted isn't.
  rbac {
    cluster_role     = "mesh-app-team"
    groups           = ["shop-developers"]
    users            = ["jane@example.com"]
    service_accounts = ["ci/shop-pipeline"]
  }

  labels      = { "pod-security.kubernetes.io/enforce" = "baseline" }
  annotations = { "example.com/cost-centre" = "4711" }

  adopt_existing   = false
  adopt_from_owner = "infra-old/prod"
  force_destroy    = false

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "10m"
  }
}

# Somebody else's: only what is written here is this resource's.
resource "mesh_namespace" "reporting" {
  name     = "reporting"
  create   = false
  revision = "stable"
}
