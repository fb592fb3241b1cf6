# Mock values: distinct OCIDs for the resources, and the data sources that the module indexes.

mock_data "oci_identity_region_subscriptions" {
  defaults = {
    region_subscriptions = [
      { is_home_region = false, region_key = "FRA", region_name = "eu-frankfurt-1", state = "READY", tenancy_id = "ocid1.tenancy.oc1..tenancy" },
      { is_home_region = true, region_key = "IAD", region_name = "us-ashburn-1", state = "READY", tenancy_id = "ocid1.tenancy.oc1..tenancy" },
    ]
  }
}

mock_data "oci_core_services" {
  defaults = {
    services = [{
      cidr_block  = "all-fra-services-in-oracle-services-network"
      description = "All FRA Services In Oracle Services Network"
      id          = "ocid1.service.oc1..all"
      name        = "All FRA Services In Oracle Services Network"
    }]
  }
}

mock_data "oci_objectstorage_namespace" {
  defaults = {
    namespace = "axexample"
  }
}

mock_resource "oci_functions_application" {
  defaults = {
    id = "ocid1.fnapp.oc1..app"
  }
}

mock_resource "oci_functions_function" {
  defaults = {
    id = "ocid1.fnfunc.oc1..function"
  }
}

mock_resource "oci_objectstorage_bucket" {
  defaults = {
    bucket_id  = "ocid1.bucket.oc1..bucket"
    kms_key_id = "" # a key that Oracle manages
  }
}

mock_resource "oci_ons_notification_topic" {
  defaults = {
    id = "ocid1.onstopic.oc1..topic"
  }
}

mock_resource "oci_logging_log_group" {
  defaults = {
    id = "ocid1.loggroup.oc1..group"
  }
}

mock_resource "oci_logging_log" {
  defaults = {
    id = "ocid1.log.oc1..log"
  }
}

mock_resource "oci_core_subnet" {
  defaults = {
    id = "ocid1.subnet.oc1..made"
  }
}

mock_resource "oci_core_network_security_group" {
  defaults = {
    id = "ocid1.networksecuritygroup.oc1..group"
  }
}

mock_resource "oci_vault_secret" {
  defaults = {
    id = "ocid1.vaultsecret.oc1..made"
  }
}

mock_resource "oci_resource_scheduler_schedule" {
  defaults = {
    id = "ocid1.resourceschedule.oc1..schedule"
  }
}
