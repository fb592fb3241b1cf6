# Ignore tags that OCI adds automatically.
provider "oci" {
  region              = var.region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

# Groups and policies can be changed only in the tenancy's home region.
provider "oci" {
  alias               = "home"
  region              = local.home_region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

data "oci_identity_region_subscriptions" "all" {
  tenancy_id = var.tenancy_ocid
}

locals {
  home_region = one([
    for each in data.oci_identity_region_subscriptions.all.region_subscriptions : each.region_name if each.is_home_region
  ])
}
