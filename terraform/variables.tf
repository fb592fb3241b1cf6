# What is made, and where. What the function is told is in variables_settings.tf.

variable "compartment_ocid" {
  type        = string
  nullable    = false
  description = "The compartment that everything is made in, but for the groups and policies, which are the tenancy's."

  validation {
    condition     = can(regex("^ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", var.compartment_ocid))
    error_message = "compartment_ocid: allowed is the OCID of a compartment."
  }
}

variable "region" {
  type        = string
  nullable    = false
  description = "The region that the function runs in, like eu-frankfurt-1."

  validation {
    condition     = can(regex("^[a-z]+(?:-[a-z]+)+-\\d+$", var.region))
    error_message = "region: allowed is a region identifier like eu-frankfurt-1."
  }
}

variable "name" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "The name of everything that is made. A second deployment in the same tenancy needs another one."

  validation {
    condition     = can(regex("^[A-Za-z][\\w-]{0,62}$", var.name))
    error_message = "name: allowed are up to 63 letters, digits, _ and -, a letter first."
  }
}

variable "image" {
  type        = string
  nullable    = false
  description = "The function's image in the registry of its region: HOST/NAMESPACE/REPOSITORY:TAG, as scripts/deploy.sh pushes it."

  validation {
    condition     = can(regex("^[a-z0-9-]+(?:\\.[a-z0-9-]+)+(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+:\\w[\\w.-]{0,127}$", var.image))
    error_message = "image: allowed is HOST/NAMESPACE/REPOSITORY:TAG."
  }

  validation {
    condition     = !endswith(var.image, ":latest")
    error_message = "image: a function keeps the image it was given, whatever latest is by then; allowed is a tag of its own."
  }
}

variable "image_digest" {
  type        = string
  default     = null
  description = "The digest that the image must have; by default the one its tag has when it is set."

  validation {
    condition     = var.image_digest == null || can(regex("^(?:sha256:[0-9a-f]{64})?$", var.image_digest))
    error_message = "image_digest: allowed is sha256: and 64 hexadecimal digits."
  }
}

variable "shape" {
  type        = string
  default     = "GENERIC_X86"
  nullable    = false
  description = "What the image was built for: GENERIC_X86, GENERIC_ARM or GENERIC_X86_ARM."

  validation {
    condition     = contains(["GENERIC_X86", "GENERIC_ARM", "GENERIC_X86_ARM"], var.shape)
    error_message = "shape: allowed is GENERIC_X86 or GENERIC_ARM or GENERIC_X86_ARM."
  }
}

variable "memory_in_mbs" {
  type        = number
  default     = 256
  nullable    = false
  description = "The function's memory: 256 for a backlog of any length, more where an hour may have millions of events, see docs/scale.md."

  validation {
    condition     = contains([256, 512, 1024, 2048, 3072], var.memory_in_mbs)
    error_message = "memory_in_mbs: allowed is 256 or 512 or 1024 or 2048 or 3072."
  }
}

variable "timeout_in_seconds" {
  type        = number
  default     = 300
  nullable    = false
  description = "The most a run may last that somebody waits for, as from scripts/deploy.sh."

  validation {
    condition     = floor(var.timeout_in_seconds) == var.timeout_in_seconds && var.timeout_in_seconds >= 60 && var.timeout_in_seconds <= 300
    error_message = "timeout_in_seconds: allowed is a whole number from 60 to 300."
  }
}

variable "detached_timeout_in_seconds" {
  type        = number
  default     = 840
  nullable    = false
  description = "The most a scheduled run may last. What it has not done by then, the next one goes on with."

  validation {
    condition = (
      floor(var.detached_timeout_in_seconds) == var.detached_timeout_in_seconds &&
      var.detached_timeout_in_seconds >= 60 && var.detached_timeout_in_seconds <= 3600
    )
    error_message = "detached_timeout_in_seconds: allowed is a whole number from 60 to 3600."
  }
}

variable "interval_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "How often a run begins. OCI's schedules are hourly at the finest, so 15 minutes are four of them, staggered."

  validation {
    condition     = contains([60, 30, 20, 15, 10, 5], var.interval_minutes)
    error_message = "interval_minutes: allowed is 60 or 30 or 20 or 15 or 10 or 5."
  }
}

variable "schedule_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "Whether the schedules start the function; false to stop it for a while. OCI keeps the events."
}

variable "follow_seconds" {
  type        = number
  default     = 0
  nullable    = false
  description = "0, or how long each run goes on asking for new events: near-real-time, with interval_minutes = 60 from one schedule."

  validation {
    condition = (
      floor(var.follow_seconds) == var.follow_seconds &&
      (var.follow_seconds == 0 || var.follow_seconds >= 60 && var.follow_seconds < 3600)
    )
    error_message = "follow_seconds: allowed is 0, or a whole number from 60 to 3599."
  }
}

