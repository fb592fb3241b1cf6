# Connector Hub: events of this region arrive within about a minute, and a stream keeps them for a week while the SIEM is down. The schedules
# remain: they send what was not pushed, and read the other regions (docs/deploy.md).

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
  siem_cidrs  = var.siem_cidrs

  push_enabled        = true
  push_stream_enabled = true

  # Events that were pushed are not sent again, so runs have little to do.
  interval_minutes = 30

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
  description = "Region that the functions run in, like eu-frankfurt-1. Only its events are pushed."
}

variable "home_region" {
  type        = string
  description = "Home region of the tenancy, in which dynamic groups and policies are created. IAM and sign-on events are recorded there."
}

variable "image" {
  type        = string
  description = "Image of the functions: HOST/NAMESPACE/REPOSITORY:TAG."
}

variable "syslog_host" {
  type        = string
  description = "Host name or IP address of the syslog receiver."
}

variable "siem_cidrs" {
  type        = list(string)
  description = "CIDR blocks of the SIEM."
}

variable "notification_emails" {
  type        = list(string)
  description = "E-mail addresses that receive alarms and failed runs."
}

output "nat_address" {
  description = "Address that the SIEM's firewall must allow."
  value       = module.epimetheus.nat_address
}

output "commands" {
  description = "Commands for everyday work."
  value       = module.epimetheus.commands
}
