# A canary release: one request in ten goes to the new version, and testers always get it. To continue, change the weights;
# at the end, remove the block of the old version. Routes never name a missing version.
resource "mesh_service" "cart" {
  name           = "cart"
  namespace      = "shop"
  settle_seconds = 3

  port {
    number   = 8080
    protocol = "http"
  }

  # Pods of both versions carry the labels of the service, { app = "cart" }, and these.
  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 90
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 10
  }

  route {
    name = "testers"
    match {
      headers = { x-tester = "*" }
    }
    to {
      version = "v2"
    }
  }
}
