variable "owner" {
  description = "Who this configuration is: one value for each state."
  type        = string
  default     = "photo-app/demo"
}

variable "backend_resiliency" {
  description = "Resiliency preset of photo-backend: low, medium, high or none. Change it to see a plan."
  type        = string
  default     = "medium"
}

variable "global_authorization" {
  description = "What happens to calls that no policy allows: off, audit, dry_run or enforce."
  type        = string
  default     = "enforce"
}
