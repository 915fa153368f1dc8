# So does everything else in shop.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "dry_run" }
denied   = { mesh = "dry_run", shop = "enforce", pci = "dry_run" }
