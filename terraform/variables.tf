# Resources to create, and where. The settings of the function are in variables_settings.tf.

variable "compartment_ocid" {
  type        = string
  nullable    = false
  description = "Compartment of all resources except the dynamic group and the policies about the whole tenancy, which are in the root compartment. See also network_compartment_ocid."

  validation {
    condition     = can(regex("^ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", var.compartment_ocid))
    error_message = "compartment_ocid: expected a compartment OCID."
  }
}

variable "region" {
  type        = string
  nullable    = false
  description = "Region that the function runs in, like eu-frankfurt-1."

  validation {
    condition     = can(regex("^[a-z]+(?:-[a-z]+)+-\\d+$", var.region))
    error_message = "region: expected a region identifier like eu-frankfurt-1."
  }
}

variable "name" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "Name of the resources. Each deployment in a tenancy needs a different name. To change it later, see docs/deploy.md: a plan that would delete a bucket fails."

  validation {
    condition     = can(regex("^[A-Za-z][\\w-]{0,62}$", var.name))
    error_message = "name: expected up to 63 letters, digits, _ and -, starting with a letter."
  }
}

variable "image" {
  type        = string
  nullable    = false
  description = "Image of the function in the registry of its region: HOST/NAMESPACE/REPOSITORY:TAG, as scripts/deploy.sh pushes it."

  validation {
    condition     = can(regex("^[a-z0-9-]+(?:\\.[a-z0-9-]+)+(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+:\\w[\\w.-]{0,127}$", var.image))
    error_message = "image: expected HOST/NAMESPACE/REPOSITORY:TAG."
  }

  validation {
    condition     = !endswith(var.image, ":latest")
    error_message = "image: expected a tag other than latest, because a function keeps the image that the tag had at deployment."
  }
}

variable "image_digest" {
  type        = string
  default     = null
  description = "Digest that the image must have. Default: the digest of its tag at deployment."

  validation {
    condition     = var.image_digest == null || can(regex("^(?:sha256:[0-9a-f]{64})?$", var.image_digest))
    error_message = "image_digest: expected sha256: followed by 64 hexadecimal digits."
  }
}

