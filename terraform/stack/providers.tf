# OCI adds tags to every resource. Ignoring them keeps plans free of changes.
provider "oci" {
  region              = var.region
  ignore_defined_tags = local.ignored_tags
}

# Dynamic groups and policies can be changed in the tenancy's home region only.
provider "oci" {
  alias               = "home"
  region              = local.home_region
  ignore_defined_tags = local.ignored_tags
}

data "oci_identity_region_subscriptions" "all" {
  tenancy_id = var.tenancy_ocid
}

locals {
  ignored_tags = concat(["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"], var.ignore_defined_tags)
  home_region = one([
    for each in data.oci_identity_region_subscriptions.all.region_subscriptions : each.region_name if each.is_home_region
  ])
}
