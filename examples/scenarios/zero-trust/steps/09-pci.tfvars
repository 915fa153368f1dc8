# then all that is in it.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "enforce" }
denied   = { mesh = "dry_run", shop = "enforce", pci = "enforce" }
