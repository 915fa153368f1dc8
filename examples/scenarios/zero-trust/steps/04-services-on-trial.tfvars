# Services list their callers. No request is refused.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "dry_run", pci = "dry_run" }
denied   = { mesh = "audit", shop = "off", pci = "off" }