variable "subnet_id" {
  type        = string
  default     = null
  description = "A subnet of your own that leads to the SIEM and to OCI's services; by default a network is made."

  validation {
    condition     = var.subnet_id == null || can(regex("^(?:ocid1\\.subnet\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.subnet_id))
    error_message = "subnet_id: allowed is the OCID of a subnet."
  }
}

variable "vcn_id" {
  type        = string
  default     = null
  description = "The VCN of subnet_id. Only Resource Manager's form needs it, to offer its subnets."

  validation {
    condition     = var.vcn_id == null || can(regex("^(?:ocid1\\.vcn\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.vcn_id))
    error_message = "vcn_id: allowed is the OCID of a VCN."
  }
}

variable "network_compartment_ocid" {
  type        = string
  default     = null
  description = "The compartment of the network, made or your own; by default compartment_ocid."

  validation {
    condition = var.network_compartment_ocid == null || can(regex(
      "^(?:ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      var.network_compartment_ocid
    ))
    error_message = "network_compartment_ocid: allowed is the OCID of a compartment."
  }
}

variable "network_security_group_ids" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Security groups of your own that the function joins, besides the one made with the network."

  validation {
    condition = alltrue([
      for each in var.network_security_group_ids : can(regex("^ocid1\\.networksecuritygroup\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))
    ])
    error_message = "network_security_group_ids: allowed is OCIDs of network security groups."
  }
}

variable "vcn_cidr" {
  type        = string
  default     = "10.77.0.0/24"
  nullable    = false
  description = "The addresses of the network that is made, which has one subnet."

  validation {
    condition     = can(cidrnetmask(var.vcn_cidr)) && can(regex("/(?:1[6-9]|2[0-7])$", var.vcn_cidr))
    error_message = "vcn_cidr: allowed is an IPv4 network in CIDR notation, from /16 to /27."
  }
}

variable "siem_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
  description = "Where the SIEM may be, for the network that is made: syslog_port leads nowhere else. Better narrow it down."

  validation {
    condition     = length(var.siem_cidrs) > 0 && alltrue([for each in var.siem_cidrs : can(cidrnetmask(each))])
    error_message = "siem_cidrs: allowed is IPv4 networks in CIDR notation, one at least."
  }
}

variable "create_vault" {
  type        = bool
  default     = false
  nullable    = false
  description = "Whether to make a vault, a key and a secret for syslog_client_key_pem. A vault can not be removed at once."
}

variable "syslog_client_key_pem" {
  type        = string
  default     = null
  sensitive   = true
  description = "With create_vault: the key of syslog_client_cert, as PEM. Terraform's state then holds it, too."

  validation {
    condition = var.syslog_client_key_pem == null || can(regex(
      "^$|-----BEGIN (?:RSA |EC )?PRIVATE KEY-----",
      var.syslog_client_key_pem
    ))
    error_message = "syslog_client_key_pem: allowed is a PEM text of a private key without a passphrase."
  }
}

variable "kms_key_id" {
  type        = string
  default     = null
  description = "A key of your own vault that the bucket is encrypted with; by default it is a key of Oracle's."

  validation {
    condition     = var.kms_key_id == null || can(regex("^(?:ocid1\\.key\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$", var.kms_key_id))
    error_message = "kms_key_id: allowed is the OCID of a key."
  }
}

variable "state_versions_days" {
  type        = number
  default     = 30
  nullable    = false
  description = "How long former versions of the state are kept, to go back to."

  validation {
    condition = (
      floor(var.state_versions_days) == var.state_versions_days &&
      var.state_versions_days >= 1 && var.state_versions_days <= 365
    )
    error_message = "state_versions_days: allowed is a whole number from 1 to 365."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  nullable    = false
  description = "How long the function's log is kept."

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180], var.log_retention_days)
    error_message = "log_retention_days: allowed is 30 or 60 or 90 or 120 or 150 or 180."
  }
}

variable "notification_emails" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Who is told of alarms and failed runs. Each gets a message to confirm that first."

  validation {
    condition     = alltrue([for each in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", each))])
    error_message = "notification_emails: allowed is e-mail addresses."
  }
}

variable "alarms_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "Whether alarms are on."
}

variable "lag_alarm_minutes" {
  type        = number
  default     = 120
  nullable    = false
  description = "How far the events may be behind before that is an alarm."

  validation {
    condition     = floor(var.lag_alarm_minutes) == var.lag_alarm_minutes && var.lag_alarm_minutes >= 10 && var.lag_alarm_minutes <= 10080
    error_message = "lag_alarm_minutes: allowed is a whole number from 10 to 10080."
  }
}

variable "certificate_alarm_days" {
  type        = number
  default     = 21
  nullable    = false
  description = "How many days before a certificate expires that is an alarm."

  validation {
    condition = (
      floor(var.certificate_alarm_days) == var.certificate_alarm_days &&
      var.certificate_alarm_days >= 1 && var.certificate_alarm_days <= 180
    )
    error_message = "certificate_alarm_days: allowed is a whole number from 1 to 180."
  }
}

variable "relaxed_policy_conditions" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Conditions to leave out of the policies where OCI does not honour them (runs fail with 404): objects, metrics, secrets."

  validation {
    condition     = alltrue([for each in var.relaxed_policy_conditions : contains(["objects", "metrics", "secrets"], each)])
    error_message = "relaxed_policy_conditions: allowed is objects, metrics and secrets."
  }
}

variable "freeform_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Free-form tags for everything that is made."

  validation {
    condition     = alltrue([for key, value in var.freeform_tags : can(regex("^[^.\\s]{1,100}$", key)) && length(value) <= 256])
    error_message = "freeform_tags: allowed are keys of up to 100 characters without blanks and dots, and values of up to 256."
  }
}

variable "defined_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Defined tags for everything that is made."

  validation {
    condition = alltrue([
      for key, value in var.defined_tags : can(regex("^[^.\\s]{1,100}\\.[^.\\s]{1,100}$", key)) && length(value) <= 256
    ])
    error_message = "defined_tags: allowed are keys like NAMESPACE.KEY, and values of up to 256 characters."
  }
}
