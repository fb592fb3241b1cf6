output "function_ocid" {
  description = "OCID of the function."
  value       = oci_functions_function.this.id
}

output "application_ocid" {
  description = "OCID of the application of the function."
  value       = oci_functions_application.this.id
}

output "invoke_command" {
  description = "Command that runs the function now and prints its report."
  value       = local.invoke
}

output "nat_address" {
  description = "Address that connections to the SIEM come from, for its firewall. Null with subnet_ocid."
  value       = one(oci_core_nat_gateway.this[*].nat_ip)
}

# With the settings of the function, and the OCI CLI's credentials.
output "commands" {
  description = "Commands for everyday work."
  value = {
    run    = local.invoke
    health = replace(local.invoke, "--body ''", "--body '{\"action\": \"health\"}'")
    runs   = "epimetheus runs --log ${local.log}"
    state  = "epimetheus state show --function ${oci_functions_function.this.id}"
    check  = "epimetheus validate --function ${oci_functions_function.this.id}"
    verify = "epimetheus verify --from 24h --function ${oci_functions_function.this.id}"
  }
}

output "bucket" {
  description = "Bucket with the state: one object for each region, under STATE_PREFIX."
  value       = oci_objectstorage_bucket.state.name
}

output "ledger_bucket" {
  description = "Bucket with the ledger and the seals, under STATE_PREFIX, ledger/ and seals/."
  value       = local.ledger_bucket
}

output "seal_public_key" {
  description = "Public key of the seals for `epimetheus verify --public-key`, from the variable of the same name."
  value       = var.seal_public_key
}

output "namespace" {
  description = "Object Storage namespace of the bucket."
  value       = local.namespace
}

output "config_bytes" {
  description = "Maximum size of the function's configuration in bytes. The limit is 4096."
  value       = local.config_bytes
}

output "schedules" {
  description = "Schedules that start the function: cron expression in UTC → OCID."
  value       = { for each in oci_resource_scheduler_schedule.run : each.recurrence_details => each.id }
}

output "topic_ocid" {
  description = "OCID of the topic for alarms and failed runs."
  value       = oci_ons_notification_topic.this.id
}

output "log" {
  description = "Log of the runs, as `epimetheus runs --log` expects it."
  value       = local.log
}

# The provider cannot create saved searches: these queries are for pasting.
output "log_searches" {
  description = "Queries for Logging search in advanced mode."
  value = {
    everything = "search \"${local.log}\" | sort by datetime desc"
    runs       = "search \"${local.log}\" | where data.event = 'run' | sort by datetime desc"
    problems   = "search \"${local.log}\" | where data.level = 'WARNING' or data.level = 'ERROR' | sort by datetime desc"
  }
}

output "metric_queries" {
  description = "Queries for the Metrics Explorer of Monitoring, in the namespace of the metrics."
  value       = { for widget in local.widgets : widget.name => widget.query }
}

# The provider has no resource for a single widget, and OCI does not document the format of a widget: docs/operate.md has the steps.
output "dashboard" {
  description = "Widgets of a dashboard for the console, in order. docs/operate.md describes how to create it."
  value = {
    compartment_ocid = local.metrics_compartment
    namespace        = var.metrics_namespace
    widgets          = [for widget in local.widgets : { title = widget.title, chart = widget.chart, query = widget.query }]
  }
}

output "policy_statements" {
  description = "Policy statements that the module creates."
  value = concat(
    oci_identity_policy.function.statements,
    oci_identity_policy.function_resources.statements,
    oci_identity_policy.schedules.statements,
    oci_identity_policy.services.statements,
    flatten(oci_identity_policy.keys[*].statements),
  )
}

locals {
  invoke = "oci fn function invoke --region ${var.region} --function-id ${oci_functions_function.this.id} --file - --body ''"
  log    = "${var.compartment_ocid}/${oci_logging_log_group.this.id}/${oci_logging_log.invocations.id}"
}
