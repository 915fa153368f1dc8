# The whole mesh: requests that no policy allows are refused.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "enforce", pci = "enforce" }
denied   = { mesh = "enforce", shop = "enforce", pci = "enforce" }