variable "image_signing_key_ocids" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Vault keys that sign the image. With them, OCI rejects an image that none of them has signed."

  validation {
    condition     = alltrue([for each in var.image_signing_key_ocids : can(regex("^ocid1\\.key\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))])
    error_message = "image_signing_key_ocids: expected key OCIDs."
  }
}

variable "shape" {
  type        = string
  default     = "GENERIC_X86"
  nullable    = false
  description = "Processor architecture that the image is built for: GENERIC_X86, GENERIC_ARM or GENERIC_X86_ARM."

  validation {
    condition     = contains(["GENERIC_X86", "GENERIC_ARM", "GENERIC_X86_ARM"], var.shape)
    error_message = "shape: expected GENERIC_X86, GENERIC_ARM or GENERIC_X86_ARM."
  }
}

variable "memory_in_mbs" {
  type        = number
  default     = 256
  nullable    = false
  description = "Memory of the function in MB. 256 is enough for a backlog of any length; an hour with millions of events needs more, see docs/scale.md."

  validation {
    condition     = contains([256, 512, 1024, 2048, 3072], var.memory_in_mbs)
    error_message = "memory_in_mbs: expected 256, 512, 1024, 2048 or 3072."
  }
}

variable "timeout_in_seconds" {
  type        = number
  default     = 300
  nullable    = false
  description = "Maximum duration in seconds of a run whose caller waits for its report, for example scripts/deploy.sh."

  validation {
    condition     = floor(var.timeout_in_seconds) == var.timeout_in_seconds && var.timeout_in_seconds >= 60 && var.timeout_in_seconds <= 300
    error_message = "timeout_in_seconds: expected an integer from 60 to 300."
  }
}

variable "detached_timeout_in_seconds" {
  type        = number
  default     = 840
  nullable    = false
  description = "Maximum duration in seconds of a scheduled run. The next run continues with the remaining events."

  validation {
    condition = (
      floor(var.detached_timeout_in_seconds) == var.detached_timeout_in_seconds &&
      var.detached_timeout_in_seconds >= 60 && var.detached_timeout_in_seconds <= 3600
    )
    error_message = "detached_timeout_in_seconds: expected an integer from 60 to 3600."
  }
}

variable "interval_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes between the starts of runs. OCI schedules are hourly at most, so 15 minutes take four staggered schedules."

  validation {
    condition     = contains([60, 30, 20, 15, 10, 5], var.interval_minutes)
    error_message = "interval_minutes: expected 60, 30, 20, 15, 10 or 5."
  }
}

variable "schedule_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "If false, the schedules do not start the function. OCI retains the events until it runs again, for up to a year."
}

variable "follow_seconds" {
  type        = number
  default     = 0
  nullable    = false
  description = "Seconds for which each run polls for new events, for near-real-time forwarding with interval_minutes = 60. With 0, runs do not poll."

  validation {
    condition = (
      floor(var.follow_seconds) == var.follow_seconds &&
      (var.follow_seconds == 0 || var.follow_seconds >= 60 && var.follow_seconds < 3600)
    )
    error_message = "follow_seconds: expected 0, or an integer from 60 to 3599."
  }
}

variable "subnet_ocid" {
  type        = string
  default     = null
  description = "Existing subnet with routes to the SIEM and to the OCI services. By default, the module creates a network."

  validation {
    condition     = var.subnet_ocid == null || can(regex("^(?:ocid1\\.subnet\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.subnet_ocid))
    error_message = "subnet_ocid: expected a subnet OCID."
  }
}

variable "use_existing_network" {
  type        = bool
  default     = false
  nullable    = false
  description = "If true, the module creates no network, and subnet_ocid is required. Set it if subnet_ocid comes from a resource in the same configuration: its value is then not known in the plan."
}

variable "vcn_ocid" {
  type        = string
  default     = null
  description = "VCN of subnet_ocid. Only the form of Resource Manager uses it, to list its subnets."

  validation {
    condition     = var.vcn_ocid == null || can(regex("^(?:ocid1\\.vcn\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.vcn_ocid))
    error_message = "vcn_ocid: expected a VCN OCID."
  }
}

variable "network_compartment_ocid" {
  type        = string
  default     = null
  description = "Compartment of the network, created or existing. Default: compartment_ocid."

  validation {
    condition = var.network_compartment_ocid == null || can(regex(
      "^(?:ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      var.network_compartment_ocid
    ))
    error_message = "network_compartment_ocid: expected a compartment OCID."
  }
}

variable "network_security_group_ocids" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Existing network security groups to add the function to, in addition to the one that is created with the network."

  validation {
    condition = alltrue([
      for each in var.network_security_group_ocids : can(regex("^ocid1\\.networksecuritygroup\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))
    ])
    error_message = "network_security_group_ocids: expected OCIDs of network security groups."
  }
}

variable "vcn_cidr" {
  type        = string
  default     = "10.77.0.0/24"
  nullable    = false
  description = "CIDR block of the VCN that the module creates. The VCN has one subnet. It cannot be changed later."

  validation {
    condition     = try(cidrsubnet(var.vcn_cidr, 0, 0) == var.vcn_cidr && can(cidrnetmask(var.vcn_cidr)), false) && can(regex("/(?:1[6-9]|2[0-7])$", var.vcn_cidr))
    error_message = "vcn_cidr: expected an IPv4 network in CIDR notation, from /16 to /27, without host bits (10.0.0.0/24, not 10.0.0.1/24)."
  }
}

variable "nat_public_ip_ocid" {
  type        = string
  default     = null
  description = "Existing reserved public IP address for the NAT gateway that the module creates: the address that the SIEM's firewall allows then outlives the network. By default, OCI assigns an address, which stays as long as the gateway."

  validation {
    condition     = var.nat_public_ip_ocid == null || can(regex("^(?:ocid1\\.publicip\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.nat_public_ip_ocid))
    error_message = "nat_public_ip_ocid: expected the OCID of a public IP address."
  }
}

variable "siem_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
  description = "CIDR blocks of the SIEM: the only addresses that the created network can reach on syslog_port. Narrow the default."

  validation {
    condition = length(var.siem_cidrs) > 0 && length(distinct(var.siem_cidrs)) == length(var.siem_cidrs) && alltrue([
      for each in var.siem_cidrs : try(cidrsubnet(each, 0, 0) == each && can(cidrnetmask(each)), false)
    ])
    error_message = "siem_cidrs: expected at least one IPv4 network in CIDR notation, each once and without host bits (10.0.0.0/24, not 10.0.0.1/24)."
  }
}

variable "create_vault" {
  type        = bool
  default     = false
  nullable    = false
  description = "If true, the module creates a vault, a key, and secrets with syslog_client_key_pem and seal_key_pem. Terraform never deletes the vault. OCI deletes a vault after 7 days at the earliest."
}

variable "syslog_client_key_secret_ocid" {
  type        = string
  default     = null
  description = "Existing secret with the private key of syslog_client_cert. The same as syslog_client_key = vault:SECRET_OCID."

  validation {
    condition     = var.syslog_client_key_secret_ocid == null || can(regex("^(?:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.syslog_client_key_secret_ocid))
    error_message = "syslog_client_key_secret_ocid: expected a secret OCID."
  }
}

variable "seal_key_secret_ocid" {
  type        = string
  default     = null
  description = "Existing secret with the private key that signs the seals. The same as seal_key = vault:SECRET_OCID."

  validation {
    condition     = var.seal_key_secret_ocid == null || can(regex("^(?:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.seal_key_secret_ocid))
    error_message = "seal_key_secret_ocid: expected a secret OCID."
  }
}

variable "syslog_client_key_pem" {
  type        = string
  default     = null
  sensitive   = true
  description = "With create_vault: private key of syslog_client_cert in PEM. It is also stored in the Terraform state."

  validation {
    condition = var.syslog_client_key_pem == null || can(regex(
      "^$|-----BEGIN\\s*(?:RSA\\s*|EC\\s*)?PRIVATE\\s*KEY-----",
      var.syslog_client_key_pem
    ))
    error_message = "syslog_client_key_pem: expected a PEM private key without a passphrase."
  }
}

variable "seal_key_pem" {
  type        = string
  default     = null
  sensitive   = true
  description = "With create_vault: Ed25519 private key that signs the seals, in PEM. It is also stored in the Terraform state."

  validation {
    condition     = var.seal_key_pem == null || can(regex("^$|-----BEGIN\\s*PRIVATE\\s*KEY-----", var.seal_key_pem))
    error_message = "seal_key_pem: expected a PEM private key without a passphrase (PKCS #8)."
  }
}

variable "seal_public_key" {
  type        = string
  default     = null
  description = "Public key of the seals in PEM; while keys are rotated, both. The function does not use it: the output of the same name hands it to auditors."

  validation {
    condition     = var.seal_public_key == null || can(regex("^$|^\\s*-----BEGIN PUBLIC KEY-----", var.seal_public_key))
    error_message = "seal_public_key: expected a public key in PEM."
  }
}

variable "kms_vault_ocid" {
  type        = string
  default     = null
  description = "Vault of kms_key_ocid. Only the form of Resource Manager uses it, to list its keys."

  validation {
    condition     = var.kms_vault_ocid == null || can(regex("^(?:ocid1\\.vault\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.kms_vault_ocid))
    error_message = "kms_vault_ocid: expected a vault OCID."
  }
}

variable "kms_key_ocid" {
  type        = string
  default     = null
  description = "Existing vault key that encrypts the buckets. To rotate it, create a new version of the key; docs/operate.md has the steps for another key, or none. Default: a key that Oracle manages."

  validation {
    condition     = var.kms_key_ocid == null || can(regex("^(?:ocid1\\.key\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.kms_key_ocid))
    error_message = "kms_key_ocid: expected a key OCID."
  }
}

variable "state_versions_days" {
  type        = number
  default     = 30
  nullable    = false
  description = "Days to keep previous versions of the state, for recovery."

  validation {
    condition = (
      floor(var.state_versions_days) == var.state_versions_days &&
      var.state_versions_days >= 1 && var.state_versions_days <= 365
    )
    error_message = "state_versions_days: expected an integer from 1 to 365."
  }
}

variable "ledger_retention_days" {
  type        = number
  default     = null
  description = "Days for which no one can overwrite or delete an object in the ledger's bucket. With 0, its administrators can. Not used if ledger_bucket is state_bucket. Default: ledger_days."

  validation {
    condition = var.ledger_retention_days == null || try(
      floor(var.ledger_retention_days) == var.ledger_retention_days &&
      var.ledger_retention_days >= 0 && var.ledger_retention_days <= 400,
      false
    )
    error_message = "ledger_retention_days: expected an integer from 0 to 400."
  }
}

variable "ledger_retention_lock_time" {
  type        = string
  default     = null
  description = "Time from which the retention rule is locked, like 2027-01-31T00:00:00Z, at least 14 days after the apply. Not even an administrator can then remove or shorten it, or delete the bucket before its last object expires. By default, the rule is not locked."

  validation {
    condition     = var.ledger_retention_lock_time == null || var.ledger_retention_lock_time == "" || can(formatdate("YYYY", var.ledger_retention_lock_time))
    error_message = "ledger_retention_lock_time: expected a time like 2027-01-31T00:00:00Z."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  nullable    = false
  description = "Days to keep the log of the function."

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180], var.log_retention_days)
    error_message = "log_retention_days: expected 30, 60, 90, 120, 150 or 180."
  }
}

variable "notification_emails" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "E-mail addresses that receive alarms and failed runs. Each recipient must first confirm the subscription."

  validation {
    condition     = alltrue([for each in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", each))])
    error_message = "notification_emails: expected e-mail addresses."
  }
}

variable "alarms_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "If true, the alarms are enabled."
}

variable "lag_alarm_minutes" {
  type        = number
  default     = 120
  nullable    = false
  description = "Lag in minutes above which an alarm fires."

  validation {
    condition     = floor(var.lag_alarm_minutes) == var.lag_alarm_minutes && var.lag_alarm_minutes >= 10 && var.lag_alarm_minutes <= 10080
    error_message = "lag_alarm_minutes: expected an integer from 10 to 10080."
  }
}

variable "certificate_alarm_days" {
  type        = number
  default     = 21
  nullable    = false
  description = "Days before the expiry of a certificate at which an alarm fires."

  validation {
    condition = (
      floor(var.certificate_alarm_days) == var.certificate_alarm_days &&
      var.certificate_alarm_days >= 1 && var.certificate_alarm_days <= 180
    )
    error_message = "certificate_alarm_days: expected an integer from 1 to 180."
  }
}

variable "relaxed_policy_conditions" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Policy conditions to omit where OCI does not support them (runs fail with 404, or are not started): objects, metrics, secrets, functions."

  validation {
    condition     = alltrue([for each in var.relaxed_policy_conditions : contains(["objects", "metrics", "secrets", "functions"], each)])
    error_message = "relaxed_policy_conditions: expected objects, metrics, secrets or functions."
  }
}

variable "freeform_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Free-form tags of all resources."

  validation {
    condition     = alltrue([for key, value in var.freeform_tags : can(regex("^[^.\\s]{1,100}$", key)) && length(value) <= 256])
    error_message = "freeform_tags: expected keys of up to 100 characters without spaces and dots, and values of up to 256 characters."
  }
}

variable "defined_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Defined tags of all resources. If the tenancy has tag defaults, also set ignore_defined_tags (in a configuration of your own, that of the providers)."

  validation {
    condition = alltrue([
      for key, value in var.defined_tags : can(regex("^[^.\\s]{1,100}\\.[^.\\s]{1,100}$", key)) && length(value) <= 256
    ])
    error_message = "defined_tags: expected keys like NAMESPACE.KEY, and values of up to 256 characters."
  }
}
