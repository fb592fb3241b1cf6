# A SIEM on premises, over a DRG (FastConnect or Site-to-Site VPN) that exists: a network with routes to the SIEM and to the OCI services,
# and without a way to the internet. Return traffic needs a route to vcn_cidr on your side.

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

data "oci_core_services" "all" {
  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

resource "oci_core_vcn" "siem" {
  compartment_id = var.compartment_ocid
  display_name   = "epimetheus"
  cidr_blocks    = [var.vcn_cidr]
}

resource "oci_core_drg_attachment" "siem" {
  drg_id       = var.drg_ocid
  display_name = "epimetheus"

  network_details {
    id   = oci_core_vcn.siem.id
    type = "VCN"
  }
}

resource "oci_core_service_gateway" "siem" {
  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.siem.id
  display_name   = "epimetheus"

  services {
    service_id = data.oci_core_services.all.services[0].id
  }
}

resource "oci_core_route_table" "siem" {
  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.siem.id
  display_name   = "epimetheus"

  route_rules {
    description       = "To the SIEM."
    destination       = var.siem_cidr
    destination_type  = "CIDR_BLOCK"
    network_entity_id = var.drg_ocid
  }

  route_rules {
    description       = "To OCI services of this region."
    destination       = data.oci_core_services.all.services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.siem.id
  }

  # OCI rejects a route to a gateway that is not attached.
  depends_on = [oci_core_drg_attachment.siem]
}

resource "oci_core_security_list" "siem" {
  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.siem.id
  display_name   = "epimetheus"

  ingress_security_rules {
    description = "Fragmentation needed: without it, connections over a path with a small MTU hang."
    protocol    = "1"
    source      = "0.0.0.0/0"
    source_type = "CIDR_BLOCK"
    stateless   = true

    icmp_options {
      type = 3
      code = 4
    }
  }

  egress_security_rules {
    description      = "Events to the SIEM."
    protocol         = "6"
    destination      = var.siem_cidr
    destination_type = "CIDR_BLOCK"

    tcp_options {
      min = 6514
      max = 6514
    }
  }

  egress_security_rules {
    description      = "OCI services in this region."
    protocol         = "6"
    destination      = data.oci_core_services.all.services[0].cidr_block
    destination_type = "SERVICE_CIDR_BLOCK"

    tcp_options {
      min = 443
      max = 443
    }
  }
}

resource "oci_core_subnet" "siem" {
  compartment_id             = var.compartment_ocid
  vcn_id                     = oci_core_vcn.siem.id
  display_name               = "epimetheus"
  cidr_block                 = var.vcn_cidr
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.siem.id
  security_list_ids          = [oci_core_security_list.siem.id]
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

  use_existing_network = true
  subnet_ocid          = oci_core_subnet.siem.id
  syslog_host          = var.syslog_host
  notification_emails  = var.notification_emails

  # The Audit services of other regions are on the internet, which this network does not reach: deploy once in each region.
  regions = [var.region]
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

variable "drg_ocid" {
  type        = string
  description = "DRG that is connected to the network of the SIEM."
}

variable "vcn_cidr" {
  type        = string
  description = "CIDR block of the new VCN, which does not overlap with your networks."
}

variable "siem_cidr" {
  type        = string
  description = "CIDR block of the SIEM."
}

variable "syslog_host" {
  type        = string
  description = "IP address of the syslog receiver. The VCN does not resolve names of your network, unless you add a DNS resolver."
}

variable "notification_emails" {
  type        = list(string)
  description = "E-mail addresses that receive alarms and failed runs."
}
