# A key of your own for the buckets. In a file of its own: once a bucket has a key, a plan without it fails.

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

run "both_buckets_and_the_policy_have_the_key" {
  variables {
    kms_key_ocid = "ocid1.key.oc1..ours"
  }

  assert {
    condition     = oci_identity_policy.keys[0].statements[0] == "Allow service objectstorage-eu-frankfurt-1 to use keys in tenancy where target.key.id='ocid1.key.oc1..ours'"
    error_message = jsonencode(oci_identity_policy.keys)
  }

  assert {
    condition     = oci_identity_policy.keys[0].compartment_id == "ocid1.tenancy.oc1..tenancy"
    error_message = "the policy is not in the root compartment, which statements on the whole tenancy require"
  }

  assert {
    condition = (
      oci_objectstorage_bucket.state.kms_key_id == "ocid1.key.oc1..ours" &&
      oci_objectstorage_bucket.ledger[0].kms_key_id == "ocid1.key.oc1..ours"
    )
    error_message = "a bucket does not have the key of the policy"
  }
}
