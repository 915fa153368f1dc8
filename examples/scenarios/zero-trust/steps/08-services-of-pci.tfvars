# The next namespace: its services first,
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "enforce" }
denied   = { mesh = "dry_run", shop = "enforce", pci = "dry_run" }
