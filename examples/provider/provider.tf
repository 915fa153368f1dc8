terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

# A kubeconfig file. `owner` names this configuration, with one value for each state.
provider "mesh" {
  owner          = "infra-payments/prod"
  config_path    = "~/.kube/config"
  config_context = "prod-eu"

  gateway_namespaces = ["istio-ingress"]
  platform_hosts     = ["observability/otel-collector.observability.svc.cluster.local"]

  # Two revisions of Istio are installed: live checks read the configuration of both.
  revisions = ["default", "canary"]

  labels = {
    team = "payments"
  }
  annotations = {
    "example.com/runbook" = "https://runbooks.example.com/payments"
  }

  # Every service has a global name, by which callers in other namespaces reach it; `calls` lists it too.
  global_name_template = "{name}.{namespace}.example.internal"

  # Live checks: this team deploys workloads later, and a plan that hides a live service from a namespace fails.
  checks = {
    IST0127               = "off"
    "narrowed-visibility" = "error"
  }

  # Facts about the installed mesh, from a file of the platform team as in examples/scenarios/three-states.
  installed {
    outbound_traffic_policy = "registry_only"
    dns_capture             = true
  }

  # Defaults of every mesh_service.
  defaults {
    resiliency         = "medium"
    request_timeout    = "10s"
    authorization_mode = "enforce"
  }
}

# A second cluster: one alias for each. Resources choose it by `provider = mesh.us`.
provider "mesh" {
  alias                  = "us"
  owner                  = "infra-payments/prod"
  host                   = "https://prod-us.example.com:6443"
  cluster_ca_certificate = var.prod_us_ca
  token                  = var.prod_us_token
}

# A client certificate, and a mesh whose names are not Istio's defaults.
provider "mesh" {
  alias                  = "asia"
  owner                  = "infra-payments/prod"
  host                   = "https://10.0.0.10:6443"
  tls_server_name        = "prod-asia.example.com"
  cluster_ca_certificate = var.prod_asia_ca
  client_certificate     = var.prod_asia_client_certificate
  client_key             = var.prod_asia_client_key

  # The arguments aren't recorded in annotations, because some readers of the cluster must not see them.
  record_arguments = false

  root_namespace = "istio-config"
  cluster_domain = "asia.local"
  trust_domain   = "example.com"

  # Other configurations create the global names; the template gives their form.
  global_name_template = "{name}.{namespace}.asia.example.internal"
  global_names         = false
}

# Several kubeconfig files, merged, with user and cluster chosen independently of a context.
provider "mesh" {
  alias                    = "merged"
  owner                    = "infra-payments/prod"
  config_paths             = ["/etc/kube/clusters.yaml", "/etc/kube/users.yaml"]
  config_context_cluster   = "prod-eu"
  config_context_auth_info = "pipeline"
}

# A cluster on your own machine whose certificate can't be verified. Never for a cluster that matters.
provider "mesh" {
  alias    = "laptop"
  owner    = "laptop"
  host     = "https://127.0.0.1:6443"
  token    = var.laptop_token
  insecure = true

  # Plan even while it is switched off.
  on_unreadable = "warn"
  # Take fields of Services from other field managers that set another value.
  force_conflicts = true
}

# An exec plugin, which runs again when its credentials expire, and a proxy.
provider "mesh" {
  alias                  = "eks"
  owner                  = "infra-payments/prod"
  host                   = "https://abc.eks.example.com"
  cluster_ca_certificate = var.eks_ca
  proxy_url              = "http://proxy.example.com:3128"

  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "aws"
    args        = ["eks", "get-token", "--cluster-name", "prod-eks"]
    env = {
      AWS_PROFILE = "prod"
    }
  }
}

# Terraform runs in a pod of the cluster, as the pod's service account.
provider "mesh" {
  alias      = "here"
  owner      = "infra-payments/prod"
  in_cluster = true
}

variable "eks_ca" {
  type = string
}

variable "prod_us_ca" {
  type = string
}

variable "prod_us_token" {
  type      = string
  sensitive = true
}

variable "prod_asia_ca" {
  type = string
}

variable "prod_asia_client_certificate" {
  type = string
}

variable "prod_asia_client_key" {
  type      = string
  sensitive = true
}

variable "laptop_token" {
  type      = string
  sensitive = true
}

# Plans of new resources without a cluster, for checks in a pipeline that has no access to it.
provider "mesh" {
  alias   = "offline"
  owner   = "infra-payments/prod"
  offline = true
}
