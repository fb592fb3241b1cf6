# Existing subnet, a client certificate with its key in an existing vault, and near-real-time forwarding with one hourly schedule.

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

  name             = "epimetheus-soc"
  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  image            = var.image

  # The subnet needs routes to the SIEM and to the OCI services (a service gateway or NAT).
  subnet_ocid                  = var.subnet_ocid
  network_security_group_ocids = var.network_security_group_ocids

  syslog_host        = var.syslog_host
  syslog_ca          = file("${path.module}/ca.pem")
  syslog_client_cert = file("${path.module}/client.pem")
  syslog_client_key  = "vault:${var.client_key_secret_ocid}"
  format             = "json"

  interval_minutes            = 60
  detached_timeout_in_seconds = 3600
  follow_seconds              = 3480
  memory_in_mbs               = 512

  freeform_tags = { owner = "soc" }
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

variable "subnet_ocid" {
  type        = string
  description = "Subnet that the function runs in."
}

variable "network_security_group_ocids" {
  type        = list(string)
  default     = []
  description = "Network security groups to add the function to."
}

variable "syslog_host" {
  type        = string
  description = "Host name or IP address of the syslog receiver."
}

variable "client_key_secret_ocid" {
  type        = string
  description = "Secret with the private key of client.pem, in PEM."
}

output "invoke_command" {
  description = "Command that runs the function now and prints its report."
  value       = module.epimetheus.invoke_command
}
