# Creates everything: network, buckets, function, schedules, policies, alarms. Copy this file, or write terraform.tfvars and apply it here.

terraform {
  required_version = ">= 1.5.0"

  required_providers {
    oci = {
      source  = "oracle/oci"
      version = ">= 8.11.0, < 9.0.0"
    }
  }
}

provider "oci" {
  region              = var.region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

provider "oci" {
  alias               = "home"
  region              = var.home_region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

module "epimetheus" {
  source = "../.."

  providers = {
    oci      = oci
    oci.home = oci.home
  }

  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  image            = var.image

  syslog_host = var.syslog_host
  syslog_ca   = var.syslog_ca_file == null ? null : file(var.syslog_ca_file)

  notification_emails = var.notification_emails
}

variable "tenancy_ocid" {
  type        = string
  description = "Tenancy whose events are forwarded."
}

variable "compartment_ocid" {
  type        = string
  description = "Compartment of the resources."
}

variable "region" {
  type        = string
  description = "Region that the function runs in, like eu-frankfurt-1."
}

variable "home_region" {
  type        = string
  description = "Home region of the tenancy, in which dynamic groups and policies are created."
}

variable "image" {
  type        = string
  description = "Image of the function: HOST/NAMESPACE/REPOSITORY:TAG."
}

variable "syslog_host" {
  type        = string
  description = "Host name or IP address of the syslog receiver."
}

variable "syslog_ca_file" {
  type        = string
  default     = null
  description = "PEM file with the CA certificates that verify the receiver's certificate. Default: the system trust store."
}

variable "notification_emails" {
  type        = list(string)
  default     = []
  description = "E-mail addresses that receive alarms and failed runs."
}

output "invoke_command" {
  description = "Command that runs the function now and prints its report."
  value       = module.epimetheus.invoke_command
}

output "log_searches" {
  description = "Queries for Logging search in advanced mode."
  value       = module.epimetheus.log_searches
}
