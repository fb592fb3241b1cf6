# OCI schedules are hourly at most: a shorter interval takes several of them, minutes apart. A schedule that "succeeded" has only
# submitted the call; the result is in the function's log and metrics.

resource "oci_resource_scheduler_schedule" "run" {
  for_each = local.crons

  compartment_id     = var.compartment_ocid
  display_name       = "${var.name}-${each.key}"
  description        = "Starts Epimetheus at minute ${each.key} of every hour."
  action             = "START_RESOURCE"
  recurrence_type    = "CRON"
  recurrence_details = each.value
  state              = var.schedule_enabled ? "ACTIVE" : "INACTIVE"
  defined_tags       = local.defined_tags
  freeform_tags      = var.freeform_tags

  resources {
    id = oci_functions_function.this.id

    parameters {
      parameter_type = "BODY"
      value          = [local.request]
    }
  }
}
