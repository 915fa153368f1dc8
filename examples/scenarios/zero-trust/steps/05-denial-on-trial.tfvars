# Proxies count who would be refused, now that the services' policies are part of the trial.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "dry_run", pci = "dry_run" }
denied   = { mesh = "dry_run", shop = "dry_run", pci = "dry_run" }
