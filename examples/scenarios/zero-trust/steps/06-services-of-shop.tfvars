# The services of shop refuse whom they don't allow.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "dry_run" }
denied   = { mesh = "dry_run", shop = "dry_run", pci = "dry_run" }
