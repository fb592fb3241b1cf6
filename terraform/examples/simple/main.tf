# Creates everything: network, bucket, function, schedules, policies, alarms. Copy it, or fill in terraform.tfvars and apply it here.

terraform {
  required_version = ">= 1.5.0"
}

module "epimetheus" {
  source = "../.."

  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  image            = var.image

  syslog_host = var.syslog_host
  syslog_ca   = var.syslog_ca_file == null ? null : file(var.syslog_ca_file)

  # Recipients of alarms.
  notification_emails = var.notification_emails
}

variable "tenancy_ocid" {
  type        = string
  description = "The tenancy whose events are forwarded."
}

variable "compartment_ocid" {
  type        = string
  description = "The compartment that everything is made in."
}

variable "region" {
  type        = string
  description = "The region that the function runs in, like eu-frankfurt-1."
}

variable "image" {
  type        = string
  description = "The function's image: HOST/NAMESPACE/REPOSITORY:TAG."
}

variable "syslog_host" {
  type        = string
  description = "The SIEM's receiver."
}

variable "syslog_ca_file" {
  type        = string
  default     = null
  description = "A PEM file to verify the receiver's certificate with; by default the system's store."
}

variable "notification_emails" {
  type        = list(string)
  default     = []
  description = "Who is told of alarms and failed runs."
}

output "invoke_command" {
  description = "Runs the function now, and shows its report."
  value       = module.epimetheus.invoke_command
}

output "log_searches" {
  description = "Queries for Logging's search, advanced mode."
  value       = module.epimetheus.log_searches
}
