# A private subnet with two routes: the service gateway to OCI services, and NAT to the SIEM. No inbound connections.
# With subnet_ocid, none of this is created.

data "oci_core_services" "all" {
  count = local.create_network ? 1 : 0

  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

# Warnings: they do not stop an apply.
check "siem_cidrs" {
  assert {
    condition     = !local.create_network || !contains(var.siem_cidrs, "0.0.0.0/0")
    error_message = "siem_cidrs is 0.0.0.0/0: the function can reach every address on port ${var.syslog_port}. Set it to the addresses of the SIEM."
  }
}

locals {
  subnet_id          = local.create_network ? oci_core_subnet.private[0].id : var.subnet_ocid
  security_group_ids = concat(oci_core_network_security_group.function[*].id, var.network_security_group_ocids)
  # The service gateway reaches this region only. The Audit services of other regions are reached through NAT. The regions that "all", the
  # default, stands for are not known here, and may change.
  other_regions = length(local.regions) == 0 || length(setsubtract(local.regions, [var.region])) > 0
  egress_rules = !local.create_network ? {} : merge(
    {
      for cidr in var.siem_cidrs : "siem ${cidr}" => {
        destination = cidr, type = "CIDR_BLOCK", port = var.syslog_port, description = "Events to the SIEM."
      }
    },
    {
      services = {
        destination = data.oci_core_services.all[0].services[0].cidr_block
        type        = "SERVICE_CIDR_BLOCK", port = 443, description = "OCI services in this region."
      }
    },
    {
      for cidr in local.other_regions ? ["0.0.0.0/0"] : [] : "regions" => {
        destination = cidr, type = "CIDR_BLOCK", port = 443, description = "Audit services of other regions."
      }
    },
  )
}

resource "oci_core_vcn" "this" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  display_name   = var.name
  cidr_blocks    = [var.vcn_cidr]
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  # Another block would replace the subnet, which OCI does not delete while the function's network interface is in it.
  lifecycle {
    ignore_changes = [cidr_blocks]

    postcondition {
      condition     = contains(self.cidr_blocks, var.vcn_cidr)
      error_message = "vcn_cidr is ${var.vcn_cidr}, but the VCN has ${join(", ", self.cidr_blocks)}: it cannot be changed. Set vcn_cidr to that value, or create another network and set subnet_ocid."
    }
  }
}

resource "oci_core_nat_gateway" "this" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name
  public_ip_id   = var.nat_public_ip_ocid == "" ? null : var.nat_public_ip_ocid
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_core_service_gateway" "this" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  services {
    service_id = data.oci_core_services.all[0].services[0].id
  }
}

resource "oci_core_route_table" "private" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  route_rules {
    description       = "To OCI services."
    destination       = data.oci_core_services.all[0].services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.this[0].id
  }

  route_rules {
    description       = "To the SIEM and to other regions."
    destination       = "0.0.0.0/0"
    destination_type  = "CIDR_BLOCK"
    network_entity_id = oci_core_nat_gateway.this[0].id
  }
}

# Replaces the VCN's default list, which allows inbound SSH and all outbound traffic.
resource "oci_core_security_list" "private" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

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
}

resource "oci_core_subnet" "private" {
  count = local.create_network ? 1 : 0

  compartment_id             = local.network_compartment
  vcn_id                     = oci_core_vcn.this[0].id
  display_name               = var.name
  cidr_block                 = var.vcn_cidr
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.private[0].id
  security_list_ids          = [oci_core_security_list.private[0].id]
  defined_tags               = local.defined_tags
  freeform_tags              = var.freeform_tags
}

resource "oci_core_network_security_group" "function" {
  count = local.create_network ? 1 : 0

  compartment_id = local.network_compartment
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_core_network_security_group_security_rule" "egress" {
  for_each = local.egress_rules

  network_security_group_id = oci_core_network_security_group.function[0].id
  direction                 = "EGRESS"
  protocol                  = "6"
  description               = each.value.description
  destination               = each.value.destination
  destination_type          = each.value.type
  stateless                 = false

  tcp_options {
    destination_port_range {
      min = each.value.port
      max = each.value.port
    }
  }
}
