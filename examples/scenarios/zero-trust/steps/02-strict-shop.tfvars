# Every caller of shop has a sidecar.
mtls     = { mesh = "permissive", shop = "strict", pci = "permissive" }
services = { shop = "off", pci = "off" }
denied   = { mesh = "audit", shop = "off", pci = "off" }
