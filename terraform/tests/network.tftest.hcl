# Egress to the SIEM's port and to OCI services only (in other regions: to port 443 anywhere), and no ingress.

mock_provider "oci" {
  source = "./tests/mocks"
}

mock_provider "oci" {
  alias  = "home"
  source = "./tests/mocks"
}

variables {
  tenancy_ocid     = "ocid1.tenancy.oc1..tenancy"
  compartment_ocid = "ocid1.compartment.oc1..here"
  region           = "eu-frankfurt-1"
  image            = "fra.ocir.io/axexample/epimetheus:0.1.0"
  syslog_host      = "siem.example.com"
  siem_cidrs       = ["203.0.113.7/32"]

  notification_emails = ["soc@example.com"]
}

run "created_network" {
  variables {
    siem_cidrs = ["203.0.113.0/24", "198.51.100.7/32"]
  }

  assert {
    condition = { for name, each in oci_core_network_security_group_security_rule.egress : name => "${each.direction} ${each.protocol} ${each.destination_type} ${each.destination} ${each.tcp_options[0].destination_port_range[0].min}-${each.tcp_options[0].destination_port_range[0].max}" } == {
      "siem 203.0.113.0/24"  = "EGRESS 6 CIDR_BLOCK 203.0.113.0/24 6514-6514"
      "siem 198.51.100.7/32" = "EGRESS 6 CIDR_BLOCK 198.51.100.7/32 6514-6514"
      services               = "EGRESS 6 SERVICE_CIDR_BLOCK all-fra-services-in-oracle-services-network 443-443"
      regions                = "EGRESS 6 CIDR_BLOCK 0.0.0.0/0 443-443"
    }
    error_message = "the egress rules allow more or less than the function needs"
  }

  assert {
    condition = (
      length(oci_core_security_list.private[0].egress_security_rules) == 0 &&
      [for each in oci_core_security_list.private[0].ingress_security_rules : "${each.protocol} ${each.icmp_options[0].type} ${each.icmp_options[0].code}"] == ["1 3 4"] &&
      oci_core_subnet.private[0].security_list_ids == toset([oci_core_security_list.private[0].id])
    )
    error_message = "the subnet allows other ingress than path MTU discovery, or egress outside the security group"
  }

  assert {
    condition     = oci_core_subnet.private[0].prohibit_public_ip_on_vnic && oci_core_subnet.private[0].cidr_block == "10.77.0.0/24"
    error_message = "the subnet is not private"
  }

  assert {
    condition = (
      { for each in oci_core_route_table.private[0].route_rules : each.destination => each.network_entity_id } == {
        "0.0.0.0/0"                                   = oci_core_nat_gateway.this[0].id
        "all-fra-services-in-oracle-services-network" = oci_core_service_gateway.this[0].id
      }
    )
    error_message = "a route has the wrong target"
  }
}

run "a_reserved_address" {
  variables {
    nat_public_ip_ocid = "ocid1.publicip.oc1..ours"
  }

  assert {
    condition     = oci_core_nat_gateway.this[0].public_ip_id == "ocid1.publicip.oc1..ours" && output.nat_address == oci_core_nat_gateway.this[0].nat_ip
    error_message = "the gateway has another address, or the output is not its address"
  }
}

run "another_port_and_other_regions" {
  variables {
    syslog_port = 601
    siem_cidrs  = ["198.51.100.0/24"]
    regions     = ["eu-frankfurt-1", "us-ashburn-1"]
  }

  assert {
    condition = { for name, each in oci_core_network_security_group_security_rule.egress : name => "${each.direction} ${each.protocol} ${each.destination_type} ${each.destination} ${each.tcp_options[0].destination_port_range[0].min}-${each.tcp_options[0].destination_port_range[0].max}" } == {
      "siem 198.51.100.0/24" = "EGRESS 6 CIDR_BLOCK 198.51.100.0/24 601-601"
      services               = "EGRESS 6 SERVICE_CIDR_BLOCK all-fra-services-in-oracle-services-network 443-443"
      regions                = "EGRESS 6 CIDR_BLOCK 0.0.0.0/0 443-443"
    }
    error_message = "the SIEM or the Audit services of other regions cannot be reached"
  }
}

run "the_region_of_the_function_needs_no_additional_rule" {
  command = plan

  variables {
    regions = ["eu-frankfurt-1"]
  }

  assert {
    condition     = !contains(keys(oci_core_network_security_group_security_rule.egress), "regions")
    error_message = "egress to port 443 everywhere is allowed although no other region is forwarded"
  }
}

run "an_empty_list_of_regions_stands_for_all" {
  command = plan

  variables {
    regions = []
  }

  assert {
    condition     = contains(keys(oci_core_network_security_group_security_rule.egress), "regions")
    error_message = "the function reads every subscribed region, but reaches only its own"
  }
}

run "existing_network" {
  command = plan

  variables {
    subnet_ocid                  = "ocid1.subnet.oc1..yours"
    syslog_host                  = "2001:db8::1"
    network_security_group_ocids = ["ocid1.networksecuritygroup.oc1..yours"]
  }

  assert {
    condition = length(concat(
      oci_core_vcn.this, oci_core_subnet.private, oci_core_nat_gateway.this, oci_core_service_gateway.this, oci_core_route_table.private,
      oci_core_security_list.private, oci_core_network_security_group.function, values(oci_core_network_security_group_security_rule.egress)
    )) == 0
    error_message = "network resources are created although a subnet is given"
  }

  assert {
    condition     = output.nat_address == null
    error_message = "an address is shown that connections do not come from"
  }

  assert {
    condition = (
      oci_functions_application.this.subnet_ids == tolist(["ocid1.subnet.oc1..yours"]) &&
      oci_functions_application.this.network_security_group_ids == toset(["ocid1.networksecuritygroup.oc1..yours"])
    )
    error_message = "the function is not in the given network"
  }
}
