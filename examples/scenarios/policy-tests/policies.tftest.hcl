# Rules that every change of the services must keep. Plans of new resources need no cluster.
provider "mesh" {
  owner   = "tests"
  offline = true
  defaults {
    resiliency = "medium"
  }
}

run "no_service_is_open_to_the_mesh" {
  command = plan

  assert {
    condition = alltrue([
      for service in [mesh_service.web, mesh_service.payments] :
      length(setintersection(service.effective_callers, ["*", "anonymous"])) == 0
    ])
    error_message = "A service admits every workload of the mesh."
  }
}

run "only_checkout_calls_payments" {
  command = plan

  assert {
    condition     = mesh_service.payments.effective_callers == toset(["shop/checkout"])
    error_message = "Callers of payments: ${join(", ", mesh_service.payments.effective_callers)}."
  }
}

run "every_service_has_a_preset" {
  command = plan

  assert {
    condition = alltrue([
      for service in [mesh_service.web, mesh_service.payments] : service.effective_resiliency != null
    ])
    error_message = "A service has no resiliency preset."
  }
}

# The objects themselves, as they would be written.
run "payments_takes_charges_alone" {
  command = plan

  assert {
    condition     = output.payments_policy.spec.rules[0].to[0].operation.paths == ["/charges"]
    error_message = "The policy of payments admits other paths."
  }
}
