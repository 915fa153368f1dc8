# The whole mesh: whatever nobody allows is refused.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "enforce" }
denied   = { mesh = "enforce", shop = "enforce", pci = "enforce" }
