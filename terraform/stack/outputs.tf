# Written by python -m tests.terraform.stack.

output "function_ocid" {
  description = "OCID of the function."
  value       = module.epimetheus.function_ocid
}

output "application_ocid" {
  description = "OCID of the application of the function."
  value       = module.epimetheus.application_ocid
}

output "invoke_command" {
  description = "Command that runs the function now and prints its report."
  value       = module.epimetheus.invoke_command
}

output "nat_address" {
  description = "Address that connections to the SIEM come from, for its firewall. Null with subnet_ocid."
  value       = module.epimetheus.nat_address
}

output "commands" {
  description = "Commands for everyday work."
  value       = module.epimetheus.commands
}

output "bucket" {
  description = "Bucket with the state: one object for each region, under STATE_PREFIX."
  value       = module.epimetheus.bucket
}

output "ledger_bucket" {
  description = "Bucket with the ledger and the seals, under STATE_PREFIX, ledger/ and seals/."
  value       = module.epimetheus.ledger_bucket
}

output "seal_public_key" {
  description = "Public key of the seals for `epimetheus verify --public-key`, from the variable of the same name."
  value       = module.epimetheus.seal_public_key
}

output "namespace" {
  description = "Object Storage namespace of the bucket."
  value       = module.epimetheus.namespace
}

output "config_bytes" {
  description = "Maximum size of the function's configuration in bytes. The limit is 4096."
  value       = module.epimetheus.config_bytes
}

output "schedules" {
  description = "Schedules that start the function: cron expression in UTC → OCID."
  value       = module.epimetheus.schedules
}

output "topic_ocid" {
  description = "OCID of the topic for alarms and failed runs."
  value       = module.epimetheus.topic_ocid
}

output "log" {
  description = "Log of the runs, as `epimetheus runs --log` expects it."
  value       = module.epimetheus.log
}

output "log_searches" {
  description = "Queries for Logging search in advanced mode."
  value       = module.epimetheus.log_searches
}

output "metric_queries" {
  description = "Queries for the Metrics Explorer of Monitoring, in the namespace of the metrics."
  value       = module.epimetheus.metric_queries
}

output "dashboard" {
  description = "Widgets of a dashboard for the console, in order. docs/operate.md describes how to create it."
  value       = module.epimetheus.dashboard
}

output "policy_statements" {
  description = "Policy statements that the module creates."
  value       = module.epimetheus.policy_statements
}
