# Existing subnet, client certificate with its key in an existing vault, near real time from one schedule per hour.

terraform {
  required_version = ">= 1.5.0"
}

module "epimetheus" {
  source = "../.."

  name             = "epimetheus-soc"
  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  image            = var.image

  # Needs routes to the SIEM and to OCI's services (service gateway or NAT).
  subnet_id                  = var.subnet_id
  network_security_group_ids = var.network_security_group_ids

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

variable "subnet_id" {
  type        = string
  description = "The subnet that the function runs in."
}

variable "network_security_group_ids" {
  type        = list(string)
  default     = []
  description = "The security groups that the function joins."
}

variable "syslog_host" {
  type        = string
  description = "The SIEM's receiver."
}

variable "client_key_secret_ocid" {
  type        = string
  description = "The secret with the key of client.pem, as PEM."
}

output "invoke_command" {
  description = "Runs the function now, and shows its report."
  value       = module.epimetheus.invoke_command
}
