# Two SIEMs: one deployment each, which is independent of the other. Each has its own state, ledger, rules, format and pace, so that an outage of
# one SIEM does not delay the other. Each also lists the compartments and reads the events itself: the calls to OCI double (docs/scale.md).

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
  source   = "../.."
  for_each = var.siems

  providers = {
    oci      = oci
    oci.home = oci.home
  }

  # Every name is made from it: a second deployment with the same one fails.
  name             = "epimetheus-${each.key}"
  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  image            = var.image

  syslog_host = each.value.host
  siem_cidrs  = each.value.cidrs
  format      = each.value.format
  rules       = each.value.rules

  # The function's own calls are in the events of the other deployment too. Each summarizes only its own.
  notification_emails = var.notification_emails
}

variable "siems" {
  type = map(object({
    host   = string
    cidrs  = list(string)
    format = string
    rules  = optional(string)
  }))
  description = "Name of each SIEM, as a part of the names of its resources, and its receiver."
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

variable "notification_emails" {
  type        = list(string)
  description = "E-mail addresses that receive alarms and failed runs."
}

output "nat_addresses" {
  description = "Address that each SIEM's firewall must allow."
  value       = { for name, each in module.epimetheus : name => each.nat_address }
}
