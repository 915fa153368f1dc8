# Everywhere else too, but for the port that the mainframe calls.
mtls     = { mesh = "strict", shop = "strict", pci = "strict" }
services = { shop = "off", pci = "off" }
denied   = { mesh = "audit", shop = "off", pci = "off" }
