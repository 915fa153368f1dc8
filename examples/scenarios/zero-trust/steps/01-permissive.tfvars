# Encrypt where both sides can, refuse nothing, and mark requests for access logs.
mtls     = { mesh = "permissive", shop = "permissive", pci = "permissive" }
services = { shop = "off", pci = "off" }
denied   = { mesh = "audit", shop = "off", pci = "off" }
