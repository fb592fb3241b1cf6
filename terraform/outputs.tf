output "function_ocid" {
  description = "The function."
  value       = oci_functions_function.this.id
}

output "application_ocid" {
  description = "The application that the function belongs to."
  value       = oci_functions_application.this.id
}

output "invoke_command" {
  description = "Runs the function now, and shows its report."
  value       = "oci fn function invoke --region ${var.region} --function-id ${oci_functions_function.this.id} --file - --body ''"
}

output "bucket" {
  description = "The bucket with the state: one object for each region, below STATE_PREFIX."
  value       = oci_objectstorage_bucket.state.name
}

output "namespace" {
  description = "The Object Storage namespace of the bucket."
  value       = local.namespace
}

output "config_bytes" {
  description = "What the function's configuration takes at most; 4096 are allowed."
  value       = local.config_bytes
}

output "schedules" {
  description = "When the function is started: cron, in UTC → the schedule."
  value       = { for each in oci_resource_scheduler_schedule.run : each.recurrence_details => each.id }
}

output "topic_ocid" {
  description = "The topic for alarms and failed runs."
  value       = oci_ons_notification_topic.this.id
}

output "log" {
  description = "Where the runs are logged, as `python -m epimetheus runs --log` wants it."
  value       = local.log
}

# The provider has no saved searches and no dashboards of Monitoring: here is what to paste.
output "log_searches" {
  description = "Queries for Logging's search, advanced mode."
  value = {
    everything = "search \"${local.log}\" | sort by datetime desc"
    runs       = "search \"${local.log}\" | where data.event = 'run' | sort by datetime desc"
    troubles   = "search \"${local.log}\" | where data.level = 'WARNING' or data.level = 'ERROR' | sort by datetime desc"
  }
}

output "metric_queries" {
  description = "Queries for Monitoring's Metrics Explorer, in the namespace of the metrics."
  value = local.metrics_namespace == "" ? {} : {
    lag       = "lag_seconds[${local.window}].groupBy(region).max()"
    forwarded = "events_forwarded[${local.window}].groupBy(region).sum()"
    uncertain = "events_unconfirmed[${local.window}].groupBy(region).sum()"
    throttled = "api_throttled[${local.window}].groupBy(region).sum()"
  }
}

output "policy_statements" {
  description = "What was allowed, and to whom."
  value = concat(
    oci_identity_policy.function.statements,
    oci_identity_policy.schedules.statements,
    oci_identity_policy.services.statements,
  )
}

locals {
  log = "${var.compartment_ocid}/${oci_logging_log_group.this.id}/${oci_logging_log.invocations.id}"
}
