variable "mtls" {
  description = "Whether workloads accept clear text: permissive or strict."
  type        = object({ mesh = string, shop = string, pci = string })
}

variable "services" {
  description = "How far the services' own policies hold: off, dry_run or enforce."
  type        = object({ shop = string, pci = string })
}

variable "denied" {
  description = "What happens to calls that no policy allows: off, audit, dry_run or enforce."
  type        = object({ mesh = string, shop = string, pci = string })
}
